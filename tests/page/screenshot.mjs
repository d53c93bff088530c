// A picture of the page for README.md: the example ward with its history, some seconds after its readings became live.
//
// usage: node screenshot.mjs OUT.png      (BPMONITOR: the binary)

import assert from "node:assert/strict";
import { launch, Visit } from "./browser.mjs";
import { eventually } from "./until.mjs";
import { EXAMPLE_MANIFEST, Ward } from "./ward.mjs";

const HISTORY_WITHIN = 120_000;
/** Once the figure, which is of the last seconds, holds nothing of the history any more. */
const RATE = /^5\.0\/s$/;
const WIDTH = 1440;
const VIEW = { viewport: { width: WIDTH, height: 900 }, deviceScaleFactor: 2 };
/** The last panel that is in the picture, and what is left free below it, in pixels. */
const LAST = "panel-heat";
const MARGIN = 20;

const [, , out] = process.argv;
assert.ok(out, "usage: node screenshot.mjs OUT.png");
const ward = await Ward.make(EXAMPLE_MANIFEST);
const browser = await launch();
try {
  await ward.start();
  const visit = await Visit.begin(browser, ward.origin, VIEW);
  await visit.go("/");
  const { page } = visit;
  await page.locator('[data-testid="phase"][data-phase="live"]').waitFor({ timeout: HISTORY_WITHIN });
  await eventually(async () => assert.match(await visit.at("throughput").innerText(), RATE), HISTORY_WITHIN);
  await visit.settled();
  const { y, height } = (await visit.at(LAST).boundingBox()) ?? assert.fail(`there is no ${LAST}`);
  const clip = { x: 0, y: 0, width: WIDTH, height: Math.ceil(y + height) + MARGIN };
  await page.screenshot({ path: out, fullPage: true, clip, animations: "disabled" });
  visit.assertFlawless();
} finally {
  await browser.close();
  await ward.stop();
  await ward.remove();
}
