// Light and dark, as the system has it or as chosen here.

import assert from "node:assert/strict";
import { turn } from "./keyboard.mjs";
import { sample } from "./sample.mjs";
import { check } from "./scene.mjs";
import { eventually } from "./until.mjs";

/** @import { Visit } from "./browser.mjs" */

/** Of ground and ink, from 0 (black) to 1. @param {Visit} visit */
const lightness = ({ page }) =>
  page.evaluate(() => {
    const of = (/** @type {string} */ color) => (color.match(/[\d.]+/g) ?? []).slice(0, 3).reduce((sum, value) => sum + Number(value) / 765, 0);
    const { backgroundColor, color } = getComputedStyle(document.documentElement);
    return { ground: of(backgroundColor), ink: of(color) };
  });

/** @param {Visit} visit @param {"light" | "dark"} theme */
const is = (visit, theme) =>
  eventually(async () => {
    const { ground, ink } = await lightness(visit);
    assert.ok(theme === "light" ? ground > 0.8 && ink < 0.2 : ground < 0.2 && ink > 0.8, `${theme}: ground ${ground}, ink ${ink}`);
  });

check("the theme is the system's, until one is chosen", async (scene) => {
  const visit = await scene.visit(await sample(), "/?range=all", { colorScheme: "dark" });
  await is(visit, "dark");
  await visit.page.emulateMedia({ colorScheme: "light" });
  await is(visit, "light");
  const light = await visit.at("chart-categories").screenshot();
  await visit.page.emulateMedia({ colorScheme: "dark" });
  await is(visit, "dark");
  // The charts follow, which no stylesheet reaches.
  await eventually(async () => assert.ok(!light.equals(await visit.at("chart-categories").screenshot())));

  await turn(visit, "theme", "auto", "light", "ArrowRight");
  await is(visit, "light");
  await visit.page.reload();
  await visit.settled();
  await is(visit, "light");
  assert.ok(await visit.at("theme-light").isChecked());
});
