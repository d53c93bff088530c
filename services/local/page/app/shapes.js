// One shape per category, the same in text, legends and charts: nobody has to tell colours apart. Drawn in a box of 16 by 16.

/** @import { Category } from "./contract.js" */

/** @type {Record<Category, string>} */
export const SHAPES = {
  hypertensive_crisis: "M8 1 15.5 14.5 H0.5 Z",
  hypertension_stage2: "M8 0.5 15.5 8 8 15.5 0.5 8 Z",
  hypertension_stage1: "M1.5 1.5 H14.5 V14.5 H1.5 Z",
  elevated: "M1 4.5 H15 V11.5 H1 Z",
  hypotension: "M8 15 0.5 1.5 H15.5 Z",
  normal: "M8 2 A6 6 0 0 1 8 14 A6 6 0 0 1 8 2 Z",
};

/** As ECharts names a symbol. @param {Category} category */
export const symbolOf = (category) => `path://${SHAPES[category]}`;
