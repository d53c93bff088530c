// English and French: every word, every number.

import assert from "node:assert/strict";
import en from "../../services/local/page/app/text/en.js";
import fr from "../../services/local/page/app/text/fr.js";
import { turn } from "./keyboard.mjs";
import { sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import * as store from "./store.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */

const FRENCH = ["Crise hypertensive", "Hypertension de stade 2", "Hypertension de stade 1", "Pression élevée", "Hypotension", "Normale"];
/** No French word is among these. */
const ENGLISH =
  /(?<![\p{L}_])(crisis|stage|elevated|normal|readings?|anomal(y|ies) of|critical|severity|high|low|moderate|none|patients? (found|shown)|systolic|diastolic|pulse|narrow|wide|isolated|rejected|could not|hours?|days|since|show|table|clear|filters?|last|all times|mean|throughput|lag|connected|wall|theme|dark|light|suspect|preliminary|bound|missing|under|years|unit|time|zone|place|line|why|source)(?![\p{L}_])/iu;

/** Every text that is read or read out: of elements, and of attributes that speak. @param {Visit} visit */
const said = ({ page }) =>
  page.evaluate(() => {
    const texts = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      if (node instanceof Element) texts.push(...["aria-label", "title", "placeholder", "alt"].map((name) => node.getAttribute(name) ?? ""));
      else if (!["NOSCRIPT", "SCRIPT", "STYLE"].includes(node.parentElement?.tagName ?? "")) texts.push(node.textContent ?? "");
    }
    return texts.map((text) => text.trim()).filter((text) => text !== "");
  });

/** The other dictionary's words that stand alone in it. @param {Record<string, unknown>} dictionary @param {Record<string, unknown>} other */
function ownWords(dictionary, other) {
  const others = new Set(Object.values(other));
  return new Set(Object.values(dictionary).filter((text) => typeof text === "string" && text.length > 1 && !others.has(text)));
}

check("French by keyboard: no English is left, and it stays", async (scene) => {
  const ward = await sample();
  const held = await store.readings(ward);
  const { patient } = held.find(({ flags, severity }) => flags.includes("time_imprecise") && severity === "critical") ?? assert.fail();
  const visit = await scene.visit(ward, "/?range=all");
  const { page } = visit;
  const language = () => page.evaluate(() => document.documentElement.lang);
  assert.equal(await language(), "en");
  const count = held.length.toLocaleString("en-US");
  assert.match(count, /^\d,\d{3}$/);
  assert.equal(await visit.at("total-readings").innerText(), count);
  assert.match(await visit.at("total-systolic_mean").innerText(), /^\d+\.\d$/);

  await turn(visit, "language", "en", "fr", "ArrowRight");
  await eventually(async () => assert.equal(await language(), "fr"));
  await eventually(async () => assert.equal(await visit.at("total-readings").innerText(), count.replace(",", "\u202f")));
  assert.match(await visit.at("total-systolic_mean").innerText(), /^\d+,\d$/);
  const names = page.locator('[data-testid="table-categories"] tbody .category');
  assert.deepEqual(await names.allInnerTexts(), FRENCH);

  // A reload has to keep it; one of these pages has every flag of a reading, one has none at all.
  const english = ownWords(en, fr);
  for (const path of ["/?range=all", `/?range=all&patient=${patient}`, `/?range=1h&patient=${patient}&category=normal`, "/?wall&range=all"]) {
    await visit.go(path);
    assert.equal(await language(), "fr");
    const texts = await said(visit);
    assert.deepEqual(texts.filter((text) => english.has(text) || ENGLISH.test(text)), [], path);
  }

  await visit.go("/");
  await turn(visit, "language", "fr", "en", "ArrowLeft");
  await eventually(async () => assert.equal(await language(), "en"));
  const french = ownWords(fr, en);
  assert.deepEqual((await said(visit)).filter((text) => french.has(text)), []);
});

check("a browser that asks for French gets it", async (scene) => {
  const visit = await scene.visit(await sample(), "/", { locale: "fr-CH" });
  assert.equal(await visit.at("disclaimer").innerText(), "Aide à la décision sur un flux. Ce n’est pas un dispositif médical.");
});
