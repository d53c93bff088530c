// The numbers on the page are those of the store.

import assert from "node:assert/strict";
import * as expected from "./expected.mjs";
import * as look from "./look.mjs";
import { unreadable } from "./observations.mjs";
import { busiest, sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import * as store from "./store.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */

/** @param {expected.Selection} selection */
function address({ range, categories = [], patient }) {
  const parts = [`range=${range}`, categories.length > 0 && `category=${categories.join(",")}`, patient && `patient=${patient}`];
  return `/?${parts.filter(Boolean).join("&")}`;
}

/** Chooses it as a person does; another patient by the address. @param {Visit} visit @param {expected.Selection} selection @param {expected.Selection} before */
async function select(visit, selection, before) {
  if (selection.patient !== before.patient) return visit.go(address(selection));
  await visit.at(`range-${selection.range}`).check({ force: true });
  for (const [category] of expected.CATEGORIES) {
    const isChosen = selection.categories?.includes(category) ?? false;
    if (isChosen !== (before.categories?.includes(category) ?? false)) await visit.at(`category-${category}`).click();
  }
  await visit.settled();
}

check("all numbers are those of the store, whatever is selected", async (scene) => {
  const ward = await sample();
  const held = await store.readings(ward);
  const count = (/** @type {boolean} */ anomaly) => held.filter((reading) => reading.anomaly === anomaly).length;
  assert.ok(count(true) > 1_000 && count(false) > 400, "the store holds both kinds");
  const patient = await busiest(ward);

  const visit = await scene.visit(ward, "/?range=all");
  /** @type {expected.Selection[]} */
  const selections = [
    ...["all", "30d", "7d", "24h", "6h", "1h"].map((range) => ({ range })),
    { range: "24h", categories: ["normal"] },
    { range: "all", categories: ["hypertensive_crisis", "elevated"] },
    { range: "all", patient },
    { range: "24h", patient },
    { range: "30d", patient, categories: ["hypertensive_crisis", "normal"] },
  ];
  for (const [index, selection] of selections.entries()) {
    if (index > 0) await select(visit, selection, selections[index - 1]);
    // Once more where the hour has just become another one.
    await eventually(async () => assert.deepEqual(await look.overview(visit.page), expected.overview(held, selection, Date.now()), JSON.stringify(selection)));
    if (selection.patient === undefined) continue;
    const rows = () => expected.patientRows(held, { ...selection, patient }, Date.now());
    assert.ok(rows().length > 0);
    await eventually(async () => assert.deepEqual(await look.patientRows(visit.page), rows()));
  }
});

check("what could not be read is counted by reason, and the latest are listed", async (scene) => {
  const ward = await sample();
  const held = await store.rejections(ward);
  const reasons = held.map(({ reason }) => reason).reverse();
  assert.deepEqual(reasons.slice(-unreadable(0).length), unreadable(0).map(([reason]) => reason));

  const visit = await scene.visit(ward);
  await eventually(async () => assert.deepEqual(await look.rejected(visit.page), expected.rejected(held)));
});
