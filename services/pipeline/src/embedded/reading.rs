//! A row of `readings`: what holds of an id.

use bpmonitor_clinical::Category;
use rusqlite::Row;
use rust_decimal::prelude::ToPrimitive;

use crate::Document;

/// The code of the one critical category.
pub(super) const CRITICAL: u8 = code(Category::HypertensiveCrisis);

/// A category's place in [`Category::ALL`].
pub(super) const fn code(category: Category) -> u8 {
    category as u8
}

/// The category of a code.
pub(super) fn category_of(code: u8) -> Category {
    Category::ALL.get(usize::from(code)).copied().unwrap_or(Category::Normal)
}

/// What was measured of whom, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Measured {
    /// The patient's number.
    pub(super) patient: i64,
    /// In microseconds since 1970.
    pub(super) effective: i64,
    /// See [`code`].
    pub(super) category: u8,
    pub(super) anomaly: bool,
    /// In mmHg.
    pub(super) systolic: Option<f64>,
    /// In mmHg.
    pub(super) diastolic: Option<f64>,
}

impl Measured {
    /// What a document says; none where it names no reading.
    pub(super) fn of(document: &Document, patient: i64, anomaly: bool) -> Option<Self> {
        Some(Self {
            patient,
            effective: document.timestamp?.as_microsecond(),
            category: code(document.category?),
            anomaly,
            systolic: document.systolic_pressure.and_then(|mmhg| mmhg.to_f64()),
            diastolic: document.diastolic_pressure.and_then(|mmhg| mmhg.to_f64()),
        })
    }
}

/// A version of an id as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) version: i64,
    /// When it was stored, in microseconds since 1970.
    pub(super) stored: i64,
    /// None of a marker: the reading was taken back, or stands elsewhere.
    pub(super) measured: Option<Measured>,
}

/// A row of `readings`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HeldRow {
    pub(super) seq: i64,
    /// The number of the id's document in `anomalies`, if it is still there.
    pub(super) document: Option<i64>,
    pub(super) held: Held,
}

/// The columns that [`HeldRow::of`] reads.
pub(super) const COLUMNS: &str =
    "seq, document, version, stored, patient, effective, category, anomaly, systolic, diastolic";

impl HeldRow {
    /// From a row of [`COLUMNS`].
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let category: Option<u8> = row.get(6)?;
        let measured = match category {
            None => None,
            Some(category) => Some(Measured {
                patient: row.get(4)?,
                effective: row.get(5)?,
                category,
                anomaly: row.get(7)?,
                systolic: row.get(8)?,
                diastolic: row.get(9)?,
            }),
        };
        let held = Held { version: row.get(2)?, stored: row.get(3)?, measured };
        Ok(Self { seq: row.get(0)?, document: row.get(1)?, held })
    }
}
