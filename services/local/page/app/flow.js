// Throughput and lag of the last minutes: one point per status, the oldest dropped.

/** @import { Status } from "./contract.js" */

/** @typedef {{ at: number, throughput: number, lag: number | null }} FlowPoint */
/** @typedef {readonly FlowPoint[]} Flow */

const KEPT_MILLISECONDS = 5 * 60_000;

/** @param {Flow} flow @param {Status} status @returns {Flow} */
export function flowed(flow, status) {
  const at = Date.parse(status.as_of);
  const kept = flow.filter((point) => point.at > at - KEPT_MILLISECONDS && point.at < at);
  return [...kept, { at, throughput: status.throughput_per_second, lag: status.lag_seconds }];
}

/** Of every ten seconds the last point, the latest first: what a table can show. @param {Flow} flow @returns {Flow} */
export function thinned(flow) {
  const slots = new Map(flow.map((point) => [Math.floor(point.at / 10_000), point]));
  return [...slots.values()].reverse();
}
