// What the page has to show of some readings, in English: counted here anew, by docs/api.md and docs/clinical-rules.md alone.

/** @import { Stored } from "./store.mjs" */

/** @typedef {{ range: string, categories?: string[], patient?: string }} Selection */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NONE = "–";

/** The most severe first. @type {[string, string][]} */
export const CATEGORIES = [
  ["hypertensive_crisis", "Hypertensive crisis"],
  ["hypertension_stage2", "Hypertension stage 2"],
  ["hypertension_stage1", "Hypertension stage 1"],
  ["elevated", "Elevated"],
  ["hypotension", "Hypotension"],
  ["normal", "Normal"],
];
const SEVERITIES = ["critical", "high", "moderate", "none"];
const MOST_CRITICAL = 10;
const MOST_PATIENTS = 25;
const MOST_STEPS = 60;
const MOST_REJECTIONS = 20;

/** @type {Record<string, string>} */
const REASONS = {
  systolic_hypertension: "high systolic",
  diastolic_hypertension: "high diastolic",
  systolic_hypotension: "low systolic",
  diastolic_hypotension: "low diastolic",
  isolated_systolic_hypertension: "isolated systolic hypertension",
  wide_pulse_pressure: "wide pulse pressure",
  narrow_pulse_pressure: "narrow pulse pressure",
};

/** @type {Record<string, string>} */
const FLAGS = {
  unit_converted: "converted from kPa",
  unit_missing: "unit missing, taken as mmHg",
  comparator: "a bound, not a value",
  incomplete: "one side missing",
  suspect: "suspect value",
  preliminary: "preliminary",
  timezone_missing: "time zone missing, taken as UTC",
  time_imprecise: "time imprecise",
  time_from_issued: "time of issue",
  paediatric: "under 13 years: adult bands do not apply",
};

/** @type {Record<string, string>} */
const REJECTIONS = {
  not_json: "Not valid JSON",
  not_fhir: "Not the shape of a FHIR resource",
  too_deep: "Nested too deep",
  no_status: "Without a status",
  no_id: "A withdrawal that does not say of what",
  ambiguous: "A pressure more than once",
  invalid_value: "A pressure is not a usable number",
  invalid_unit: "Unit unknown or contradictory",
  comparator: "A bound that leaves the category open",
  implausible: "Implausible pressure",
  incomplete: "A pressure is missing",
  no_subject: "No identifiable patient",
  invalid_time: "Not a valid time",
  no_time: "Without a time",
  future: "A time in the future",
};

