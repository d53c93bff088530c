//! Which row of `readings` is an id's, and which rows are a patient's: two deferred indexes.

use rusqlite::{CachedStatement, Row, params};

use super::deferred::{Deferred, Key};

/// An id.
pub(super) type Id = [u8; 16];

/// The rows of ids.
pub(super) type Ids = Deferred<Id>;

/// The rows of patients.
pub(super) type ByPatient = Deferred<OfPatient>;

impl Key for Id {
    const SHARES: usize = 256;
    const RECENT: usize = 64 * 1024;
    const NAME: &'static str = "ids_indexed";
    const ROWS: &'static str = "SELECT seq, id FROM readings WHERE seq > ?1";
    // One that was in memory when a process ended may be in the table already, and so may an older row of the same id.
    const INSERT: &'static str =
        "INSERT INTO ids VALUES (?1, ?2) ON CONFLICT DO UPDATE SET reading = excluded.reading";
    const DELETE: &'static str = "DELETE FROM ids WHERE id = ?1";

    fn share(&self) -> usize {
        usize::from(self[0])
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        row.get(1)
    }

    fn insert(&self, statement: &mut CachedStatement<'_>, reading: i64) -> rusqlite::Result<()> {
        statement.execute(params![self, reading]).map(drop)
    }

    fn delete(&self, statement: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        statement.execute([self]).map(drop)
    }
}

/// A patient's reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct OfPatient {
    /// The patient's number.
    pub(super) patient: i64,
    /// In microseconds since 1970.
    pub(super) effective: i64,
    /// Its row: two readings may be of one time.
    pub(super) reading: i64,
}

impl Key for OfPatient {
    const SHARES: usize = 64;
    const RECENT: usize = 32 * 1024;
    const NAME: &'static str = "patients_indexed";
    const ROWS: &'static str =
        "SELECT seq, patient, effective FROM readings WHERE seq > ?1 AND category IS NOT NULL";
    const INSERT: &'static str = "INSERT INTO by_patient VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    const DELETE: &'static str =
        "DELETE FROM by_patient WHERE patient = ?1 AND effective = ?2 AND reading = ?3";

    fn share(&self) -> usize {
        usize::try_from(self.patient.rem_euclid(64)).unwrap_or_default()
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { patient: row.get(1)?, effective: row.get(2)?, reading: row.get(0)? })
    }

    fn insert(&self, statement: &mut CachedStatement<'_>, reading: i64) -> rusqlite::Result<()> {
        statement.execute([self.patient, self.effective, reading]).map(drop)
    }

    fn delete(&self, statement: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
        statement.execute([self.patient, self.effective, self.reading]).map(drop)
    }
}
