// The stream of status events: kept open, opened again by itself, and watched, for a silent connection is a lost one.

/** @import { Status } from "./contract.js" */
/** @import { Connection } from "./state.js" */

const SILENT_AFTER = 5_000;
const STOPPED_AFTER = 30_000;
const RETRY_AFTER = 3_000;
// Browsers allow six connections to a server; a tab that nobody sees gives its own back.
const HIDDEN_FOR = 60_000;

/** @typedef {{ onStatus: (status: Status) => void, onConnection: (connection: Connection) => void }} Listener */

/** Follows the stream for as long as the page lives. @param {URL} url @param {Listener} listener */
export function follow(url, { onStatus, onConnection }) {
  /** @type {EventSource | null} */
  let source = null;
  let heard = performance.now();
  let opened = 0;
  /** @type {number | undefined} */
  let hiding;

  const open = () => {
    source?.close();
    opened = performance.now();
    source = new EventSource(url);
    source.addEventListener("status", (event) => {
      heard = performance.now();
      onConnection("connected");
      onStatus(JSON.parse(event.data));
    });
    source.addEventListener("error", () => source !== null && report());
  };

  const close = () => {
    source?.close();
    source = null;
  };

  const report = () => onConnection(performance.now() - heard < STOPPED_AFTER ? "reconnecting" : "stopped");

  const watch = () => {
    if (source === null || performance.now() - heard < SILENT_AFTER) return;
    report();
    if (performance.now() - opened > RETRY_AFTER) open();
  };

  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_FOR);
    else if (source === null) {
      heard = performance.now();
      open();
    }
  });
  setInterval(watch, 1_000);
  open();
}
