// How severe the readings were, over time.

import { h } from "../../vendor/preact/preact.js";
import { SEVERITIES, severitiesChart } from "../chart/severities.js";
import { standsFor } from "../palette.js";
import { Chart } from "./chart.js";
import { mark } from "./mark.js";
import { panel, skeleton } from "./panel.js";
import { pure } from "./pure.js";
import { foldedTable } from "./table.js";

/** @import { Overview, Severity } from "../contract.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @typedef {{ overview: Overview | null, say: Language, palette: Palette }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const Severities = pure(({ overview, say, palette }) => {
  const title = say.t("severities.title");
  if (overview === null) return panel({ id: "severities", title }, skeleton(say));
  const { step_seconds, buckets } = overview.severities;
  const sum = (/** @type {Severity} */ severity) => buckets.reduce((all, bucket) => all + bucket[severity], 0);
  const summary = say.t("severities.summary", {
    critical: say.whole(sum("critical")),
    high: say.whole(sum("high")),
    step: say.duration(step_seconds),
  });
  return panel(
    { id: "severities", title, summary, aside: key(say) },
    h(Chart, { id: "severities", label: `${title}. ${summary}`, option: severitiesChart(overview.severities, say, palette) }),
    foldedTable({
      testid: "table-severities",
      title,
      say,
      columns: [
        { label: say.t("table.time") },
        ...SEVERITIES.map((severity) => ({ label: say.name("severity", severity), numeric: true })),
      ],
      rows: [...buckets].reverse().map((bucket) => ({
        key: bucket.start,
        cells: [say.dayClock(bucket.start), ...SEVERITIES.map((severity) => say.whole(bucket[severity]))],
      })),
    }),
  );
});

/** @param {Language} say */
function key(say) {
  return h(
    "ul",
    { class: "legend", "aria-label": say.t("severity") },
    SEVERITIES.map((severity) => h("li", { key: severity }, mark(standsFor(severity)), say.name("severity", severity))),
  );
}
