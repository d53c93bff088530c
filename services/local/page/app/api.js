// Asking the server; an answer that is none becomes an ApiError with the server's own words.

/** @import { Overview, PatientReadings, Patients, Rejections, Ward } from "./contract.js" */
/** @import { Filters } from "./filters.js" */

const BASE = new URL("api/v1/", document.baseURI);

export const EVENTS = new URL("events", BASE);

/** The message where the server said nothing at all. */
export const UNREACHABLE = "";

/** What the server said was wrong. */
export class ApiError extends Error {
  /** @param {string} message @param {number | null} [status] of the answer, where there was one */
  constructor(message, status = null) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {Record<string, string>} parameters @param {AbortSignal} [signal] @returns {Promise<any>} */
async function get(path, parameters = {}, signal) {
  const url = new URL(path, BASE);
  url.search = new URLSearchParams(parameters).toString();
  const response = await fetch(url, { signal, headers: { accept: "application/json" } }).catch((cause) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(UNREACHABLE);
  });
  const body = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(body?.error?.message ?? `HTTP ${response.status}`, response.status);
  if (body === null) throw new ApiError(UNREACHABLE);
  return body;
}

/** @param {Filters} filters */
function selection({ range, categories, patient }) {
  return {
    range,
    ...(categories.length > 0 && { category: categories.join(",") }),
    ...(patient !== null && { patient }),
  };
}

/** @returns {Promise<Ward>} */
export const fetchWard = () => get("ward");

/** @param {Filters} filters @param {AbortSignal} signal @returns {Promise<Overview>} */
export const fetchOverview = (filters, signal) => get("overview", selection(filters), signal);

/** @param {Filters & { patient: string }} filters @param {AbortSignal} signal @returns {Promise<PatientReadings>} */
export function fetchReadings({ patient, ...filters }, signal) {
  return get(`patients/${encodeURIComponent(patient)}/readings`, selection({ ...filters, patient: null }), signal);
}

/** @param {AbortSignal} signal @returns {Promise<Rejections>} */
export const fetchRejections = (signal) => get("rejections", { limit: "20" }, signal);

/** @param {string} query @param {AbortSignal} signal @returns {Promise<Patients>} */
export const fetchPatients = (query, signal) => get("patients", { limit: "50", ...(query && { query }) }, signal);
