// The figures at the top.

import { h } from "../../vendor/preact/preact.js";
import { mark } from "./mark.js";

/** @import { Child } from "../../vendor/preact/preact.js" */
/** @import { State } from "../state.js" */

/** @param {State} state */
export function totals({ language: say, overview, rejections, outdated }) {
  const sums = overview?.totals;
  return h(
    "section",
    { class: "totals", "aria-labelledby": "heading-totals", "aria-busy": String(outdated), "data-testid": "totals" },
    h("h2", { id: "heading-totals", class: "unseen" }, say.t("totals")),
    h(
      "dl",
      null,
      total("readings", say.t("totals.readings"), say.whole(sums?.readings), sums?.readings),
      total(
        "anomalies",
        say.t("totals.anomalies"),
        say.whole(sums?.anomalies),
        sums?.anomalies,
        sums && say.share(sums.anomalies, sums.readings),
      ),
      total(
        "critical",
        [mark("hypertensive_crisis"), say.t("totals.critical")],
        say.whole(sums?.critical),
        sums?.critical,
        sums && say.share(sums.critical, sums.readings),
      ),
      total("patients", say.t("totals.patients"), say.whole(sums?.patients), sums?.patients),
      total("systolic_mean", say.t("totals.systolic_mean"), say.tenth(sums?.systolic_mean), sums?.systolic_mean, say.t("mmhg")),
      total(
        "diastolic_mean",
        say.t("totals.diastolic_mean"),
        say.tenth(sums?.diastolic_mean),
        sums?.diastolic_mean,
        say.t("mmhg"),
      ),
      total("rejected", say.t("totals.rejected"), say.whole(rejections?.total), rejections?.total, say.t("totals.rejected.note")),
    ),
  );
}

/** @param {string} id @param {Child} label @param {string} text @param {number | null | undefined} value @param {string} [note] */
function total(id, label, text, value, note) {
  return h(
    "div",
    { key: id, class: `total total-${id}` },
    h("dt", null, label),
    h(
      "dd",
      null,
      h("span", { class: "figure", "data-testid": `total-${id}`, "data-value": value ?? null }, text),
      h("span", { class: "total-note" }, note ?? "\u00a0"),
    ),
  );
}
