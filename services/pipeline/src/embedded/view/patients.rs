//! Patients for a filter, and the readings of one of them.

use bpmonitor_clinical::Category;
use enumset::EnumSet;
use rusqlite::{OptionalExtension, Row, params};

use super::answers::{PatientReading, PatientReadings, PatientSummary, Patients};
use super::frame::Frame;
use super::overview::{Looking, Whose};
use super::rows::{OF_PATIENT, Stretch};
use super::{Range, Selection, View};
use crate::PortError;
use crate::embedded::database::time_of;
use crate::embedded::failure;
use crate::embedded::ids::Id;
use crate::embedded::reading::{category_of, code};

/// How many readings of a patient are given at most.
const MOST_READINGS: usize = 2000;

/// Whom a filter finds: by the beginning of the key, or by a part of the name.
const MATCHES: &str = "readings > 0 AND (substr(lower(patient), 1, length(?1)) = lower(?1)
    OR instr(lower(name), lower(?1)) > 0)";

impl View {
    /// Patients whose key begins with `query`, or whose name contains it, those with the most critical readings first.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn patients(&self, query: &str, limit: usize) -> Result<Patients, PortError> {
        let _moment = self.moment()?;
        self.select_patients(query, limit).map_err(failure::database("reading the patients"))
    }

    fn select_patients(&self, query: &str, limit: usize) -> rusqlite::Result<Patients> {
        let connection = &self.database.connection;
        let total: i64 = connection
            .prepare_cached("SELECT count(*) FROM patients WHERE readings > 0")?
            .query_row([], |row| row.get(0))?;
        let sql = format!(
            "SELECT patient, name, readings, critical FROM patients WHERE {MATCHES}
             ORDER BY critical DESC, readings DESC, patient LIMIT ?2"
        );
        let mut select = connection.prepare_cached(&sql)?;
        let patients = select.query_map(params![query, limit.cast_signed()], summary_of)?;
        Ok(Patients { total: total.cast_unsigned(), patients: patients.collect::<Result<_, _>>()? })
    }

    /// One patient's readings in order of time, the latest 2,000 of a selection (whose own patient is of no account). None
    /// where the ward never had one of this patient.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn patient_readings(
        &self,
        patient: &str,
        selection: &Selection,
    ) -> Result<Option<PatientReadings>, PortError> {
        let moment = self.moment()?;
        let selection = Selection { patient: Some(patient.to_owned()), ..selection.clone() };
        let looking = self.looking(&moment, &selection)?;
        looking.readings().map_err(failure::database("reading a patient's readings"))
    }
}

fn summary_of(row: &Row<'_>) -> rusqlite::Result<PatientSummary> {
    Ok(PatientSummary {
        patient: row.get(0)?,
        name: row.get(1)?,
        readings: row.get::<_, i64>(2)?.cast_unsigned(),
        critical: row.get::<_, i64>(3)?.cast_unsigned(),
    })
}

impl Looking<'_> {
    fn readings(&self) -> rusqlite::Result<Option<PatientReadings>> {
        let Whose::One(patient) = self.whose else { return Ok(None) };
        let sql = "SELECT patient, name FROM patients WHERE no = ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let found = select.query_row([patient], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((name_as_stored, name)) = found else { return Ok(None) };
        let bounds = self.bounds();
        let stretch = bounds.unwrap_or(Stretch { from: i64::MIN, to: i64::MAX });
        let total = self.count(patient, stretch)?;
        let readings = self.latest(patient, stretch)?;
        Ok(Some(PatientReadings {
            patient: name_as_stored,
            name,
            from: bounds.map(|stretch| time_of(stretch.from)),
            to: bounds.map(|stretch| time_of(stretch.to)),
            total,
            truncated: total > readings.len() as u64,
            readings,
        }))
    }

    fn bounds(&self) -> Option<Stretch> {
        let Selection { range, now, .. } = self.selection;
        let frame = Frame::new(*range, now.as_microsecond(), None);
        (*range != Range::All).then_some(Stretch { from: frame.from, to: frame.to })
    }

    fn count(&self, patient: i64, stretch: Stretch) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM ({OF_PATIENT}) WHERE (1 << category) & ?5");
        let mut select = self.connection.prepare_cached(&sql)?;
        let row = params![patient, stretch.from, stretch.to, self.indexed, mask(self.selection.meant())];
        select.query_row(row, |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    }

    /// The latest readings, in order of time.
    fn latest(&self, patient: i64, stretch: Stretch) -> rusqlite::Result<Vec<PatientReading>> {
        let sql = format!(
            "SELECT id, effective, systolic, diastolic, category FROM ({OF_PATIENT}) WHERE (1 << category) & ?5
             ORDER BY effective DESC, seq DESC LIMIT {MOST_READINGS}"
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let row = params![patient, stretch.from, stretch.to, self.indexed, mask(self.selection.meant())];
        let mut readings: Vec<PatientReading> =
            select.query_map(row, reading_of)?.collect::<Result<_, _>>()?;
        readings.reverse();
        Ok(readings)
    }
}

/// The categories as bits, by their codes.
fn mask(categories: EnumSet<Category>) -> i64 {
    categories.iter().map(|category| 1 << code(category)).sum()
}

fn reading_of(row: &Row<'_>) -> rusqlite::Result<PatientReading> {
    let id: Id = row.get(0)?;
    Ok(PatientReading {
        id: hex::encode(id),
        effective: time_of(row.get(1)?),
        systolic: row.get(2)?,
        diastolic: row.get(3)?,
        category: category_of(row.get(4)?),
    })
}
