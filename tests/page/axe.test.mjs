// No violation that axe-core knows of, on any form of the page.

import assert from "node:assert/strict";
import axe from "axe-core";
import { busiest, sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import { NOBODY } from "./ward.mjs";

/** @import { Visit } from "./browser.mjs" */

/** What axe-core finds, in short. @param {Visit} visit @returns {Promise<string[]>} */
async function violations({ page }) {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    // @ts-expect-error what was just put there
    const { violations: found } = await window.axe.run();
    return found.flatMap((/** @type {import("axe-core").Result} */ { id, impact, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html.slice(0, 200)} ${failureSummary}`),
    );
  });
}

const WALL = { viewport: { width: 1920, height: 1080 } };
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

/** @type {[string, string, import("playwright-core").BrowserContextOptions][]} */
const FORMS = [
  ["light", "/", {}],
  ["dark", "/", { colorScheme: "dark" }],
  ["in French", "/?category=hypertensive_crisis", { locale: "fr-FR" }],
  ["on a phone", "/", PHONE],
  ["on a wall", "/?wall", WALL],
  ["on a dark wall", "/?wall", { ...WALL, colorScheme: "dark" }],
  ["of a patient", "/?range=7d&patient=BUSIEST", {}],
  ["of a patient in the dark", "/?range=7d&patient=BUSIEST", { colorScheme: "dark" }],
];

for (const [name, path, options] of FORMS) {
  check(`axe finds nothing on a page ${name}`, async (scene) => {
    const ward = await sample();
    const visit = await scene.visit(ward, path.replace("BUSIEST", await busiest(ward)), options);
    for (const details of await visit.page.locator("details > summary:visible").all()) await details.click();
    assert.deepEqual(await violations(visit), []);
  });
}

check("axe finds nothing with the list of patients open", async (scene) => {
  const visit = await scene.visit(await sample(), "/");
  await visit.at("patient-input").click();
  await visit.at("patient-option").first().waitFor();
  await visit.page.keyboard.press("ArrowDown");
  assert.deepEqual(await violations(visit), []);
});

check("axe finds nothing where there are no readings", async (scene) => {
  const ward = await sample();
  const patient = await busiest(ward);
  const hidden = await scene.visit(ward, `/?range=1h&category=hypotension&patient=${patient}`);
  const never = await scene.visit(await scene.ward(NOBODY));
  for (const visit of [hidden, never]) {
    await visit.at("empty").waitFor();
    assert.deepEqual(await violations(visit), []);
  }
});