const whole = (/** @type {number | null} */ value) => (value === null ? NONE : Math.round(value).toLocaleString("en-US"));
const tenth = (/** @type {number | null} */ value) => (value === null ? NONE : value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
const exact = (/** @type {number | null} */ value) => (value === null ? NONE : value.toLocaleString("en-US", { maximumFractionDigits: 2 }));
const share = (/** @type {number} */ part, /** @type {number} */ all) => (all === 0 ? NONE : `${tenth((100 * part) / all)}%`);
const short = (/** @type {string} */ patient) => patient.slice(0, 8);
/** As the API writes times: without zeros at the end of the second. @param {number} time */
const iso = (time) => new Date(time).toISOString().replace(/\.?0*Z$/, "Z");
/** @param {Intl.DateTimeFormatOptions} year */
const dayClockFormat = (year) =>
  new Intl.DateTimeFormat("en-US", { timeZone: "UTC", hourCycle: "h23", ...year, month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const [dayClockOfThisYear, dayClockOfOthers] = [dayClockFormat({}), dayClockFormat({ year: "numeric" })];
/** The year stands where it is another than today's. @param {number | Date} at */
const dayClock = (at) => (new Date(at).getUTCFullYear() === new Date().getUTCFullYear() ? dayClockOfThisYear : dayClockOfOthers).format(at);
const full = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", hourCycle: "h23", year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** To one decimal, of thousandths. @param {Stored[]} readings @param {"systolic" | "diastolic"} side */
function mean(readings, side) {
  const values = readings.flatMap((reading) => reading[side] ?? []);
  if (values.length === 0) return null;
  const thousandths = values.reduce((sum, value) => sum + Math.round(value * 1_000), 0);
  return Math.round(thousandths / values.length / 100) / 10;
}

/** @param {Stored[]} readings */
const means = (readings) => `${whole(mean(readings, "systolic"))}/${whole(mean(readings, "diastolic"))}`;

/** @param {Stored[]} readings @param {string} severity */
const countOf = (readings, severity) => readings.filter((reading) => reading.severity === severity).length;

/** @param {string} range @param {number} now @param {Stored[]} all */
function frame(range, now, all) {
  const hours = (/** @type {number} */ count, /** @type {number} */ bar, /** @type {number} */ column) => {
    const thisHour = Math.floor(now / HOUR) * HOUR;
    return { from: thisHour - count * HOUR, to: thisHour + HOUR, bar, column };
  };
  const today = Math.floor(now / DAY) * DAY;
  if (range === "1h") return hours(1, MINUTE, HOUR);
  if (range === "6h") return hours(6, 5 * MINUTE, HOUR);
  if (range === "24h") return hours(24, 30 * MINUTE, HOUR);
  if (range === "7d") return hours(7 * 24, 6 * HOUR, 6 * HOUR);
  if (range === "30d") return { from: today - 30 * DAY, to: today + DAY, bar: DAY, column: DAY };
  const days = all.map(({ time }) => Math.floor(time / DAY));
  const [first, last] = [Math.min(...days), Math.max(...days)];
  const step = Math.ceil((last - first + 1) / MOST_STEPS);
  const steps = Math.ceil((last - first + 1) / step);
  return { from: first * DAY, to: (first + steps * step) * DAY, bar: step * DAY, column: step * DAY };
}

/** @param {{ from: number, to: number }} frame @param {number} step */
const starts = ({ from, to }, step) => Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

/**
 * Everything that depends on what is selected.
 *
 * @param {Stored[]} all @param {Selection} selection @param {number} now
 */
export function overview(all, { range, categories = [], patient }, now) {
  const within = frame(range, now, all);
  const chosen = all.filter(
    (reading) =>
      reading.time >= within.from &&
      reading.time < within.to &&
      (categories.length === 0 || categories.includes(reading.category)) &&
      (patient === undefined || reading.patient === patient),
  );
  return {
    totals: totals(chosen),
    categories: CATEGORIES.map(([id, name]) => {
      const of = chosen.filter(({ category }) => category === id);
      return { key: id, cells: [name, whole(of.length), share(of.length, chosen.length), of.length === 0 ? NONE : means(of)] };
    }),
    severities: starts(within, within.bar)
      .map((start) => {
        const of = chosen.filter(({ time }) => time >= start && time < start + within.bar);
        return { key: iso(start), cells: [dayClock(start), ...SEVERITIES.map((severity) => whole(countOf(of, severity)))] };
      })
      .reverse(),
    critical: chosen
      .filter(({ severity }) => severity === "critical")
      .sort((one, other) => other.time - one.time)
      .slice(0, MOST_CRITICAL)
      .map(critical),
    heat: heat(chosen, starts(within, within.column), within.column),
  };
}

/** @param {Stored[]} chosen */
function totals(chosen) {
  const [systolic, diastolic] = [mean(chosen, "systolic"), mean(chosen, "diastolic")];
  const of = (/** @type {number | null} */ value, text = whole(value)) => ({ value: value === null ? null : String(value), text });
  return {
    readings: of(chosen.length),
    anomalies: of(chosen.filter(({ anomaly }) => anomaly).length),
    critical: of(countOf(chosen, "critical")),
    patients: of(new Set(chosen.map(({ patient }) => patient)).size),
    systolic_mean: of(systolic, tenth(systolic)),
    diastolic_mean: of(diastolic, tenth(diastolic)),
  };
}

/** @param {Stored} reading */
function critical({ id, patient, time, systolic, diastolic, reasons, flags }) {
  const why = reasons.map((reason) => REASONS[reason]).join(", ") + flags.map((flag) => FLAGS[flag]).join("");
  return { key: id, time: iso(time), patient, cells: [`Show patient ${short(patient)}`, `${exact(systolic)}/${exact(diastolic)}`, why] };
}

/** @param {Stored[]} chosen @param {number[]} columns @param {number} step */
function heat(chosen, columns, step) {
  const patients = [...grouped(chosen)].map(([patient, of]) => ({
    patient,
    rank: [countOf(of, "critical"), countOf(of, "high"), sum(of) / of.filter(({ systolic }) => systolic !== null).length || 0],
    row: {
      key: patient,
      cells: [`Show patient ${short(patient)}`, whole(of.length), whole(countOf(of, "critical")), whole(countOf(of, "high")), means(of)],
      heat: columns.map((start) => cell(of.filter(({ time }) => time >= start && time < start + step))),
    },
  }));
  patients.sort((one, other) => other.rank[0] - one.rank[0] || other.rank[1] - one.rank[1] || other.rank[2] - one.rank[2]);
  return { columns: columns.map((start) => dayClock(start)), rows: patients.slice(0, MOST_PATIENTS).map(({ row }) => row) };
}

/** @param {Stored[]} chosen */
function grouped(chosen) {
  /** @type {Map<string, Stored[]>} */
  const groups = new Map();
  for (const reading of chosen) groups.set(reading.patient, [...(groups.get(reading.patient) ?? []), reading]);
  return groups;
}

/** @param {Stored[]} readings */
const sum = (readings) => readings.reduce((all, { systolic }) => all + (systolic ?? 0), 0);

/** @param {Stored[]} readings */
function cell(readings) {
  if (readings.length === 0) return null;
  return { severity: SEVERITIES.find((severity) => countOf(readings, severity) > 0), text: means(readings) };
}

/** One patient's readings in a selection, the latest first. @param {Stored[]} all @param {Selection & { patient: string }} selection @param {number} now */
export function patientRows(all, { range, categories = [], patient }, now) {
  const { from, to } = range === "all" ? { from: -Infinity, to: Infinity } : frame(range, now, all);
  return all
    .filter((reading) => reading.patient === patient && reading.time >= from && reading.time < to)
    .filter(({ category }) => categories.length === 0 || categories.includes(category))
    .sort((one, other) => other.time - one.time)
    .map(({ time, systolic, diastolic, category }) => [full.format(time), exact(systolic), exact(diastolic), new Map(CATEGORIES).get(category)]);
}

/** @param {{ number: number, reason: string, source: string, line: number }[]} all the latest first */
export function rejected(all) {
  const reasons = [...new Set(all.map(({ reason }) => reason))].map((reason) => ({ reason, count: all.filter((each) => each.reason === reason).length }));
  return {
    total: String(all.length),
    reasons: reasons
      .sort((one, other) => (one.reason < other.reason ? -1 : 1))
      .map(({ reason, count }) => ({ key: reason, cells: [REJECTIONS[reason], whole(count), share(count, all.length)] })),
    latest: all.slice(0, MOST_REJECTIONS).map(({ number, reason, source, line }) => ({
      key: String(number),
      cells: [String(number), REJECTIONS[reason], `${source}, line ${whole(line)}`],
    })),
  };
}
