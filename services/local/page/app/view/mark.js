// The shape and colour that stand for a category beside its name.

import { h } from "../../vendor/preact/preact.js";
import { SHAPES } from "../shapes.js";

/** @import { Category } from "../contract.js" */
/** @import { Language } from "../language.js" */

/** @param {Category} category */
export function mark(category) {
  const attributes = { class: "mark", viewBox: "-1 -1 18 18", "aria-hidden": "true", "data-category": category };
  return h("svg", attributes, h("path", { d: SHAPES[category] }));
}

/** @param {Category} category @param {Language} say */
export function categoryName(category, say) {
  return h("span", { class: "category" }, mark(category), h("span", null, say.name("category", category)));
}
