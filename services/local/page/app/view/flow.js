// How the ward keeps up.

import { h } from "../../vendor/preact/preact.js";
import { flowChart } from "../chart/flow.js";
import { thinned } from "../flow.js";
import { Chart } from "./chart.js";
import { panel } from "./panel.js";
import { pure } from "./pure.js";
import { foldedTable } from "./table.js";

/** @import { Flow } from "../flow.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */

/** @typedef {{ flow: Flow, say: Language, palette: Palette }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const FlowPanel = pure(({ flow, say, palette }) => {
  const title = say.t("flow.title");
  const summary = sentence(flow, say);
  return panel(
    { id: "flow", title, summary },
    h(Chart, { id: "flow", label: `${title}. ${summary}`, option: flowChart(flow, say, palette) }),
    foldedTable({
      testid: "table-flow",
      title: `${title}, ${say.t("flow.every").toLowerCase()}`,
      say,
      columns: [
        { label: say.t("table.time") },
        { label: say.t("throughput"), numeric: true },
        { label: say.t("lag"), numeric: true },
      ],
      rows: thinned(flow).map(({ at, throughput, lag }) => ({
        key: at,
        cells: [
          say.clockSeconds(at),
          say.t("throughput.unit", { value: say.tenth(throughput) }),
          lag === null ? "–" : say.lag(lag),
        ],
      })),
    }),
  );
});

/** @param {Flow} flow @param {Language} say */
function sentence(flow, say) {
  const last = flow.at(-1);
  if (!last) return say.t("flow.summary.waiting");
  const throughput = say.tenth(last.throughput);
  return last.lag === null
    ? say.t("flow.summary", { throughput })
    : say.t("flow.summary.lag", { throughput, lag: say.lag(last.lag) });
}
