// The page by keyboard only.

import assert from "node:assert/strict";

/** @import { Visit } from "./browser.mjs" */

/** More stops than any page of ours has. */
const MOST_STOPS = 150;

/** What has the focus, by its hook; what has none, by its element. @param {Visit} visit */
export const focused = ({ page }) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return element?.getAttribute("data-testid") ?? element?.closest("[data-testid]")?.getAttribute("data-testid")?.concat(" ", element.tagName.toLowerCase()) ?? element?.className ?? "";
  });

/** Presses Tab until something has the focus. @param {Visit} visit @param {string} testid */
export async function tabTo(visit, testid) {
  for (let stop = 0; stop < MOST_STOPS; stop++) {
    if ((await focused(visit)) === testid) return;
    await visit.page.keyboard.press("Tab");
  }
  assert.fail(`${testid} is not reached by Tab`);
}

/** To a group of radio buttons, and from the chosen one by arrows to another. @param {Visit} visit @param {string} group @param {string} from @param {string} to @param {"ArrowLeft" | "ArrowRight"} arrow */
export async function turn(visit, group, from, to, arrow) {
  await tabTo(visit, `${group}-${from}`);
  for (let step = 0; step < 10; step++) {
    if ((await focused(visit)) === `${group}-${to}`) return;
    await visit.page.keyboard.press(arrow);
  }
  assert.fail(`${group}-${to} is not reached by ${arrow}`);
}
