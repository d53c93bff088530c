// What the server answers, as types: the contract of docs/api.md. Nothing here runs.

/** @typedef {"hypertensive_crisis" | "hypertension_stage2" | "hypertension_stage1" | "elevated" | "hypotension" | "normal"} Category */
/** @typedef {"critical" | "high" | "moderate" | "none"} Severity */
/** @typedef {"1h" | "6h" | "24h" | "7d" | "30d" | "all"} Range */

/** @typedef {{ mmhg: number, inclusive: boolean }} Limit */
/** @typedef {{ systolic: Limit | null, diastolic: Limit | null }} SideLimits */
/** @typedef {"crisis" | "stage2" | "stage1" | "elevated" | "hypotension"} LimitName */
/** @typedef {Record<LimitName, SideLimits | null>} Limits */

/**
 * @typedef {object} Ward
 * @property {string} monitor
 * @property {string} namespace
 * @property {string} version
 * @property {{ patients: number, rate_per_second: number, seed: number } | null} simulated
 * @property {{ profile: string, anomalies: Category[], limits: Limits }} thresholds
 * @property {{ category: Category, severity: Severity }[]} categories
 * @property {Range[]} ranges
 */

/**
 * @typedef {object} Totals
 * @property {number} readings
 * @property {number} anomalies
 * @property {number} critical
 * @property {number} patients
 * @property {number | null} systolic_mean
 * @property {number | null} diastolic_mean
 */

/** @typedef {{ category: Category, severity: Severity, readings: number, systolic_mean: number | null, diastolic_mean: number | null }} CategoryTotal */
/** @typedef {{ start: string } & Record<Severity, number>} SeverityBucket */
/** @typedef {{ readings: number, systolic_mean: number | null, diastolic_mean: number | null, severity: Severity }} HeatCell */

/**
 * @typedef {object} HeatPatient
 * @property {string} patient
 * @property {string | null} name
 * @property {number} readings
 * @property {number} critical
 * @property {number} high
 * @property {number | null} systolic_mean
 * @property {number | null} diastolic_mean
 * @property {(HeatCell | null)[]} cells
 */

/**
 * @typedef {object} CriticalReading
 * @property {string} id
 * @property {string | null} observation_id
 * @property {string} patient
 * @property {string | null} name
 * @property {string} effective
 * @property {number | null} systolic
 * @property {number | null} diastolic
 * @property {Category} category
 * @property {string[]} reasons
 * @property {string[]} flags
 */

/**
 * @typedef {object} Overview
 * @property {string} as_of
 * @property {Range} range
 * @property {string | null} from
 * @property {string | null} to
 * @property {Totals} totals
 * @property {CategoryTotal[]} categories
 * @property {{ step_seconds: number, buckets: SeverityBucket[] }} severities
 * @property {{ step_seconds: number, starts: string[], patients: HeatPatient[] }} heat_map
 * @property {CriticalReading[]} latest_critical
 */

/** @typedef {{ patient: string, name: string | null, readings: number, critical: number }} Patient */
/** @typedef {{ total: number, patients: Patient[] }} Patients */

/** @typedef {{ id: string, effective: string, systolic: number | null, diastolic: number | null, category: Category }} Reading */

/**
 * @typedef {object} PatientReadings
 * @property {string} patient
 * @property {string | null} name
 * @property {string | null} from
 * @property {string | null} to
 * @property {number} total
 * @property {boolean} truncated
 * @property {Limits} limits
 * @property {Reading[]} readings
 */

/** @typedef {{ number: number, reason: string, stored: string, source: string, line: number | null, entry: number | null }} Rejection */
/** @typedef {{ total: number, reasons: { reason: string, rejections: number, message: string }[], latest: Rejection[] }} Rejections */

/** @typedef {{ code: string, since: string, seconds: number }} Notice */

/**
 * @typedef {object} Status
 * @property {string} as_of
 * @property {number} sequence
 * @property {"history" | "live" | "files"} phase
 * @property {Record<"anomaly" | "normal" | "rejected" | "skipped" | "withdrawn", number>} entries
 * @property {number} throughput_per_second
 * @property {number | null} rate_per_second
 * @property {number | null} lag_seconds
 * @property {{ done: number, total: number } | null} history
 * @property {Notice[]} notices
 */

export {};
