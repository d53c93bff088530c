// The stylesheet's colours and sizes, for canvas, which cannot read them itself.

/** @import { Category, Severity } from "./contract.js" */

/**
 * @typedef {object} Palette
 * @property {(name: string) => string} color a custom property as a plain colour
 * @property {number} rem the root's font size in pixels
 * @property {string} font
 * @property {boolean} still whether motion is unwanted
 */

/** Reads the palette anew: after a change of theme, or of size on a wall. @returns {Palette} */
export function readPalette() {
  /** @type {Map<string, string>} */
  const known = new Map();
  return {
    color(name) {
      const value = known.get(name) ?? computed(name);
      known.set(name, value);
      return value;
    },
    rem: parseFloat(getComputedStyle(document.documentElement).fontSize),
    font: getComputedStyle(document.body).fontFamily,
    still: matchMedia("(prefers-reduced-motion: reduce)").matches,
  };
}

/** Only an element's own colour is computed down to plain rgb; a custom property stays as it was written. @param {string} name */
function computed(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** @type {Record<Severity, Category>} */
const BY_SEVERITY = {
  critical: "hypertensive_crisis",
  high: "hypertension_stage2",
  moderate: "hypertension_stage1",
  none: "normal",
};

/** The category whose colour and shape stand for a severity. @param {Severity} severity */
export const standsFor = (severity) => BY_SEVERITY[severity];
