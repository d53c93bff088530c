// A ward: `bpmonitor run` in a directory of its own, stopped as by Ctrl-C.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { within } from "./until.mjs";

const ROOT = new URL("../../", import.meta.url).pathname;
const BINARY = resolve(ROOT, process.env.BPMONITOR ?? "target/debug/bpmonitor");
const { BPMONITOR: _binary, BPMONITOR_DATA: _data, BPMONITOR_TOKEN: _token, BPMONITOR_LISTEN: _listen, ...ENVIRONMENT } = process.env;

/** FHIR that nobody of this project wrote. */
export const EXAMPLES = ["fhir/hl7", "fhir/synthea"].map((name) => join(ROOT, "examples", name));

/** The manifest of README.md. */
export const EXAMPLE_MANIFEST = join(ROOT, "examples/ward.yaml");

/** A ward that simulates nobody. */
export const NOBODY = { patients: { count: 0 } };

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

export class Ward {
  /** @type {import("node:child_process").ChildProcess | null} */ #process = null;
  #files = 0;
  /** What it said, on both outputs. @type {string[]} */ log = [];
  /** What it printed for a person to open. */ url = "";

  /** @param {string} directory @param {string} manifest */
  constructor(directory, manifest) {
    this.directory = directory;
    this.manifest = manifest;
    this.data = join(directory, "data");
  }

  /** A ward that was never run. @param {object | string} spec of its manifest, or where there is one */
  static async make(spec) {
    const directory = await mkdtemp(join(tmpdir(), "ward-"));
    if (typeof spec === "string") return new Ward(directory, spec);
    const manifest = join(directory, "ward.yaml");
    const document = { apiVersion: "bpmonitor.dev/v1alpha1", kind: "BpMonitor", metadata: { name: "ward-3" }, spec };
    await writeFile(manifest, JSON.stringify(document));
    return new Ward(directory, manifest);
  }

  get origin() {
    return new URL(this.url).origin;
  }

  get port() {
    return new URL(this.url).port;
  }

  /** Starts it, and waits until it says where its page is. @param {string} [listen] */
  async start(listen = "127.0.0.1:0") {
    const args = ["run", "-f", this.manifest, "--listen", listen, "--data", this.data];
    const child = spawn(BINARY, args, { env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    createInterface({ input: child.stderr }).on("line", (line) => this.log.push(line));
    /** @type {Promise<{ url: string, file?: string }>} */
    const printed = new Promise((found, failed) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.log.push(line);
        const [, url, file] = line.match(/^the page: (\S+)(?:.* what is in (.+))?$/) ?? [];
        if (url) found({ url, file });
      });
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`bpmonitor ended with ${code}: ${this.log.join("\n")}`)));
    });
    try {
      this.url = await this.#withToken(await within("the ward says where its page is", printed));
    } catch (error) {
      child.kill("SIGKILL");
      this.#process = null;
      throw error;
    }
    return this;
  }

  /** The address as a terminal would show it: a log names the token's file only. @param {{ url: string, file?: string }} printed */
  async #withToken({ url, file }) {
    return file === undefined ? url : `${url}?token=${(await readFile(file, "utf8")).trim()}`;
  }

  /** Ends it as Ctrl-C does: that has to go well. */
  async stop() {
    const child = this.#process;
    this.#process = null;
    if (child === null) return;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : [child.exitCode];
    child.kill("SIGINT");
    try {
      const [code] = await within("the ward has stopped", Promise.resolve(ended));
      assert.equal(code, 0, `bpmonitor run ended with ${code}: ${this.log.join("\n")}`);
    } finally {
      child.kill("SIGKILL");
    }
  }

  /** Another command of bpmonitor, to its end: its standard output. @param {string[]} args */
  async does(...args) {
    const { stdout } = await promisify(execFile)(BINARY, args, { env: ENVIRONMENT, timeout: 30_000, maxBuffer: 64 << 20 });
    return stdout;
  }

  /** Gives it files while it runs, and waits until they are read. @param {string[]} files */
  async importFiles(files) {
    await this.does("import", "--into", this.url, ...files);
  }

  /** The same with FHIR that is not in a file yet. @param {(object | string)[]} resources */
  async importResources(...resources) {
    const file = join(this.directory, `given-${++this.#files}.ndjson`);
    await writeFile(file, resources.map((each) => (typeof each === "string" ? each : JSON.stringify(each)) + "\n").join(""));
    await this.importFiles([file]);
  }

  async remove() {
    await rm(this.directory, { recursive: true, force: true });
  }
}
