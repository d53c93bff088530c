// A table with proper headers, in a region of its own that scrolls by keyboard too.

import { h } from "../../vendor/preact/preact.js";

/** @import { Child } from "../../vendor/preact/preact.js" */
/** @import { Language } from "../language.js" */

/** @typedef {{ label: string, numeric?: boolean, title?: string }} Column */
/** @typedef {{ key: string | number, cells: Child[], severity?: string }} Row the first cell is the row's header */

/**
 * @param {object} table
 * @param {string} table.testid
 * @param {string} table.title
 * @param {Column[]} table.columns
 * @param {Row[]} table.rows
 * @param {Language} table.say
 */
export function table({ testid, title, columns, rows, say }) {
  return h(
    "div",
    { class: "table-scroll", role: "region", tabindex: 0, "aria-label": say.t("table.scroll", { title }) },
    h(
      "table",
      { "data-testid": testid },
      h("caption", { class: "unseen" }, title),
      h("thead", null, h("tr", null, columns.map(head))),
      h(
        "tbody",
        null,
        rows.map((row) => body(row, columns)),
      ),
    ),
  );
}

/** @param {Column} column */
const head = ({ label, numeric, title }) =>
  h("th", { key: title ?? label, scope: "col", class: numeric ? "numeric" : null, title }, label);

/** @param {Row} row @param {Column[]} columns */
function body({ key, cells, severity }, columns) {
  return h(
    "tr",
    { key, "data-key": key, "data-severity": severity },
    cells.map((cell, index) =>
      index === 0
        ? h("th", { key: index, scope: "row" }, cell)
        : h("td", { key: index, class: columns[index].numeric ? "numeric" : null }, cell),
    ),
  );
}

/** The same data as a chart's, folded away. @param {Parameters<typeof table>[0]} given */
export function foldedTable(given) {
  return h(
    "details",
    { class: "as-table", "data-testid": `${given.testid}-details` },
    h("summary", null, given.say.t("table.show"), h("span", { class: "unseen" }, `: ${given.title}`)),
    table(given),
  );
}
