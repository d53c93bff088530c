// Filters: by keyboard, in the address, over a reload, and back.

import assert from "node:assert/strict";
import { overview } from "./expected.mjs";
import { tabTo, turn } from "./keyboard.mjs";
import * as look from "./look.mjs";
import { busiest, sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import * as store from "./store.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */
/** @import { Selection } from "./expected.mjs" */

/** Waits until the address and the figures are those of a selection. @param {Visit} visit @param {store.Stored[]} held @param {Selection} selection @param {string} query */
async function shows(visit, held, selection, query) {
  await eventually(() => assert.equal(visit.query, query));
  await visit.settled();
  await eventually(async () => assert.deepEqual((await look.overview(visit.page)).totals, overview(held, selection, Date.now()).totals));
}

check("patient, category and time are filtered by keyboard, and back again", async (scene) => {
  const ward = await sample();
  const held = await store.readings(ward);
  const patient = await busiest(ward);
  const visit = await scene.visit(ward);
  const { keyboard } = visit.page;
  await shows(visit, held, { range: "24h" }, "");

  await turn(visit, "range", "24h", "7d", "ArrowRight");
  await shows(visit, held, { range: "7d" }, "?range=7d");
  assert.ok(await visit.at("range-7d").isChecked());

  await tabTo(visit, "category-hypertensive_crisis");
  await keyboard.press("Space");
  await tabTo(visit, "category-elevated");
  await keyboard.press("Enter");
  const categories = ["hypertensive_crisis", "elevated"];
  const some = "?range=7d&category=hypertensive_crisis,elevated";
  await shows(visit, held, { range: "7d", categories }, some);
  assert.match(await visit.at("shown").innerText(), /only Hypertensive crisis or Elevated/);

  await tabTo(visit, "patient-input");
  await keyboard.type(patient.slice(0, 10));
  await eventually(async () => assert.equal(await visit.at("patient-found").innerText(), "1 patient found"));
  await keyboard.press("ArrowDown");
  const option = visit.at("patient-option");
  assert.equal(await visit.at("patient-input").getAttribute("aria-activedescendant"), await option.getAttribute("id"));
  await keyboard.press("Enter");
  const all = `${some}&patient=${patient}`;
  await shows(visit, held, { range: "7d", categories, patient }, all);
  await visit.at("panel-patient").waitFor();
  assert.equal(await visit.at("patient-input").inputValue(), patient.slice(0, 8));

  await visit.page.reload();
  await shows(visit, held, { range: "7d", categories, patient }, all);
  assert.equal(await visit.at("category-elevated").getAttribute("aria-pressed"), "true");
  assert.equal(await visit.at("category-normal").getAttribute("aria-pressed"), "false");

  await visit.page.goBack();
  await shows(visit, held, { range: "7d", categories }, some);
  assert.equal(await visit.at("panel-patient").count(), 0);
  await visit.page.goBack();
  await shows(visit, held, { range: "7d", categories: ["hypertensive_crisis"] }, "?range=7d&category=hypertensive_crisis");
  await visit.page.goForward();
  await shows(visit, held, { range: "7d", categories }, some);

  await tabTo(visit, "filters-clear");
  await keyboard.press("Enter");
  await shows(visit, held, { range: "24h" }, "");
  assert.ok(await visit.at("range-24h").isChecked());
});

check("the list of patients opens, moves and closes by keyboard", async (scene) => {
  const ward = await sample();
  const held = await store.readings(ward);
  const visit = await scene.visit(ward, "/?range=all");
  const { keyboard } = visit.page;
  const patients = new Set(held.map(({ patient }) => patient));
  await tabTo(visit, "patient-input");
  await keyboard.press("ArrowDown");
  await eventually(async () => assert.equal(await visit.at("patient-option").count(), 50));
  const active = () => visit.page.locator('[data-testid="patient-option"][data-active="true"]').getAttribute("data-patient");
  await keyboard.press("ArrowDown");
  const first = await active();
  await keyboard.press("ArrowDown");
  const second = await active();
  assert.ok(first !== second && patients.has(first ?? "") && patients.has(second ?? ""));
  await keyboard.press("Escape");
  assert.ok(await visit.at("patient-options").isHidden());
  assert.equal(visit.query, "?range=all");

  await keyboard.type("nobody is called that");
  await eventually(async () => assert.equal(await visit.at("patient-found").innerText(), "No patient begins with that"));
  await keyboard.press("Enter");
  await keyboard.press("Escape");
  assert.equal(visit.query, "?range=all");

  await keyboard.press("ArrowDown");
  await visit.at("patient-option").first().waitFor();
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await shows(visit, held, { range: "all", patient: first ?? "" }, `?range=all&patient=${first}`);
  await tabTo(visit, "patient-clear");
  await keyboard.press("Enter");
  await shows(visit, held, { range: "all" }, "?range=all");
});
