// How the tests are told of: a line for each, and below it what a person wants to know of it.

/** @param {number} milliseconds */
const seconds = (milliseconds) => `${(milliseconds / 1_000).toFixed(1)} s`;

/** @param {string} text */
const indented = (text) => text.replace(/^/gm, "      ");

/** @param {Error & { cause?: unknown }} error */
const reason = ({ cause, message }) => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? message));

/** @param {AsyncIterable<import("node:test/reporters").TestEvent>} events */
export default async function* report(events) {
  const counts = { ok: 0, FAIL: 0 };
  for await (const { type, data } of events) {
    if (type === "test:pass") {
      counts.ok++;
      yield `ok    ${data.name} (${seconds(data.details.duration_ms)})\n`;
    } else if (type === "test:fail") {
      counts.FAIL++;
      yield `FAIL  ${data.name} (${seconds(data.details.duration_ms)})\n${indented(reason(data.details.error))}\n`;
    } else if (type === "test:diagnostic" && !/^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(data.message)) {
      yield indented(`${data.message}\n`).trimEnd() + "\n";
    } else if (type === "test:stdout" || type === "test:stderr") {
      yield data.message;
    }
  }
  yield `${counts.ok} passed, ${counts.FAIL} failed\n`;
}
