// One test: wards and visits that end with it, whatever happens, and what to look at where it fails.

import { mkdir } from "node:fs/promises";
import { after, test } from "node:test";
import { launch, Visit } from "./browser.mjs";
import { Ward } from "./ward.mjs";

/** @import { Browser, BrowserContextOptions } from "playwright-core" */

const FAILURES = new URL("../../target/page-failures/", import.meta.url).pathname;
const LIMIT = 90_000;
const LAST_LINES = 40;

/** What all tests share ends after them, each whatever became of the others. @type {(() => Promise<void>)[]} */
const endings = [];
after(() => ended(endings.map((end) => end())));

/** @type {Promise<Browser> | undefined} */
let launched;
const browser = () => (launched ??= launch());
endings.push(async () => (await launched)?.close());

/** Fails as the first of them did, but not before all have ended. @param {Promise<void>[]} all */
async function ended(all) {
  const failed = (await Promise.allSettled(all)).find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * A ward that is made when the first test needs it, and that all others only look at.
 *
 * @param {object} spec @param {(ward: Ward) => Promise<void>} fill
 */
export function shared(spec, fill) {
  const make = async () => {
    const ward = await Ward.make(spec);
    await ward.start();
    await fill(ward);
    return ward;
  };
  /** @type {Promise<Ward> | undefined} */
  let made;
  endings.push(async () => {
    const ward = await made?.catch(() => undefined);
    await ward?.stop();
    await ward?.remove();
  });
  return () => (made ??= make());
}

class Scene {
  /** @type {Ward[]} */ wards = [];
  /** Also those that are not its own. @type {Set<Ward>} */ visited = new Set();
  /** @type {Visit[]} */ visits = [];

  /** So that what follows need not wait for it. */
  async browser() {
    return browser();
  }

  /** A ward that runs. @param {object | string} spec of its manifest, or where there is one @param {string} [listen] */
  async ward(spec, listen) {
    const ward = await this.unstarted(spec);
    return ward.start(listen);
  }

  /** @param {object | string} spec */
  async unstarted(spec) {
    const ward = await Ward.make(spec);
    this.wards.push(ward);
    return ward;
  }

  /** A browser that has opened nothing yet. @param {Ward} ward @param {BrowserContextOptions} [options] */
  async visitor(ward, options) {
    const visit = await Visit.begin(await browser(), ward.origin, options);
    this.visits.push(visit);
    this.visited.add(ward);
    return visit;
  }

  /** A page of the ward, shown. @param {Ward} ward @param {string} [path] @param {BrowserContextOptions} [options] */
  async visit(ward, path, options) {
    const visit = await this.visitor(ward, options);
    await visit.go(path);
    return visit;
  }

  /** @param {string} name */
  async tell(name) {
    await mkdir(FAILURES, { recursive: true });
    for (const [index, { page, console }] of this.visits.entries()) {
      const path = `${FAILURES}${name.replace(/[^a-z0-9]+/gi, "-")}-${index + 1}.png`;
      const isTaken = await page.screenshot({ path, timeout: 5_000 }).then(() => true, () => false);
      tell(`the browser at ${page.url()}${isTaken ? `, see ${path}` : ""}`, console);
    }
    for (const { log } of new Set([...this.wards, ...this.visited])) tell("the ward", log);
  }

  /** Ends all of it; fails where one did not end well. */
  async end() {
    const visits = this.visits.map((visit) => visit.end());
    const wards = this.wards.map((ward) => ward.stop().finally(() => ward.remove()));
    await ended([...visits, ...wards]);
  }
}

/** @param {string} what @param {string[]} lines */
function tell(what, lines) {
  console.error(`--- ${what}`);
  for (const line of lines.slice(-LAST_LINES)) console.error(`    ${line}`);
}

/** Every visit has to be flawless at its end. @param {string} name @param {(scene: Scene) => Promise<string | void>} body what it hands over is told */
export function check(name, body) {
  test(name, { timeout: LIMIT }, async (context) => {
    const scene = new Scene();
    try {
      const told = await body(scene);
      if (told) context.diagnostic(told);
      for (const visit of scene.visits) visit.assertFlawless();
    } catch (error) {
      await scene.tell(name);
      await scene.end().catch((also) => console.error(also));
      throw error;
    }
    await scene.end();
  });
}
