// The whole page, from what it knows.

import { h } from "../../vendor/preact/preact.js";
import { isDefault } from "../filters.js";
import { Categories } from "./categories.js";
import { Critical } from "./critical.js";
import { filters, shown } from "./filters.js";
import { FlowPanel } from "./flow.js";
import { header } from "./header.js";
import { Heat } from "./heat.js";
import { notices } from "./notices.js";
import { PatientLines } from "./patient.js";
import { RejectionsPanel } from "./rejections.js";
import { Severities } from "./severities.js";
import { totals } from "./totals.js";

/** @import { Actions, State } from "../state.js" */

/** @param {State} state @param {Actions} actions */
export function page(state, actions) {
  const { language: say, wall, connection } = state;
  const stale = connection === "reconnecting" || connection === "stopped";
  return h(
    "div",
    { class: "page", "data-stale": String(stale) },
    h("a", { class: "skip", href: "#readings" }, say.t("skip")),
    header(state, actions),
    h(
      "main",
      { id: "readings", tabindex: -1 },
      notices(state),
      wall ? h("p", { class: "shown", "data-testid": "shown" }, shown(state)) : filters(state, actions),
      totals(state),
      h("div", { class: "grid", "aria-busy": String(state.outdated) }, panels(state, actions)),
    ),
  );
}

/** @param {State} state @param {Actions} actions */
function panels(state, actions) {
  const { language: say, palette, overview, rejections, flow, filters: chosen } = state;
  const { filter } = actions;
  const limits = state.ward?.thresholds.limits ?? null;
  const empty = overview !== null && overview.totals.readings === 0;
  return [
    chosen.patient !== null &&
      h(PatientLines, {
        key: "patient",
        patient: chosen.patient,
        answer: state.readings,
        failed: state.errors.readings !== undefined,
        say,
        palette,
        filter,
      }),
    empty && nothing(state, actions),
    !empty && h(Categories, { key: "categories", overview, limits, filters: chosen, say, palette, filter }),
    !empty && h(Severities, { key: "severities", overview, say, palette }),
    !empty && h(Critical, { key: "critical", overview, say, filter }),
    !empty && h(Heat, { key: "heat", overview, limits, wall: state.wall, say, palette, filter }),
    h(RejectionsPanel, { key: "rejections", rejections, now: overview?.as_of ?? null, say }),
    h(FlowPanel, { key: "flow", flow, say, palette }),
  ];
}

/** @param {State} state @param {Actions} actions */
function nothing({ language: say, filters: chosen, status }, actions) {
  const never = status !== null && status.entries.anomaly + status.entries.normal === 0;
  return h(
    "section",
    { key: "empty", class: "panel panel-empty", "aria-labelledby": "heading-empty", "data-testid": "empty" },
    h("h2", { id: "heading-empty" }, say.t("empty.title")),
    h("p", { class: "summary" }, say.t(never ? "empty.ward" : "empty.hint")),
    !never &&
      h(
        "div",
        { class: "empty-actions" },
        chosen.range !== "all" &&
          h(
            "button",
            {
              type: "button",
              class: "primary",
              "data-testid": "empty-all",
              onClick: () => actions.filter({ range: "all" }),
            },
            say.t("empty.all"),
          ),
        !isDefault(chosen) &&
          h(
            "button",
            { type: "button", class: "plain", "data-testid": "empty-clear", onClick: actions.clearFilters },
            say.t("filters.clear"),
          ),
      ),
  );
}
