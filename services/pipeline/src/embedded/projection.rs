//! Readings as they hold now: what each write to the store means for the rows of `readings` and their counts.
//!
//! The highest version of an id holds; at the same version a later write replaces an earlier one, but for markers, which only stand
//! beside the reading that they come with.

use bpmonitor_clinical::{DocumentId, Version};
use jiff::Timestamp;
use rusqlite::{CachedStatement, OptionalExtension, params};

use super::database::Database;
use super::failure;
use super::ids::{ByPatient, Id, Ids, OfPatient};
use super::patients::Patients;
use super::reading::{COLUMNS, Held, HeldRow, Measured};
use super::rollups::Rollups;
use crate::{AnomalyWrite, ArchiveLine, Document, PortError};

/// The readings as they hold now, as far as they are kept in memory.
#[derive(Debug)]
pub(super) struct Projection {
    ids: Ids,
    by_patient: ByPatient,
    pub(super) patients: Patients,
    pub(super) rollups: Rollups,
    /// The last row of `readings`.
    last_row: i64,
}

/// How a version replaces the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Unless that is newer.
    Newest,
    /// Only if that is older.
    Newer,
}

impl Rule {
    const fn replaces(self, version: i64, held: i64) -> bool {
        match self {
            Self::Newest => version >= held,
            Self::Newer => version > held,
        }
    }
}

impl Projection {
    /// Of a database in which everything is committed.
    pub(super) fn load(database: &Database) -> Result<Self, PortError> {
        let (ids, by_patient) = (Ids::load(database)?, ByPatient::load(database)?);
        let rollups = Rollups::load(database)?;
        let sql = "SELECT coalesce(max(seq), 0) FROM readings";
        let last_row: rusqlite::Result<i64> = database.connection.query_row(sql, [], |row| row.get(0));
        let last_row = last_row.map_err(failure::database("reading the newest readings"))?;
        // The last rows may have been removed: one that got such a number again would be missing in an index.
        let last_row = last_row.max(ids.indexed()).max(by_patient.indexed());
        Ok(Self { ids, by_patient, patients: Patients::default(), rollups, last_row })
    }

    /// Writes the counts, and what else is to be committed with the readings.
    pub(super) fn settle(&mut self, database: &Database) -> Result<(), PortError> {
        self.rollups.write(database)?;
        self.ids.settle(database, self.last_row)?;
        self.by_patient.settle(database, self.last_row)
    }

    fn remove(&mut self, database: &Database, row: &HeldRow, id: &Id) -> rusqlite::Result<()> {
        self.ids.remove(database, id)?;
        self.remove_but_id(database, row)
    }

    /// Removes a row; where its document stays, a marker stays to find that by.
    pub(super) fn remove_or_blank(
        &mut self,
        database: &Database,
        row: &HeldRow,
        id: &Id,
    ) -> rusqlite::Result<()> {
        if has_document(database, row)? { self.blank(database, row) } else { self.remove(database, row, id) }
    }

    fn remove_but_id(&mut self, database: &Database, row: &HeldRow) -> rusqlite::Result<()> {
        self.discount(database, row)?;
        let sql = "DELETE FROM readings WHERE seq = ?1";
        database.connection.prepare_cached(sql)?.execute([row.seq]).map(drop)
    }

    fn blank(&mut self, database: &Database, row: &HeldRow) -> rusqlite::Result<()> {
        self.discount(database, row)?;
        let sql = "UPDATE readings SET patient = NULL, effective = NULL, category = NULL, anomaly = NULL, systolic = NULL,
             diastolic = NULL WHERE seq = ?1";
        database.connection.prepare_cached(sql)?.execute([row.seq]).map(drop)
    }

    fn count(&mut self, row: &HeldRow) {
        let Some(measured) = &row.held.measured else { return };
        self.rollups.count(measured, 1);
        self.by_patient.insert(of_patient(measured, row.seq), row.seq);
    }

