// Thresholds as bands of one side, and the heat map's scale that is anchored at them.

/** @import { Category, Limit, LimitName, Limits } from "./contract.js" */

/** @typedef {"systolic" | "diastolic"} Side */
/** @typedef {{ category: Category, from: number, to: number, through: boolean }} Band ends may be infinite; `through`: `to` still belongs to it */
/** @typedef {Band & { at: number }} Step `at`: where in its band, 0 to 1 */

/** @type {[LimitName, Category][]} */
const UPWARDS = [
  ["elevated", "elevated"],
  ["stage1", "hypertension_stage1"],
  ["stage2", "hypertension_stage2"],
  ["crisis", "hypertensive_crisis"],
];

/** @type {Record<Category, LimitName | null>} */
const LIMIT_OF = {
  hypertensive_crisis: "crisis",
  hypertension_stage2: "stage2",
  hypertension_stage1: "stage1",
  elevated: "elevated",
  hypotension: "hypotension",
  normal: null,
};

/** From the lowest to the highest, without gaps. @param {Limits} limits @param {Side} side @returns {Band[]} */
export function bandsOf(limits, side) {
  const low = limits.hypotension?.[side];
  /** @type {{ category: Category, from: number, inclusive: boolean }[]} */
  const starts = [
    ...(low ? [starting("hypotension", null)] : []),
    starting("normal", low ? { mmhg: low.mmhg, inclusive: true } : null),
    ...UPWARDS.flatMap(([name, category]) => (limits[name]?.[side] ? [starting(category, limits[name][side])] : [])),
  ];
  return starts
    .map(({ category, from }, index) => ({
      category,
      from,
      to: starts[index + 1]?.from ?? Infinity,
      through: starts[index + 1]?.inclusive === false,
    }))
    .filter((band) => band.from < band.to);
}

/** @param {Category} category @param {Limit | null} limit */
const starting = (category, limit) => ({ category, from: limit?.mmhg ?? -Infinity, inclusive: limit?.inclusive ?? true });

/** The two sides' limits of a category, where it has some. @param {Limits} limits @param {Category} category */
export function limitsOf(limits, category) {
  const name = LIMIT_OF[category];
  return name === null ? null : limits[name];
}

/** @param {Category} category @param {Limit} limit @param {(value: number) => string} number */
export function limitText(category, limit, number) {
  const sign = category === "hypotension" ? "<" : limit.inclusive ? "≥" : ">";
  return `${sign}\u202f${number(limit.mmhg)}`;
}

const STEPS_IN_BAND = 3;
const OPEN_BAND = 30;

/** Equal steps within each band; the open ends count as 30 mmHg wide. @param {Limits} limits @returns {Step[]} */
export function heatScale(limits) {
  return bandsOf(limits, "systolic").flatMap((band) => {
    const from = Number.isFinite(band.from) ? band.from : band.to - OPEN_BAND;
    const to = Number.isFinite(band.to) ? band.to : from + OPEN_BAND;
    return Array.from({ length: STEPS_IN_BAND }, (_, index) => ({
      category: band.category,
      from: index === 0 ? band.from : from + ((to - from) * index) / STEPS_IN_BAND,
      to: index === STEPS_IN_BAND - 1 ? band.to : from + ((to - from) * (index + 1)) / STEPS_IN_BAND,
      through: index === STEPS_IN_BAND - 1 && band.through,
      at: index / (STEPS_IN_BAND - 1),
    }));
  });
}

/** Which step a value is in. @param {Step[]} scale @param {number} value */
export function stepOf(scale, value) {
  const index = scale.findIndex((step) => value < step.to || (step.through && value === step.to));
  return index === -1 ? scale.length - 1 : index;
}
