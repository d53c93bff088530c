// On a phone nothing is beside the screen, on a wall nothing is below it.

import assert from "node:assert/strict";
import { busiest, sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */

const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const WALL = { viewport: { width: 1920, height: 1080 } };

/** What is cut off at its box's edge, or lies beside the screen. @param {Visit} visit @param {"Width" | "Height"} side */
const cutOff = ({ page }, side) =>
  page.evaluate((of) => {
    const describe = (/** @type {Element} */ element) => `${element.tagName} ${element.className} ${element.getAttribute("data-testid") ?? ""}`;
    const lengths = (/** @type {Element} */ { scrollWidth, clientWidth, scrollHeight, clientHeight }) =>
      of === "Width" ? { needed: scrollWidth, given: clientWidth } : { needed: scrollHeight, given: clientHeight };
    return [...document.querySelectorAll(".page, main, .grid, .panel, .panel .table-scroll, .total")]
      .map((element) => ({ element, ...lengths(element) }))
      .filter(({ needed, given }) => given > 0 && needed > given + 1)
      .map(({ element, needed, given }) => `${describe(element)}: ${needed} px in ${given} px`);
  }, side);

/** @param {Visit} visit */
const overflow = ({ page }) =>
  page.evaluate(() => {
    const { scrollWidth, scrollHeight } = /** @type {Element} */ (document.scrollingElement);
    return { right: scrollWidth - innerWidth, below: scrollHeight - innerHeight };
  });

check("a phone needs no scrolling sideways", async (scene) => {
  const ward = await sample();
  for (const locale of ["en-US", "fr-FR"]) {
    const visit = await scene.visit(ward, "/", { ...PHONE, locale });
    for (const path of ["/", `/?range=7d&patient=${await busiest(ward)}`, "/?range=1h&category=normal"]) {
      await visit.go(path);
      for (const details of await visit.page.locator("details > summary:visible").all()) await details.click();
      assert.equal((await overflow(visit)).right, 0, `${path} ${locale}`);
    }
    await visit.at("patient-input").click();
    await visit.at("patient-option").first().waitFor();
    assert.equal((await overflow(visit)).right, 0, `list of patients ${locale}`);
  }
});

check("a wall display is one screen with everything in it", async (scene) => {
  const ward = await sample();
  for (const locale of ["en-US", "fr-FR"]) {
    const visit = await scene.visit(ward, "/?wall&range=all", { ...WALL, locale });
    for (const path of ["/?wall&range=all", `/?wall&range=7d&patient=${await busiest(ward)}`]) {
      await visit.go(path);
      assert.deepEqual(await overflow(visit), { right: 0, below: 0 }, `${path} ${locale}`);
      assert.deepEqual([...(await cutOff(visit, "Height")), ...(await cutOff(visit, "Width"))], [], `${path} ${locale}`);
      for (const id of ["total-readings", "table-critical", "chart-categories", "chart-flow"]) assert.ok(await visit.at(id).isVisible(), id);
    }
  }
});

check("the wall display is entered and left", async (scene) => {
  const visit = await scene.visit(await sample(), "/?range=all", WALL);
  await visit.at("wall-toggle").click();
  await eventually(() => assert.equal(visit.query, "?range=all&wall"));
  assert.ok(await visit.at("filters").isHidden());
  await visit.page.keyboard.press("Escape");
  await visit.at("filters").waitFor();
  assert.equal(visit.query, "?range=all");
});
