// The latest critical readings.

import { h } from "../../vendor/preact/preact.js";
import { mark } from "./mark.js";
import { panel, skeleton } from "./panel.js";
import { patientButton } from "./patient-name.js";
import { pure } from "./pure.js";
import { table } from "./table.js";

/** @import { CriticalReading, Overview } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Actions } from "../state.js" */

/** @typedef {{ overview: Overview | null, say: Language, filter: Actions["filter"] }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const Critical = pure(({ overview, say, filter }) => {
  const title = say.t("critical.title");
  if (overview === null) return panel({ id: "critical", title }, skeleton(say));
  const { latest_critical: latest, as_of } = overview;
  const summary =
    latest.length === 0
      ? say.t("critical.none")
      : `${say.t("table.systolic")}/${say.t("table.diastolic").toLowerCase()}, ${say.t("mmhg")}`;
  return panel(
    { id: "critical", title, summary },
    table({
      testid: "table-critical",
      title,
      say,
      columns: [
        { label: say.t("table.time") },
        { label: say.t("table.patient") },
        { label: say.t("table.pressure"), numeric: true, title: say.t("mmhg") },
        { label: say.t("table.why") },
      ],
      rows: latest.map((reading) => ({ key: reading.id, severity: "critical", cells: cells(reading, as_of, say, filter) })),
    }),
  );
});

/** @param {CriticalReading} reading @param {string} now @param {Language} say @param {Actions["filter"]} filter */
function cells(reading, now, say, filter) {
  return [
    h("time", { datetime: reading.effective, title: say.full(reading.effective) }, say.recent(reading.effective, now)),
    patientButton(reading, say, filter),
    h("span", { class: "critical-value" }, mark(reading.category), say.pressure(reading.systolic, reading.diastolic)),
    h(
      "span",
      { class: "why" },
      reading.reasons.map((reason) => say.name("reason", reason)).join(", "),
      reading.flags.map((flag) => h("span", { key: flag, class: "flag" }, say.name("flag", flag))),
    ),
  ];
}
