// What happens to a reading is seen on an open page: it comes, is corrected, and goes.

import assert from "node:assert/strict";
import { overview } from "./expected.mjs";
import * as look from "./look.mjs";
import { observation, updated } from "./observations.mjs";
import { check } from "./scene.mjs";
import * as store from "./store.mjs";
import { eventually } from "./until.mjs";
import { NOBODY } from "./ward.mjs";

/** @import { Visit } from "./browser.mjs" */
/** @import { Ward } from "./ward.mjs" */

/** Waits until the page is what the store is; hands over what the page says. @param {Visit} visit @param {Ward} ward */
async function agreed(visit, ward) {
  const held = await store.readings(ward);
  return eventually(async () => {
    const found = await look.overview(visit.page);
    assert.deepEqual(found, overview(held, { range: "24h" }, Date.now()));
    return found;
  });
}

check("a reading appears, is corrected, and is withdrawn everywhere, while the page is open", async (scene) => {
  const ward = await scene.ward(NOBODY);
  const now = Date.now();
  const visit = await scene.visit(ward);
  assert.match(await visit.at("empty").innerText(), /No readings yet/);

  await ward.importResources(observation("other", "other", 118, 76, now - 120_000));
  await visit.at("empty").waitFor({ state: "detached" });
  await agreed(visit, ward);

  const reading = observation("it", "someone", 191, 118, now - 60_000);
  await ward.importResources(reading);
  const came = await agreed(visit, ward);
  assert.deepEqual([came.totals.readings.text, came.totals.critical.text, came.totals.patients.text], ["2", "1", "2"]);
  assert.deepEqual(came.critical.map(({ cells }) => cells[1]), ["191/118"]);
  const { patient } = came.critical[0];
  const short = patient.slice(0, 8);
  await visit.at("patient-input").click();
  await visit.page.locator(`[data-testid="patient-option"][data-patient="${patient}"]`).waitFor();
  await visit.page.keyboard.press("Escape");

  await ward.importResources(updated(reading, "amended", { component: observation("", "", 152, 94, 0).component }));
  const corrected = await agreed(visit, ward);
  assert.deepEqual([corrected.totals.readings.text, corrected.totals.critical.text, corrected.critical.length], ["2", "0", 0]);

  const later = { meta: { lastUpdated: "2024-03-03T08:00:00Z" } };
  await ward.importResources(updated(reading, "entered-in-error", later));
  const gone = await agreed(visit, ward);
  assert.deepEqual([gone.totals.readings.text, gone.totals.patients.text], ["1", "1"]);
  await visit.at("patient-input").click();
  await eventually(async () => assert.equal(await visit.at("patient-option").count(), 1));
  const shown = await visit.page.evaluate(() => document.getElementById("page")?.outerHTML);
  assert.ok(!shown?.includes(short), "nothing that is shown names the patient any more");
});

check("a chosen patient's reading comes and goes", async (scene) => {
  const ward = await scene.ward(NOBODY);
  const now = Date.now();
  await ward.importResources(observation("first", "someone", 134, 84, now - 120_000));
  const [{ patient }] = await store.readings(ward);
  const visit = await scene.visit(ward, `/?patient=${patient}`);
  const shown = (/** @type {string[]} */ pressures) =>
    eventually(async () => assert.deepEqual((await look.patientRows(visit.page)).map(([, systolic, diastolic]) => `${systolic}/${diastolic}`), pressures));
  await shown(["134/84"]);
  const reading = observation("second", "someone", 118, 76, now - 60_000);
  await ward.importResources(reading);
  await shown(["118/76", "134/84"]);
  assert.match(await visit.at("summary-patient").innerText(), /^2 readings, last 118\/76 mmHg: Normal$/);
  await ward.importResources(updated(reading, "entered-in-error"));
  await shown(["134/84"]);
  assert.match(await visit.at("summary-patient").innerText(), /^1 reading, last 134\/84 mmHg: Hypertension stage 1$/);
});

check("a chosen patient's only reading goes when it is withdrawn", async (scene) => {
  const ward = await scene.ward(NOBODY);
  const reading = observation("it", "someone", 191, 118, Date.now() - 60_000);
  await ward.importResources(reading);
  const [{ patient }] = await store.readings(ward);
  const visit = await scene.visit(ward, `/?patient=${patient}`);
  await eventually(async () => assert.match(await visit.at("summary-patient").innerText(), /191\/118/));
  // The ward may say that it has no such patient any more.
  visit.expect(/\b404\b/);
  await ward.importResources(updated(reading, "entered-in-error"));
  await eventually(async () => assert.equal(await visit.total("readings"), 0));
  await eventually(async () => assert.ok(!(await visit.at("panel-patient").innerText()).includes("191/118"), "the withdrawn reading is still shown"));
  assert.equal((await look.patientRows(visit.page)).length, 0);
});

check("an entry that cannot be read is told of", async (scene) => {
  const ward = await scene.ward(NOBODY);
  const visit = await scene.visit(ward);
  assert.match(await visit.at("panel-rejections").innerText(), /Every observation could be read\./);
  await ward.importResources(observation("odd", "someone", 80, 120, Date.now()));
  await eventually(async () => assert.equal(await visit.total("rejected"), 1));
  assert.match(await visit.at("table-rejections").innerText(), /Implausible pressure\s+given-1\.ndjson, line 1/);
});
