// Everything can be reached and done by keyboard, and it is seen where one is.

import assert from "node:assert/strict";
import { focused, tabTo } from "./keyboard.mjs";
import { busiest, sample } from "./sample.mjs";
import { check } from "./scene.mjs";

/** @import { Visit } from "./browser.mjs" */

const CATEGORIES = ["hypertensive_crisis", "hypertension_stage2", "hypertension_stage1", "elevated", "hypotension", "normal"];
const REACHED = [
  "language-en",
  "theme-auto",
  "wall-toggle",
  "range-all",
  ...CATEGORIES.map((category) => `category-${category}`),
  "patient-input",
  "patient-clear",
  "filters-clear",
  "patient-copy",
  "patient-all",
  "table-categories button",
  "table-critical button",
  ...["patient", "severities", "heat", "flow"].map((name) => `table-${name}-details summary`),
];

/** How what has the focus is to be seen. @param {Visit} visit */
const seen = ({ page }) =>
  page.evaluate(() => {
    const { activeElement } = document;
    if (activeElement === null || activeElement === document.body) return null;
    // A radio button is hidden; what is seen of it stands beside.
    const shown = activeElement.matches('input[type="radio"]') ? activeElement.nextElementSibling : activeElement;
    if (shown === null) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(shown);
    const { left, top, width, height } = shown.getBoundingClientRect();
    const corners = [[left + 2, top + 2], [left + width - 2, top + height - 2], [left + width / 2, top + height / 2]];
    const isInSight = corners.some(([x, y]) => {
      const found = document.elementFromPoint(x, y);
      return found !== null && (shown.contains(found) || found.contains(shown));
    });
    return { isOutlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, isInSight };
  });

check("the first stop leads past the header to the readings", async (scene) => {
  const visit = await scene.visit(await sample());
  const { keyboard } = visit.page;
  await keyboard.press("Tab");
  assert.equal(await focused(visit), "skip");
  assert.deepEqual(await seen(visit), { isOutlined: true, isInSight: true });
  await keyboard.press("Enter");
  assert.equal(await visit.page.evaluate(() => document.activeElement?.tagName), "MAIN");
  await keyboard.press("Tab");
  assert.equal(await focused(visit), "range-24h");
});

check("every control is reached by Tab, is in sight then, and has an outline", async (scene) => {
  const ward = await sample();
  const visit = await scene.visit(ward, `/?range=all&patient=${await busiest(ward)}`);
  await visit.at("table-patient-details").waitFor();
  const stops = new Set();
  for (let stop = 0; stop < 150; stop++) {
    await visit.page.keyboard.press("Tab");
    const where = await focused(visit);
    const how = await seen(visit);
    if (how === null) break;
    assert.deepEqual(how, { isOutlined: true, isInSight: true }, where);
    stops.add(where);
  }
  assert.deepEqual(REACHED.filter((each) => !stops.has(each)), []);
});

check("tables behind charts open with Enter", async (scene) => {
  const ward = await sample();
  const visit = await scene.visit(ward, `/?range=all&patient=${await busiest(ward)}`);
  for (const name of ["patient", "severities", "heat", "flow"]) {
    const table = visit.at(`table-${name}`);
    assert.ok(await table.isHidden());
    await tabTo(visit, `table-${name}-details summary`);
    await visit.page.keyboard.press("Enter");
    await table.waitFor({ state: "visible" });
    assert.ok((await table.locator("tbody tr").count()) > 0);
  }
});
