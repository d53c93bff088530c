// How many readings are of which category.

import { h } from "../../vendor/preact/preact.js";
import { limitsOf, limitText } from "../bands.js";
import { categoriesChart } from "../chart/categories.js";
import { toggled } from "../filters.js";
import { Chart } from "./chart.js";
import { categoryName } from "./mark.js";
import { panel, skeleton } from "./panel.js";
import { pure } from "./pure.js";
import { table } from "./table.js";

/** @import { Category, CategoryTotal, Limits, Overview } from "../contract.js" */
/** @import { Filters } from "../filters.js" */
/** @import { Language } from "../language.js" */
/** @import { Palette } from "../palette.js" */
/** @import { Actions } from "../state.js" */

/** @typedef {{ overview: Overview | null, limits: Limits | null, filters: Filters, say: Language, palette: Palette, filter: Actions["filter"] }} Props */

/** @type {import("../../vendor/preact/preact.js").Kind<Props>} */
export const Categories = pure(({ overview, limits, filters, say, palette, filter }) => {
  const title = say.t("categories.title");
  if (overview === null) return panel({ id: "categories", title }, skeleton(say));
  const { totals, categories } = overview;
  const summary = say.t("categories.summary", {
    readings: say.count("readings", totals.readings),
    share: say.share(totals.anomalies, totals.readings),
  });
  const toggle = (/** @type {Category} */ category) => filter({ categories: toggled(filters.categories, category) });
  return panel(
    { id: "categories", title, summary },
    h(
      "div",
      { class: "donut-and-key" },
      h(Chart, {
        id: "categories",
        label: `${title}. ${summary}`,
        option: categoriesChart(categories, totals, say, palette),
        onPick: ({ name }) => name && toggle(/** @type {Category} */ (name)),
      }),
      table({
        testid: "table-categories",
        title,
        say,
        columns: [
          { label: say.t("category") },
          { label: say.t("table.readings"), numeric: true },
          { label: say.t("table.share"), numeric: true },
          { label: say.t("table.mean"), numeric: true, title: say.t("mmhg") },
        ],
        rows: categories.map((each) => row(each, totals.readings, limits, filters, say, toggle)),
      }),
    ),
  );
});

/** @param {CategoryTotal} each @param {number} all @param {Limits | null} limits @param {Filters} filters @param {Language} say @param {(category: Category) => void} toggle */
function row({ category, readings, systolic_mean, diastolic_mean }, all, limits, filters, say, toggle) {
  const pressed = String(filters.categories.includes(category));
  return {
    key: category,
    cells: [
      h(
        "button",
        {
          type: "button",
          class: "link key",
          "aria-pressed": pressed,
          title: limits && rule(category, limits, say),
          onClick: () => toggle(category),
        },
        categoryName(category, say),
      ),
      say.whole(readings),
      say.share(readings, all),
      readings === 0 ? "–" : `${say.whole(systolic_mean)}/${say.whole(diastolic_mean)}`,
    ],
  };
}

/** The category's limits in words. @param {Category} category @param {Limits} limits @param {Language} say */
function rule(category, limits, say) {
  const sides = limitsOf(limits, category);
  const systolic = sides?.systolic && limitText(category, sides.systolic, say.exact);
  const diastolic = sides?.diastolic && limitText(category, sides.diastolic, say.exact);
  if (systolic && diastolic) return say.t("limits.or", { systolic, diastolic });
  return systolic ? say.t("limits.and", { systolic }) : null;
}
