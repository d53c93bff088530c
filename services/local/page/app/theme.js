// Light, dark, or as the system has it.

import { recall, remember } from "./storage.js";

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @type {Theme[]} */
export const THEMES = ["auto", "light", "dark"];

/** @returns {Theme} */
export const recallTheme = () => THEMES.find((theme) => theme === recall("theme")) ?? "auto";

/** @param {Theme} theme */
export function applyTheme(theme) {
  remember("theme", theme);
  document.documentElement.dataset.theme = theme;
}
