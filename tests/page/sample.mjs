// A ward of files with something of everything: real FHIR, many patients, every flag, every reason to reject.

import assert from "node:assert/strict";
import { flaggedReadings, manyReadings, unreadable } from "./observations.mjs";
import { shared } from "./scene.mjs";
import * as store from "./store.mjs";
import { EXAMPLES, NOBODY } from "./ward.mjs";

/** @import { Ward } from "./ward.mjs" */

/** Only to be looked at. */
export const sample = shared(NOBODY, async (ward) => {
  const now = Date.now();
  await ward.importFiles(EXAMPLES);
  await ward.importResources(...manyReadings(now), ...flaggedReadings(now), ...unreadable(now).map(([, entry]) => entry));
});

/** Of its patients one with readings of many days, some of them critical. @param {Ward} ward */
export async function busiest(ward) {
  const held = await store.readings(ward);
  const critical = held.filter(({ severity }) => severity === "critical").sort((one, other) => other.time - one.time);
  const found = critical.find(({ patient }) => held.filter((reading) => reading.patient === patient).length > 10);
  assert.ok(found);
  return found.patient;
}
