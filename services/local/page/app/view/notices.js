// What somebody should know: notices of the ward, a lost connection, answers that are errors.

import { h } from "../../vendor/preact/preact.js";
import { failure } from "./panel.js";

/** @import { Notice } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { State } from "../state.js" */

/** @param {State} state */
export function notices(state) {
  const { language: say, status, errors } = state;
  return h(
    "div",
    { class: "notices" },
    h(
      "div",
      // Its figures change every second: a new notice is announced, an old one is not read again.
      { class: "notice-list", role: "status", "aria-live": "off", "aria-label": say.t("notices"), "data-testid": "notices" },
      (status?.notices ?? []).map((notice) => one(notice, state)),
    ),
    lost(state),
    Object.entries(errors).map(([part, message]) => h("div", { key: part }, failure(message, say, part))),
  );
}

/** How far a clock may jump for readings to wait, or to be made up for. */
const LONG_JUMP = 600;

/** @param {Pick<Notice, "code" | "seconds">} notice @param {Language} say */
export function noticeText({ code, seconds }, say) {
  const duration = say.duration(seconds);
  if (code === "behind" || code === "disk_full") return say.t(`notice.${code}`, { duration });
  if (code !== "clock_went_back" && code !== "clock_went_ahead") return say.t("notice.unknown", { code, duration });
  const then = say.t(seconds > LONG_JUMP ? "notice.clock.long" : `notice.${code}.then`);
  return `${say.t(`notice.${code}`, { duration })} ${then}`;
}

/** @param {Notice} notice @param {State} state */
function one({ code, since, seconds }, { language: say }) {
  return h(
    "p",
    { key: code, class: "notice", "data-testid": `notice-${code}` },
    noticeText({ code, seconds }, say),
    h("span", { class: "notice-since" }, ` (${say.t("notice.since", { time: say.dayClock(since) })})`),
  );
}

/** @param {State} state */
function lost({ language: say, connection, lastSeen }) {
  if (lastSeen === null || connection === "connected" || connection === "connecting") return null;
  return h(
    "p",
    { class: "notice notice-lost", "data-testid": "stale" },
    say.t("connection.lost", { time: say.clockSeconds(lastSeen) }),
  );
}