    fn discount(&mut self, database: &Database, row: &HeldRow) -> rusqlite::Result<()> {
        let Some(measured) = &row.held.measured else { return Ok(()) };
        self.rollups.count(measured, -1);
        self.by_patient.remove(database, &of_patient(measured, row.seq))
    }

    /// Takes in archive lines.
    pub(super) fn archive(&mut self, database: &Database, lines: &[ArchiveLine]) -> Result<(), PortError> {
        let failed = || failure::database("writing readings");
        let now = Timestamp::now().as_microsecond();
        let mut rows = Writer::new(self, database).map_err(failed())?;
        lines.iter().try_for_each(|line| rows.archive(line, now)).map_err(failed())
    }

    /// Takes in documents, and writes each unless a newer version of it is there.
    pub(super) fn write_anomalies(
        &mut self,
        database: &Database,
        writes: &[AnomalyWrite],
        seq: &mut i64,
    ) -> Result<(), PortError> {
        let failed = || failure::database("writing anomalies");
        let mut rows = Writer::new(self, database).map_err(failed())?;
        for write in writes {
            *seq += 1;
            let text = serde_json::to_string(&write.document).map_err(|error| {
                PortError::Damaged(format!("a document cannot be written as JSON: {error}"))
            })?;
            rows.anomaly(write, &text, *seq).map_err(failed())?;
        }
        Ok(())
    }
}

/// Whether a row's document is still there.
pub(super) fn has_document(database: &Database, row: &HeldRow) -> rusqlite::Result<bool> {
    let Some(document) = row.document else { return Ok(false) };
    database.connection.prepare_cached("SELECT 1 FROM anomalies WHERE seq = ?1")?.exists([document])
}

const fn of_patient(measured: &Measured, reading: i64) -> OfPatient {
    OfPatient { patient: measured.patient, effective: measured.effective, reading }
}

/// The statements of a batch of writes.
struct Writer<'w> {
    projection: &'w mut Projection,
    database: &'w Database,
    find: CachedStatement<'w>,
    select: CachedStatement<'w>,
    insert: CachedStatement<'w>,
    insert_document: CachedStatement<'w>,
}

