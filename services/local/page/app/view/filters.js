// The filters, and the sentence that says what they leave.

import { h } from "../../vendor/preact/preact.js";
import { CATEGORIES, isDefault, RANGES, toggled } from "../filters.js";
import { choice } from "./choice.js";
import { PatientBox } from "./patient-box.js";
import { categoryName } from "./mark.js";
import { label } from "./patient-name.js";

/** @import { Language } from "../language.js" */
/** @import { Actions, State } from "../state.js" */

/** @param {State} state @param {Actions} actions */
export function filters(state, actions) {
  const { language: say } = state;
  const { range, categories, patient } = state.filters;
  return h(
    "section",
    { class: "filters", "aria-labelledby": "heading-filters", "data-testid": "filters" },
    h("h2", { id: "heading-filters", class: "unseen" }, say.t("filters")),
    h(
      "div",
      { class: "filter-row" },
      choice({
        name: "range",
        label: say.t("filters.range"),
        values: RANGES,
        chosen: range,
        text: (each) => say.name("range", each),
        title: (each) => say.name("range.long", each),
        choose: (each) => actions.filter({ range: each }),
      }),
      h(
        "div",
        { class: "chips", role: "group", "aria-label": say.t("filters.categories") },
        CATEGORIES.map((category) =>
          h(
            "button",
            {
              key: category,
              type: "button",
              class: "chip",
              "aria-pressed": String(categories.includes(category)),
              "data-testid": `category-${category}`,
              onClick: () => actions.filter({ categories: toggled(categories, category) }),
            },
            categoryName(category, say),
          ),
        ),
      ),
      h(PatientBox, { say, patient, name: nameOf(state), choose: (chosen) => actions.filter({ patient: chosen }) }),
    ),
    h(
      "div",
      { class: "shown-row" },
      h("p", { class: "shown", "data-testid": "shown", "aria-busy": String(state.outdated) }, shown(state)),
      h(
        "button",
        {
          type: "button",
          class: "plain",
          disabled: isDefault(state.filters),
          "data-testid": "filters-clear",
          onClick: actions.clearFilters,
        },
        say.t("filters.clear"),
      ),
    ),
  );
}

/** The chosen patient's name, as far as an answer said it. @param {State} state */
function nameOf({ filters: { patient }, readings }) {
  return readings?.patient === patient ? readings?.name : null;
}

/** @param {State} state */
export function shown(state) {
  const { language: say, filters: chosen, overview, outdated, errors } = state;
  if (errors.overview !== undefined) return "\u00a0";
  if (overview === null || outdated) return say.t("loading");
  return [period(overview, say), ...restrictions(chosen, nameOf(state), say), say.t("shown.zone", { zone: say.zone() })].join(
    " · ",
  );
}

/** @param {NonNullable<State["overview"]>} overview @param {Language} say */
function period({ range, from, to }, say) {
  if (range !== "all" && from !== null) return say.t("shown.since", { from: say.dayClock(from) });
  if (from === null || to === null) return say.t("shown.all");
  return say.t("shown.between", { from: say.dayClock(from), to: say.dayClock(to) });
}

/** @param {State["filters"]} filters @param {string | null} name @param {Language} say */
function restrictions({ categories, patient }, name, say) {
  return [
    ...(categories.length > 0
      ? [say.t("shown.categories", { categories: say.list(categories.map((each) => say.name("category", each))) })]
      : []),
    ...(patient !== null ? [say.t("shown.patient", { patient: label({ patient, name }) })] : []),
  ];
}
