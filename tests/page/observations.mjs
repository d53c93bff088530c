// FHIR to import: blood pressures of known values, and entries that cannot be read.

const LOINC = "http://loinc.org";
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** @typedef {Record<string, any>} Resource */

/** @param {number} time in milliseconds */
const text = (time) => new Date(time).toISOString();

/** @param {string} code */
const coded = (code) => ({ coding: [{ system: LOINC, code }] });

/** @param {number} value @param {string | null} unit */
export const quantity = (value, unit = "mm[Hg]") => (unit === null ? { value } : { value, unit, system: "http://unitsofmeasure.org", code: unit });

/** @param {object} systolic @param {object} diastolic both as `valueQuantity` */
export const components = (systolic, diastolic) => [
  { code: coded("8480-6"), valueQuantity: systolic },
  { code: coded("8462-4"), valueQuantity: diastolic },
];

/**
 * A blood pressure in mmHg in its first version.
 *
 * @param {string} id @param {string} patient @param {number} systolic @param {number} diastolic @param {number} time of measurement, in milliseconds
 * @param {Resource} [changes] other fields; undefined: without that one
 * @returns {Resource}
 */
export function observation(id, patient, systolic, diastolic, time, changes = {}) {
  return {
    resourceType: "Observation",
    id,
    meta: { lastUpdated: "2024-03-01T08:00:00Z" },
    status: "final",
    code: coded("85354-9"),
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: text(time),
    component: components(quantity(systolic), quantity(diastolic)),
    ...changes,
  };
}

/** A newer version of it. @param {Resource} resource @param {string} status @param {Resource} [changes] */
export const updated = (resource, status, changes = {}) => ({ ...resource, meta: { lastUpdated: "2024-03-02T08:00:00Z" }, status, ...changes });

/** 640 readings of 30 patients: the latest ten minutes ago, the first 160 days, each at a time of its own. @param {number} now */
export function manyReadings(now) {
  return Array.from({ length: 640 }, (_, index) => {
    const patient = (index * 7) % 30;
    // No two patients have the same mean: their order is certain.
    const systolic = 84 + ((index * 37) % 128) + patient ** 2 / 1_000;
    const diastolic = Math.min(48 + ((index * 29) % 83), systolic - 21);
    const past = index < 620 ? 10 * MINUTE + index ** 2 * 6_700 : (index - 590) * 3.3 * DAY;
    return observation(`many-${index}`, `many-${patient}`, systolic, diastolic, now - Math.round(past));
  });
}

/** Critical readings of the last minutes: one for each flag, and between them every reason that such a reading can have. @param {number} now */
export function flaggedReadings(now) {
  const at = (/** @type {number} */ minutes) => now - minutes * MINUTE;
  const child = { resourceType: "Patient", id: "child", birthDate: text(now - 5 * 365 * DAY).slice(0, 10), identifier: [{ system: "urn:ward", value: "child" }] };
  return [
    observation("kpa", "flagged-1", 0, 0, at(1), { component: components(quantity(26, "kPa"), quantity(13, "kPa")) }),
    observation("no-unit", "flagged-1", 0, 0, at(2), { component: components(quantity(190, null), quantity(125, null)) }),
    observation("bound", "flagged-2", 0, 0, at(3), { component: components({ ...quantity(230), comparator: ">" }, quantity(90)) }),
    observation("half", "flagged-2", 0, 0, at(4), { component: components(quantity(201), quantity(0)).slice(0, 1) }),
    observation("suspect", "flagged-3", 265, 118, at(5)),
    observation("preliminary", "flagged-3", 184, 55, at(6), { status: "preliminary" }),
    observation("zoneless", "flagged-4", 190, 150, at(7), { effectiveDateTime: text(at(7)).slice(0, 19) }),
    observation("issued", "flagged-4", 190, 70, 0, { effectiveDateTime: undefined, issued: text(at(8)) }),
    observation("child", "flagged-5", 181, 121, at(9), { subject: { reference: "#child" }, contained: [child] }),
    observation("imprecise", "flagged-5", 170, 121, now, { effectiveDateTime: text(now).slice(0, 10) }),
  ];
}

/** One line for each reason for which an entry is not read, but for its size. @param {number} now @returns {[string, Resource | string][]} */
export function unreadable(now) {
  const made = (/** @type {string} */ id, /** @type {Resource} */ changes) => observation(id, "unreadable", 150, 95, now - 5 * MINUTE, changes);
  const sides = components(quantity(150), quantity(95));
  return [
    ["not_json", "nonsense"],
    ["not_fhir", made("r1", { status: 5 })],
    ["too_deep", `{"resourceType": "Observation", "deep": ${"[".repeat(200)}${"]".repeat(200)}}`],
    ["no_status", made("r2", { status: undefined })],
    ["no_id", { resourceType: "Observation", status: "entered-in-error", code: coded("85354-9") }],
    ["ambiguous", made("r3", { component: [...sides, sides[0]] })],
    ["invalid_value", made("r4", { component: components({ ...quantity(0), value: "150" }, quantity(95)) })],
    ["invalid_unit", made("r5", { component: components(quantity(150, "cm"), quantity(95)) })],
    ["comparator", made("r6", { component: components({ ...quantity(118), comparator: ">" }, quantity(75)) })],
    ["implausible", made("r7", { component: components(quantity(95), quantity(150)) })],
    ["implausible", made("r8", { component: components(quantity(400), quantity(95)) })],
    ["incomplete", made("r9", { component: components(quantity(118), quantity(0)).slice(0, 1) })],
    ["no_subject", made("r10", { subject: undefined })],
    ["invalid_time", made("r11", { effectiveDateTime: "yesterday" })],
    ["no_time", made("r12", { effectiveDateTime: undefined })],
    ["future", made("r13", { effectiveDateTime: text(now + 9 * DAY) })],
  ];
}
