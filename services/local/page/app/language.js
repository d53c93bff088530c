// Words, numbers and times in the viewer's language.

import en from "./text/en.js";
import fr from "./text/fr.js";
import { recall, remember } from "./storage.js";

/** @import { Text, TextKey } from "./text/en.js" */

/** @typedef {"en" | "fr"} Code */
/** @typedef {ReturnType<typeof createLanguage>} Language */

/** @type {Record<Code, Record<TextKey, Text>>} */
const TEXTS = { en, fr };

/** @type {Code[]} */
export const LANGUAGES = ["en", "fr"];

const NONE = "–";

/** As chosen here before, else as the browser asks for, else English. @returns {Code} */
export function recallLanguage() {
  const asked = [recall("language") ?? "", ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return asked.map((tag) => LANGUAGES.find((code) => code === tag)).find(Boolean) ?? "en";
}

/** @param {Code} code */
export const rememberLanguage = (code) => remember("language", code);

/** @param {string} text @param {Record<string, string>} values */
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (braces, name) => values[name] ?? braces);

/** The browser's own variant of the language (en-GB or en-US) writes the dates. @param {Code} code */
const localeOf = (code) => navigator.languages.find((tag) => tag.slice(0, 2).toLowerCase() === code) ?? code;

/** @param {Code} code */
export function createLanguage(code) {
  const texts = TEXTS[code];
  const locale = localeOf(code);
  const plural = new Intl.PluralRules(locale);
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const tenth = new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const exact = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const compact = new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const lists = new Intl.ListFormat(locale, { type: "disjunction" });
  const times = (/** @type {Intl.DateTimeFormatOptions} */ options) =>
    new Intl.DateTimeFormat(locale, { hourCycle: "h23", ...options });
  const clock = times({ hour: "2-digit", minute: "2-digit" });
  const clockSeconds = times({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = times({ day: "numeric", month: "short" });
  const dayYear = times({ day: "numeric", month: "short", year: "numeric" });
  const dayClock = times({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const dayYearClock = times({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const full = times({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const zone = times({ timeZoneName: "short" });

  /** @param {TextKey} key @param {Record<string, string>} [values] */
  const t = (key, values = {}) => {
    const text = texts[key];
    return fill(typeof text === "string" ? text : text.other, values);
  };

  // The year stands only where it is another than today's.
  const isThisYear = (/** @type {Date} */ date) => date.getFullYear() === new Date().getFullYear();
  const dayOf = (/** @type {Date} */ date) => (isThisYear(date) ? day : dayYear).format(date);
  const dayClockOf = (/** @type {Date} */ date) => (isThisYear(date) ? dayClock : dayYearClock).format(date);
  const isSameDay = (/** @type {Date} */ one, /** @type {Date} */ other) => one.toDateString() === other.toDateString();

  const units = /** @type {const} */ ([
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
    ["second", 1],
  ]);

  return {
    code,
    t,
    /** The form for so many, with the number as {count}. @param {TextKey} key @param {number} count @param {Record<string, string>} [values] */
    count(key, count, values = {}) {
      const text = texts[key];
      const form = typeof text === "string" ? text : plural.select(count) === "one" ? text.one : text.other;
      return fill(form, { count: whole.format(count), ...values });
    },
    /** What a code of the contract is called; one that is newer than this page stays as it is. @param {string} family @param {string} id */
    name(family, id) {
      const text = texts[/** @type {TextKey} */ (`${family}.${id}`)];
      return typeof text === "string" ? text : id;
    },
    /** @param {number | null | undefined} value */
    whole: (value) => (value == null ? NONE : whole.format(value)),
    /** @param {number | null | undefined} value */
    tenth: (value) => (value == null ? NONE : tenth.format(value)),
    /** @param {number | null | undefined} value */
    exact: (value) => (value == null ? NONE : exact.format(value)),
    /** @param {number} value */
    compact: (value) => compact.format(value),
    /** @param {number} part @param {number} of */
    share: (part, of) => (of === 0 ? NONE : share.format(part / of)),
    /** @param {number | null} systolic @param {number | null} diastolic */
    pressure: (systolic, diastolic) =>
      `${systolic == null ? NONE : exact.format(systolic)}/${diastolic == null ? NONE : exact.format(diastolic)}`,
    /** @param {string[]} names */
    list: (names) => lists.format(names),
    /** In its largest sensible unit: 30 minutes, 1 hour. @param {number} seconds */
    duration(seconds) {
      const [unit, length] = units.find(([, each]) => seconds >= each) ?? ["second", 1];
      return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 }).format(
        seconds / length,
      );
    },
    /** As an instrument shows it: 0.02 s, 4.5 min. @param {number} seconds */
    lag(seconds) {
      if (seconds < 100) return `${exact.format(seconds)}\u202fs`;
      return seconds < 6_000 ? `${tenth.format(seconds / 60)}\u202fmin` : `${tenth.format(seconds / 3_600)}\u202fh`;
    },
    /** @param {string | number | Date} at */
    clock: (at) => clock.format(new Date(at)),
    /** @param {string | number | Date} at */
    clockSeconds: (at) => clockSeconds.format(new Date(at)),
    /** @param {string | number | Date} at */
    day: (at) => dayOf(new Date(at)),
    /** @param {string | number | Date} at */
    dayClock: (at) => dayClockOf(new Date(at)),
    /** @param {string | number | Date} at */
    full: (at) => full.format(new Date(at)),
    /** The time where it is of today, else with the day. @param {string} at @param {string} now */
    recent(at, now) {
      const date = new Date(at);
      return isSameDay(date, new Date(now)) ? clockSeconds.format(date) : dayClockOf(date);
    },
    /** What an axis says: the time, at midnight the day. @param {string | number} at */
    tick(at) {
      const date = new Date(at);
      return date.getHours() === 0 && date.getMinutes() === 0 ? dayOf(date) : clock.format(date);
    },
    zone: () => zone.formatToParts(new Date()).find((part) => part.type === "timeZoneName")?.value ?? "UTC",
  };
}
