// A ward that simulates: what is new is on the page by itself.

import assert from "node:assert/strict";
import { availableParallelism, loadavg } from "node:os";
import { check } from "./scene.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */

const FIRST_READINGS_WITHIN = 2_000;
/** Something else may be in the way once; a promise that cannot be kept is missed each time. */
const CHANCES = 3;
const FEW = { patients: { count: 20, history: { days: 1 } }, rate: { perSecond: 20 } };
const LONG_HISTORY = { patients: { count: 500, history: { days: 365, readingsPerDay: 24 } } };

/** Whether the page has been left or loaded again since. @param {Visit} visit */
async function marked(visit) {
  const document = await visit.page.evaluateHandle(() => window.document);
  return () => visit.page.evaluate((before) => before === window.document, document);
}

/** Waits until a figure is above. @param {Visit} visit @param {number} value */
const above = (visit, value) => eventually(async () => assert.ok(((await visit.total("readings")) ?? 0) > value, `more than ${value} readings`));

/** On a machine with more to do than processors, everything takes as much longer. */
const crowding = () => Math.max(1, loadavg()[0] / availableParallelism());

check("the first readings are on the page within two seconds of the start", async (scene) => {
  await scene.browser();
  const limit = FIRST_READINGS_WITHIN * crowding();
  /** @type {number[]} */
  const took = [];
  for (let chance = 0; chance < CHANCES; chance++) {
    const ward = await scene.unstarted({});
    const begun = performance.now();
    await ward.start();
    const visit = await scene.visitor(ward);
    await visit.page.goto(ward.url, { waitUntil: "commit" });
    await visit.page.waitForFunction(() => Number(document.querySelector('[data-testid="total-readings"]')?.getAttribute("data-value")) > 0);
    took.push(Math.round(performance.now() - begun));
    if (Math.min(...took) < limit) return `${took.at(-1)} ms`;
    await visit.end();
    await ward.stop();
  }
  assert.fail(`it took ${took.join(", ")} ms; the limit here and now is ${Math.round(limit)} ms`);
});

check("live readings appear without a reload", async (scene) => {
  const visit = await scene.visit(await scene.ward(FEW));
  const isSame = await marked(visit);
  await visit.page.locator('[data-testid="phase"][data-phase="live"]').waitFor();
  assert.match(await visit.at("phase").innerText(), /^Live$/);
  const before = (await visit.total("readings")) ?? 0;
  await above(visit, before);
  await above(visit, before + 40);
  assert.equal(await visit.total("patients"), 20);
  await eventually(async () => assert.match(await visit.at("throughput").innerText(), /^(1[5-9]|2\d)\.\d\/s$/));
  assert.match(await visit.at("lag").innerText(), /^0(\.\d+)?\s?s$/);
  assert.equal(await visit.at("progress").count(), 0);
  assert.ok(await isSame());
});

check("the history is published with its progress", async (scene) => {
  const visit = await scene.visit(await scene.ward(LONG_HISTORY), "/?range=all");
  const isSame = await marked(visit);
  await visit.page.locator('[data-testid="phase"][data-phase="history"]').waitFor();
  assert.match(await visit.at("phase").innerText(), /^Past readings\s+\d+\.\d%$/);
  const done = () => visit.at("progress").evaluate((/** @type {HTMLProgressElement} */ progress) => [progress.value, progress.max]);
  const [before, total] = await done();
  assert.equal(total, 500 * 365 * 24);
  await eventually(async () => assert.ok((await done())[0] > before));
  await above(visit, (await visit.total("readings")) ?? 0);
  assert.ok(await isSame());
});
