// What could not be read, and why; never what it says.

import { h } from "../../vendor/preact/preact.js";
import { panel, skeleton } from "./panel.js";
import { pure } from "./pure.js";
import { table } from "./table.js";

/** @import { Rejection, Rejections as Answer } from "../contract.js" */
/** @import { Language } from "../language.js" */

/** @typedef {{ rejections: Answer | null, now: string | null, say: Language }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const RejectionsPanel = pure(({ rejections, now, say }) => {
  const title = say.t("rejections.title");
  if (rejections === null) return panel({ id: "rejections", title }, skeleton(say));
  const { total, reasons, latest } = rejections;
  if (total === 0) return panel({ id: "rejections", title, summary: say.t("rejections.none") });
  return panel(
    { id: "rejections", title, summary: say.count("rejections.summary", total) },
    h("h3", null, say.t("rejections.reasons")),
    table({
      testid: "table-reasons",
      title: say.t("rejections.reasons"),
      say,
      columns: [
        { label: say.t("table.reason") },
        { label: say.t("table.rejections"), numeric: true },
        { label: say.t("table.share"), numeric: true },
      ],
      rows: reasons.map(({ reason, rejections: count, message }) => ({
        key: reason,
        cells: [
          h("span", { title: say.code === "en" ? message : reason }, say.name("rejection", reason)),
          say.whole(count),
          say.share(count, total),
        ],
      })),
    }),
    h("h3", { class: "rejections-latest" }, say.t("rejections.latest")),
    table({
      testid: "table-rejections",
      title: say.t("rejections.latest"),
      say,
      columns: [
        { label: say.t("table.number") },
        { label: say.t("table.time") },
        { label: say.t("table.reason") },
        { label: say.t("table.place") },
      ],
      rows: latest.map((each) => ({
        key: each.number,
        cells: [
          String(each.number),
          h("time", { datetime: each.stored, title: say.full(each.stored) }, say.recent(each.stored, now ?? each.stored)),
          say.name("rejection", each.reason),
          place(each, say),
        ],
      })),
    }),
  );
});

/** @param {Rejection} rejection @param {Language} say */
function place({ source, line, entry }, say) {
  const ofLine = line === null ? source : say.t("rejections.place.line", { source, line: say.whole(line) });
  return entry === null ? ofLine : say.t("rejections.place.entry", { place: ofLine, entry: say.whole(entry) });
}
