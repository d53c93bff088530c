// The browser: Debian's Chromium without a window, and a visit in it that remembers whatever was not as it should be.

import assert from "node:assert/strict";
import { chromium } from "playwright-core";

/** @import { Browser, BrowserContextOptions, Page } from "playwright-core" */

const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** How long one step of a person may take, in milliseconds. */
const STEP = 10_000;

/** @type {BrowserContextOptions} */
const VIEWER = { viewport: { width: 1280, height: 900 }, locale: "en-US", timezoneId: "UTC", colorScheme: "light" };

export const launch = () => chromium.launch({ executablePath: EXECUTABLE, args: ARGS, headless: true, timeout: 30_000 });

/** One page in a context of its own: nothing is kept from other visits. */
export class Visit {
  /** What it said on its console. @type {string[]} */ console = [];
  /** What must not happen on any page. @type {string[]} */ #problems = [];
  /** What may happen all the same. @type {RegExp[]} */ #expected = [];

  /** @param {Page} page @param {string} origin */
  constructor(page, origin) {
    this.page = page;
    this.origin = origin;
  }

  /** Opens no address yet. @param {Browser} browser @param {string} origin of the one server that may be asked @param {BrowserContextOptions} [options] */
  static async begin(browser, origin, options = {}) {
    const context = await browser.newContext({ ...VIEWER, ...options });
    const visit = new Visit(await context.newPage(), origin);
    visit.#watch();
    return visit;
  }

  #watch() {
    const { page } = this;
    page.setDefaultTimeout(STEP);
    page.on("console", (message) => {
      this.console.push(`${message.type()}: ${message.text()}`);
      if (["error", "warning"].includes(message.type())) this.#problem(`console ${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.#problem(`not caught: ${error.stack ?? error}`));
    page.on("crash", () => this.#problem("the page has crashed"));
    page.on("request", (request) => this.#asked(request.url()));
    page.on("websocket", (socket) => this.#asked(socket.url()));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // The page gives up an answer that it needs no more.
      const isGivenUp = why === "net::ERR_ABORTED" && new URL(request.url()).pathname.startsWith("/api/v1/");
      if (!isGivenUp) this.#problem(`request failed: ${request.url()} ${why}`);
    });
    page.on("response", (response) => response.status() >= 400 && this.#problem(`answer ${response.status()}: ${response.url()}`));
  }

  /** @param {string} url */
  #asked(url) {
    if (!url.startsWith("data:") && new URL(url).origin !== this.origin) this.#problem(`asked elsewhere: ${url}`);
  }

  /** @param {string} problem */
  #problem(problem) {
    if (!this.#expected.some((pattern) => pattern.test(problem))) this.#problems.push(problem);
  }

  /** From now on this is no problem. @param {RegExp} pattern */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /** Nothing but the ward was asked, all answered well, and nobody complained. */
  assertFlawless() {
    assert.deepEqual(this.#problems, []);
  }

  /** Goes to an address of the ward, and waits until what it asks for is shown. @param {string} [path] */
  async go(path = "/") {
    await this.page.goto(this.origin + path);
    await this.settled();
  }

  /** Waits until what is chosen is shown. */
  async settled() {
    await this.page.locator('[data-testid="totals"][aria-busy="false"]').waitFor();
    await this.page.locator('[data-testid="connection"][data-state="connected"]').waitFor();
  }

  /** @param {string} testid */
  at(testid) {
    return this.page.getByTestId(testid);
  }

  /** A figure as the API gave it. @param {string} total */
  async total(total) {
    const value = await this.at(`total-${total}`).getAttribute("data-value");
    return value === null ? null : Number(value);
  }

  /** The part of the address that says what is shown. */
  get query() {
    return new URL(this.page.url()).search;
  }

  async end() {
    await this.page.context().close();
  }
}
