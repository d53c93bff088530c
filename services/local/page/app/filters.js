// Which readings are shown, as the page's address says it.

/** @import { Category, Range } from "./contract.js" */

/** @typedef {{ range: Range, categories: Category[], patient: string | null }} Filters */

/** @type {Range[]} */
export const RANGES = ["1h", "6h", "24h", "7d", "30d", "all"];

/** The most severe first. @type {Category[]} */
export const CATEGORIES = [
  "hypertensive_crisis",
  "hypertension_stage2",
  "hypertension_stage1",
  "elevated",
  "hypotension",
  "normal",
];

/** @type {Filters} */
export const DEFAULTS = Object.freeze({ range: "24h", categories: [], patient: null });

/** @param {URLSearchParams} query @returns {Filters} */
export function readFilters(query) {
  const chosen = new Set((query.get("category") ?? "").split(","));
  return {
    range: RANGES.find((range) => range === query.get("range")) ?? DEFAULTS.range,
    categories: CATEGORIES.filter((category) => chosen.has(category)),
    patient: query.get("patient") || null,
  };
}

/** The query that says it; what is the default is left out. @param {Filters} filters @param {boolean} wall @returns {string} */
export function writeFilters({ range, categories, patient }, wall) {
  const parts = [
    range !== DEFAULTS.range && `range=${range}`,
    categories.length > 0 && `category=${categories.join(",")}`,
    patient !== null && `patient=${encodeURIComponent(patient)}`,
    wall && "wall",
  ].filter(Boolean);
  return parts.length > 0 ? `?${parts.join("&")}` : "";
}

/** @param {Filters} filters */
export const isDefault = (filters) => writeFilters(filters, false) === "";

/** @param {Category[]} categories @param {Category} category @returns {Category[]} */
export function toggled(categories, category) {
  const chosen = new Set(categories);
  if (!chosen.delete(category)) chosen.add(category);
  return CATEGORIES.filter((each) => chosen.has(each));
}
