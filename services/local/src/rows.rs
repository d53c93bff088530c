//! Rows of output: one entry or document a line, as JSON or in columns.

use std::io::{self, Write};

use bpmonitor_clinical::{Assessment, Category, Flag, Pressure, Reading, Reason, Severity};
use bpmonitor_pipeline::{Outcome, exact_number};
use enumset::EnumSet;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct At<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: u64,
    pub(crate) entry: Option<u32>,
}

/// What became of an entry, as `classify` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct EntryRow<'a> {
    pub(crate) outcome: &'static str,
    pub(crate) category: Option<Category>,
    pub(crate) severity: Option<Severity>,
    #[serde(serialize_with = "exact_number")]
    pub(crate) systolic: Option<Decimal>,
    #[serde(serialize_with = "exact_number")]
    pub(crate) diastolic: Option<Decimal>,
    pub(crate) anomalies: EnumSet<Category>,
    pub(crate) reasons: EnumSet<Reason>,
    pub(crate) flags: EnumSet<Flag>,
    pub(crate) patient: Option<String>,
    pub(crate) observation_id: Option<&'a str>,
    pub(crate) effective: Option<Timestamp>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) at: At<'a>,
}

impl<'a> EntryRow<'a> {
    /// A row that says no more than where the entry stands and what became of it.
    pub(crate) fn blank(outcome: Outcome, at: At<'a>) -> Self {
        Self {
            outcome: outcome.name(),
            category: None,
            severity: None,
            systolic: None,
            diastolic: None,
            anomalies: EnumSet::empty(),
            reasons: EnumSet::empty(),
            flags: EnumSet::empty(),
            patient: None,
            observation_id: None,
            effective: None,
            reason: outcome.reason(),
            at,
        }
    }

    /// Fills in what a Reading and its Assessment say.
    pub(crate) fn assessed(&mut self, reading: &Reading<'_>, assessment: &Assessment) {
        self.category = Some(assessment.category);
        self.severity = Some(assessment.category.severity());
        self.systolic = reading.systolic.map(Pressure::mmhg);
        self.diastolic = reading.diastolic.map(Pressure::mmhg);
        self.anomalies = assessment.anomalies;
        self.reasons = assessment.reasons;
        self.flags = reading.flags;
        self.effective = Some(reading.effective);
    }

    pub(crate) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.write_all(b"\n")
    }

    pub(crate) fn write_columns(&self, out: &mut impl Write) -> io::Result<()> {
        let pressure = pressure(self.systolic, self.diastolic);
        let what = self.reason.or(self.category.map(Category::id)).unwrap_or("");
        let when = self.effective.map(|time| time.to_string()).unwrap_or_default();
        let At { file, line, entry } = self.at;
        let entry = entry.map(|entry| format!("#{entry}")).unwrap_or_default();
        let flags: Vec<String> = self.flags.iter().map(|flag| code(&flag)).collect();
        let flags = flags.join(",");
        let text =
            format!("{:<10}{pressure:>11}  {what:<22}{when:<22}{file}:{line}{entry}  {flags}", self.outcome);
        writeln!(out, "{}", text.trim_end())
    }
}

/// The heads of [`EntryRow::write_columns`].
pub(crate) fn write_entry_heads(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:<10}{:>11}  {:<22}{:<22}WHERE", "OUTCOME", "MMHG", "CATEGORY OR REASON", "EFFECTIVE")
}

fn pressure(systolic: Option<Decimal>, diastolic: Option<Decimal>) -> String {
    if systolic.is_none() && diastolic.is_none() {
        return String::new();
    }
    let side =
        |value: Option<Decimal>| value.map_or_else(|| "-".to_owned(), |value| value.round_dp(1).to_string());
    format!("{}/{}", side(systolic), side(diastolic))
}

/// The text that serde gives a unit variant.
fn code(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}