impl<'w> Writer<'w> {
    fn new(projection: &'w mut Projection, database: &'w Database) -> rusqlite::Result<Self> {
        let prepare = |sql: &str| database.connection.prepare_cached(sql);
        Ok(Self {
            projection,
            database,
            find: prepare("SELECT reading FROM ids WHERE id = ?1")?,
            select: prepare(&format!("SELECT {COLUMNS} FROM readings WHERE seq = ?1"))?,
            insert: prepare("INSERT INTO readings VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?,
            insert_document: prepare("INSERT INTO anomalies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?,
        })
    }

    fn archive(&mut self, line: &ArchiveLine, now: i64) -> rusqlite::Result<()> {
        let ArchiveLine { partition: _, id, version, reading } = line;
        let known = self.known(&id.0)?;
        let Some(document) = reading else {
            let marker = Held { version: version.0, stored: now, measured: None };
            return self.hold(&id.0, known, marker, Rule::Newer, None);
        };
        let held = self.held(*version, document, false)?;
        self.hold(&id.0, known, held, Rule::Newest, None)
    }

    fn anomaly(&mut self, write: &AnomalyWrite, text: &str, seq: i64) -> rusqlite::Result<()> {
        let AnomalyWrite { entry: _, id, version, document } = write;
        let known = self.known(&id.0)?;
        let is_replaced = match known.as_ref().and_then(|row| row.document) {
            Some(old) => self.remove_document(old, *version)?,
            None => true,
        };
        if is_replaced {
            self.insert_document(write, text, seq)?;
        }
        let now_document = is_replaced.then_some(seq);
        if document.withdrawn {
            let marker = Held {
                version: version.0,
                stored: document.processed_datetime.as_microsecond(),
                measured: None,
            };
            // A tombstone with a category stands beside the archive line that has the reading.
            let rule = if document.category.is_some() { Rule::Newer } else { Rule::Newest };
            return self.hold(&id.0, known, marker, rule, now_document);
        }
        let held = self.held(*version, document, true)?;
        self.hold(&id.0, known, held, Rule::Newest, now_document)
    }

    /// Removes a document unless it is newer than `version`. Whether there is room for that version now.
    fn remove_document(&self, seq: i64, version: Version) -> rusqlite::Result<bool> {
        let connection = &self.database.connection;
        let mut select = connection.prepare_cached("SELECT version FROM anomalies WHERE seq = ?1")?;
        let there: Option<i64> = select.query_row([seq], |row| row.get(0)).optional()?;
        if there.is_some_and(|there| there > version.0) {
            return Ok(false);
        }
        connection.prepare_cached("DELETE FROM anomalies WHERE seq = ?1")?.execute([seq])?;
        Ok(true)
    }

    fn insert_document(&mut self, write: &AnomalyWrite, text: &str, seq: i64) -> rusqlite::Result<()> {
        let AnomalyWrite { entry: _, id: DocumentId(id), version, document } = write;
        let row = params![
            seq,
            id,
            version.0,
            document.withdrawn,
            document.timestamp.map(Timestamp::as_microsecond),
            document.processed_datetime.as_microsecond(),
            document.patient_id,
            document.category.map(bpmonitor_clinical::Category::id),
            text
        ];
        self.insert_document.execute(row).map(drop)
    }

    fn held(&mut self, version: Version, document: &Document, anomaly: bool) -> rusqlite::Result<Held> {
        let patient = self.projection.patients.number(self.database, document)?;
        Ok(Held {
            version: version.0,
            stored: document.processed_datetime.as_microsecond(),
            measured: Measured::of(document, patient, anomaly),
        })
    }

    /// The row of an id.
    fn known(&mut self, id: &Id) -> rusqlite::Result<Option<HeldRow>> {
        let seq = match self.projection.ids.recent(id) {
            None => self.find.query_row([id], |row| row.get(0)).optional()?,
            seq => seq,
        };
        seq.map_or(Ok(None), |seq| self.select.query_row([seq], HeldRow::of).optional())
    }

    /// Keeps a version of an id where it is to replace what is `known`, and the number of its document where that is a new one.
    fn hold(
        &mut self,
        id: &Id,
        known: Option<HeldRow>,
        held: Held,
        rule: Rule,
        document: Option<i64>,
    ) -> rusqlite::Result<()> {
        let Some(old) = known else { return self.insert(id, held, document) };
        if rule.replaces(held.version, old.held.version) {
            self.projection.remove_but_id(self.database, &old)?;
            return self.insert(id, held, document.or(old.document));
        }
        if document.is_some() {
            let sql = "UPDATE readings SET document = ?2 WHERE seq = ?1";
            self.database.connection.prepare_cached(sql)?.execute(params![old.seq, document])?;
        }
        Ok(())
    }

    /// Adds a row: the rows are in the order in which they were stored.
    fn insert(&mut self, id: &Id, held: Held, document: Option<i64>) -> rusqlite::Result<()> {
        self.projection.last_row += 1;
        let row = HeldRow { seq: self.projection.last_row, document, held };
        insert_row(&mut self.insert, id, &row)?;
        self.projection.ids.insert(*id, row.seq);
        self.projection.count(&row);
        Ok(())
    }
}

fn insert_row(statement: &mut CachedStatement<'_>, id: &Id, row: &HeldRow) -> rusqlite::Result<()> {
    let HeldRow { seq, document, held: Held { version, stored, measured } } = row;
    let measured = measured.as_ref();
    let row = params![
        seq,
        id,
        version,
        stored,
        document,
        measured.map(|it| it.patient),
        measured.map(|it| it.effective),
        measured.map(|it| it.category),
        measured.map(|it| it.anomaly),
        measured.and_then(|it| it.systolic),
        measured.and_then(|it| it.diastolic)
    ];
    statement.execute(row).map(drop)
}
