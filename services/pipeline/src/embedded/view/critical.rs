//! The latest critical readings.

use bpmonitor_clinical::{Category, Flag, Reason};
use enumset::EnumSet;
use rusqlite::{Row, params};
use serde::Deserialize;

use super::answers::CriticalReading;
use super::frame::Frame;
use super::overview::{Looking, Whose};
use super::rows::OF_PATIENT;
use crate::PortError;
use crate::embedded::database::time_of;
use crate::embedded::failure;
use crate::embedded::ids::Id;

/// How many there are at most.
const MOST: usize = 10;

/// What is shown of a document beside its reading.
#[derive(Default, Deserialize)]
struct Beside {
    observation_id: Option<String>,
    #[serde(default)]
    reasons: EnumSet<Reason>,
    #[serde(default)]
    flags: EnumSet<Flag>,
}

impl Looking<'_> {
    /// The latest critical readings of the selection within a frame, the latest first.
    pub(super) fn latest_critical(&self, frame: Frame) -> Result<Vec<CriticalReading>, PortError> {
        if !self.selection.meant().contains(Category::HypertensiveCrisis) {
            return Ok(Vec::new());
        }
        self.select_critical(frame).map_err(failure::database("reading the latest critical readings"))
    }

    fn select_critical(&self, frame: Frame) -> rusqlite::Result<Vec<CriticalReading>> {
        match self.whose {
            Whose::Nobody => Ok(Vec::new()),
            Whose::All => {
                let from = "SELECT * FROM readings INDEXED BY readings_critical
                     WHERE category = 0 AND effective >= ?1 AND effective < ?2";
                self.critical(from, params![frame.from, frame.to])
            }
            Whose::One(patient) => {
                let from = format!("SELECT * FROM ({OF_PATIENT}) WHERE category = 0");
                self.critical(&from, params![patient, frame.from, frame.to, self.indexed])
            }
        }
    }

    fn critical(&self, from: &str, params: impl rusqlite::Params) -> rusqlite::Result<Vec<CriticalReading>> {
        let sql = format!(
            "WITH latest AS MATERIALIZED ({from} ORDER BY effective DESC, seq DESC LIMIT {MOST})
             SELECT latest.id, latest.effective, latest.systolic, latest.diastolic, patients.patient, patients.name,
                 anomalies.document
             FROM latest JOIN patients ON patients.no = latest.patient
                 LEFT JOIN anomalies ON anomalies.seq = latest.document AND latest.anomaly
             ORDER BY latest.effective DESC, latest.seq DESC"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        select.query_map(params, critical_of)?.collect()
    }
}

fn critical_of(row: &Row<'_>) -> rusqlite::Result<CriticalReading> {
    let id: Id = row.get(0)?;
    let document: Option<String> = row.get(6)?;
    let beside = document.and_then(|text| serde_json::from_str::<Beside>(&text).ok()).unwrap_or_default();
    Ok(CriticalReading {
        id: hex::encode(id),
        observation_id: beside.observation_id,
        patient: row.get(4)?,
        name: row.get(5)?,
        effective: time_of(row.get(1)?),
        systolic: row.get(2)?,
        diastolic: row.get(3)?,
        category: Category::HypertensiveCrisis,
        reasons: beside.reasons,
        flags: beside.flags,
    })
}
