// What the page knows at a moment; every view is drawn from this and from nothing else.

/** @import { Overview, PatientReadings, Rejections, Status, Ward } from "./contract.js" */
/** @import { Filters } from "./filters.js" */
/** @import { Language } from "./language.js" */
/** @import { Palette } from "./palette.js" */
/** @import { Theme } from "./theme.js" */
/** @import { Flow } from "./flow.js" */

/** @typedef {"connecting" | "connected" | "reconnecting" | "stopped"} Connection */

/**
 * @typedef {object} State
 * @property {Language} language
 * @property {Theme} theme
 * @property {Palette} palette
 * @property {boolean} wall
 * @property {Filters} filters
 * @property {Connection} connection
 * @property {number | null} lastSeen when the server was last heard, in milliseconds
 * @property {Status | null} status
 * @property {Flow} flow
 * @property {Ward | null} ward
 * @property {Overview | null} overview
 * @property {PatientReadings | null} readings
 * @property {Rejections | null} rejections
 * @property {Partial<Record<Part, string>>} errors what the server said where an answer failed
 * @property {boolean} outdated whether the answers belong to other filters than those chosen
 */

/** @typedef {"ward" | "overview" | "readings" | "rejections"} Part */

/**
 * What can be done, handed to the views.
 *
 * @typedef {object} Actions
 * @property {(change: Partial<Filters>) => void} filter
 * @property {() => void} clearFilters
 * @property {(code: import("./language.js").Code) => void} setLanguage
 * @property {(theme: Theme) => void} setTheme
 * @property {(on: boolean) => void} setWall
 */

export {};
