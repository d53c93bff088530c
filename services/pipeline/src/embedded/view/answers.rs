//! The answers of a view, as `docs/api.md` has them. Times are UTC, pressures mmHg; means are to one decimal.

use bpmonitor_clinical::{Category, Flag, Reason, RejectionReason, Severity};
use enumset::EnumSet;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::Range;

/// What a ward holds, in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The time that was asked for.
    pub as_of: Timestamp,
    /// How far back.
    pub range: Range,
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// Over all of it.
    pub totals: Totals,
    /// Of each category, the most severe first.
    pub categories: Vec<CategoryTotals>,
    /// Readings by severity over time.
    pub severities: Bars,
    /// Patients over time.
    pub heat_map: HeatMap,
    /// The latest critical readings, the latest first.
    pub latest_critical: Vec<CriticalReading>,
}

/// Counts and means of readings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Readings.
    pub readings: u64,
    /// Those among them that are stored as anomalies.
    pub anomalies: u64,
    /// Those among them that are critical.
    pub critical: u64,
    /// Patients who have one.
    pub patients: u64,
    /// In mmHg.
    pub systolic_mean: Option<f64>,
    /// In mmHg.
    pub diastolic_mean: Option<f64>,
}

/// Readings of a category.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CategoryTotals {
    /// Which.
    pub category: Category,
    /// Its severity.
    pub severity: Severity,
    /// How many.
    pub readings: u64,
    /// In mmHg.
    pub systolic_mean: Option<f64>,
    /// In mmHg.
    pub diastolic_mean: Option<f64>,
}

/// Readings by severity, in buckets without gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bars {
    /// A bucket's length; the last one ends where the range does.
    pub step_seconds: i64,
    /// In order of time.
    pub buckets: Vec<Bucket>,
}

/// Readings of a stretch of time by severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Its beginning.
    pub start: Timestamp,
    /// Normal readings.
    pub none: u64,
    /// Readings of moderate severity.
    pub moderate: u64,
    /// Readings of high severity.
    pub high: u64,
    /// Critical readings.
    pub critical: u64,
}

/// The patients who need a look most, over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeatMap {
    /// A column's length; the last one ends where the range does.
    pub step_seconds: i64,
    /// When each column begins.
    pub starts: Vec<Timestamp>,
    /// Those with the most critical readings first, then the most of high severity, then the highest mean systolic pressure.
    pub patients: Vec<PatientRow>,
}

/// A patient's row of the heat map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatientRow {
    /// The patient as stored.
    pub patient: String,
    /// The name, where names are stored.
    pub name: Option<String>,
    /// Readings.
    pub readings: u64,
    /// Critical ones.
    pub critical: u64,
    /// Those of high severity.
    pub high: u64,
    /// In mmHg.
    pub systolic_mean: Option<f64>,
    /// In mmHg.
    pub diastolic_mean: Option<f64>,
    /// One a column; none without a reading.
    pub cells: Vec<Option<Cell>>,
}

/// A patient's readings of one column.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// How many.
    pub readings: u64,
    /// In mmHg.
    pub systolic_mean: Option<f64>,
    /// In mmHg.
    pub diastolic_mean: Option<f64>,
    /// The worst.
    pub severity: Severity,
}

/// A critical reading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CriticalReading {
    /// The document's id, in hexadecimal.
    pub id: String,
    /// `Observation.id`.
    pub observation_id: Option<String>,
    /// The patient as stored.
    pub patient: String,
    /// The name, where names are stored.
    pub name: Option<String>,
    /// When it was measured.
    pub effective: Timestamp,
    /// In mmHg.
    #[serde(serialize_with = "plain")]
    pub systolic: Option<f64>,
    /// In mmHg.
    #[serde(serialize_with = "plain")]
    pub diastolic: Option<f64>,
    /// The category.
    pub category: Category,
    /// What it rests on; nothing where the ward does not keep critical readings as anomalies.
    pub reasons: EnumSet<Reason>,
    /// What had to be assumed or doubted.
    pub flags: EnumSet<Flag>,
}

/// Patients for a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Patients {
    /// All patients who have a reading.
    pub total: u64,
    /// Those that were asked for.
    pub patients: Vec<PatientSummary>,
}

/// A patient, over all readings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PatientSummary {
    /// The patient as stored.
    pub patient: String,
    /// The name, where names are stored.
    pub name: Option<String>,
    /// Readings.
    pub readings: u64,
    /// Critical ones.
    pub critical: u64,
}

/// One patient's readings. The limits that hold for the patient are the caller's to add.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatientReadings {
    /// The patient as stored.
    pub patient: String,
    /// The name, where names are stored.
    pub name: Option<String>,
    /// Inclusive; none where the range has no bounds.
    pub from: Option<Timestamp>,
    /// Exclusive; none where the range has no bounds.
    pub to: Option<Timestamp>,
    /// How many there are.
    pub total: u64,
    /// Whether `readings` are only the latest of them.
    pub truncated: bool,
    /// In order of time.
    pub readings: Vec<PatientReading>,
}

/// A reading of a patient.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PatientReading {
    /// The document's id, in hexadecimal.
    pub id: String,
    /// When it was measured.
    pub effective: Timestamp,
    /// In mmHg.
    #[serde(serialize_with = "plain")]
    pub systolic: Option<f64>,
    /// In mmHg.
    #[serde(serialize_with = "plain")]
    pub diastolic: Option<f64>,
    /// The category.
    pub category: Category,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejections {
    /// How many entries, of all times.
    pub total: u64,
    /// By reason, the most frequent first.
    pub reasons: Vec<RejectionsByReason>,
    /// The latest that are kept, the latest first.
    pub latest: Vec<RejectedEntry>,
}

/// Entries rejected for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectionsByReason {
    /// Why.
    pub reason: RejectionReason,
    /// How many.
    pub rejections: u64,
    /// What is wrong and what would mend it.
    pub message: &'static str,
}

/// A rejected entry. Nothing of its content is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedEntry {
    /// Its dead letter's number.
    pub number: i64,
    /// Why.
    pub reason: RejectionReason,
    /// When it was stored.
    pub stored: Timestamp,
    /// The file's name without its directory, or what else it is from.
    pub source: String,
    /// The line in it, counted from 1.
    pub line: Option<u64>,
    /// Which entry of a Bundle.
    pub entry: Option<u32>,
}

/// Writes a whole number without decimals.
#[expect(clippy::ref_option, reason = "serde's signature")]
fn plain<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        None => serializer.serialize_none(),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and a pressure is below 1000 mmHg")]
        Some(mmhg) if mmhg.fract() == 0.0 => serializer.serialize_i64(*mmhg as i64),
        Some(mmhg) => serializer.serialize_f64(*mmhg),
    }
}
