//! The embedded sinks: one transaction for anomalies, dead letters, archive lengths and the position.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bpmonitor_clinical::PseudonymKey;
use tokio::task::block_in_place;

use super::archive::SegmentWriter;
use super::database::Database;
use super::retention::{self, Retention};
use super::{StoredInput, WardDirectory};
use crate::files::FilePosition;
use crate::{
    AnomalyStore, AnomalyWrite, Archive, ArchiveLine, Checkpoint, DeadLetter, DeadLetters, PortError, Sinks,
    Tally,
};

/// A ward opened for writing. It is every sink in one; clones are the same ward.
///
/// What it blocks on is the disk, for milliseconds: it needs tokio's multi-threaded runtime.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    ward: Arc<Mutex<Ward>>,
    directory: WardDirectory,
    key: PseudonymKey,
}

/// What is written to.
#[derive(Debug)]
pub(super) struct Ward {
    pub(super) database: Database,
    pub(super) archive: SegmentWriter,
    totals: Tally,
    inputs: HashMap<Arc<str>, Tally>,
    seq: i64,
    /// Held as long as the ward is open.
    _lock: File,
}

impl EmbeddedStore {
    pub(super) fn new(
        directory: WardDirectory,
        lock: File,
        database: Database,
        archive: SegmentWriter,
        key: PseudonymKey,
    ) -> Result<Self, PortError> {
        let (totals, seq) = (database.totals()?, database.last_seq()?);
        let ward = Ward { database, archive, totals, inputs: HashMap::new(), seq, _lock: lock };
        Ok(Self { ward: Arc::new(Mutex::new(ward)), directory, key })
    }

    /// The directory it is in.
    pub const fn directory(&self) -> &WardDirectory {
        &self.directory
    }

    /// The secret of its pseudonyms.
    pub const fn key(&self) -> &PseudonymKey {
        &self.key
    }

    /// The sinks of a pipeline that writes to this ward.
    pub fn sinks(&self) -> Sinks<Self, Self, Self, Self> {
        Sinks {
            anomalies: self.clone(),
            archive: self.clone(),
            dead_letters: self.clone(),
            checkpoint: self.clone(),
        }
    }

    /// What became of all entries so far.
    pub fn tally(&self) -> Tally {
        self.locked().totals.clone()
    }

    /// Where to go on with a file; its beginning where it was never read.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn position(&self, path: &str) -> Result<FilePosition, PortError> {
        let stored = self.locked().database.input(path)?;
        Ok(stored.map_or_else(|| FilePosition::start(path), |input| input.position))
    }

    /// Keeps the manifest, as JSON, for commands that are given the directory alone.
    ///
    /// # Errors
    ///
    /// What writing the database fails with.
    pub fn set_manifest(&self, json: &str) -> Result<(), PortError> {
        self.locked().database.set_meta("manifest", json)
    }

    /// Removes what is past its retention.
    ///
    /// # Errors
    ///
    /// What reading or writing fails with.
    pub fn retain(&self, retention: Retention) -> Result<(), PortError> {
        retention::apply(&self.locked().database, &self.directory.archive(), retention)
    }

    /// The patients, as stored, whose readings are not to come back.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn erasures(&self) -> Result<Vec<String>, PortError> {
        self.locked().database.erasures()
    }

    /// A panic while it was held leaves a transaction that is not committed: nothing to be wary of.
    pub(super) fn locked(&self) -> MutexGuard<'_, Ward> {
        self.ward.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ward {
    /// The database, with a transaction begun.
    fn writing(&mut self) -> Result<(&Database, &mut i64), PortError> {
        if !self.database.is_in_transaction() {
            self.database.begin()?;
        }
        Ok((&self.database, &mut self.seq))
    }

    fn append(&mut self, lines: &[ArchiveLine]) -> Result<(), PortError> {
        if lines.is_empty() {
            return Ok(());
        }
        let segment = self.archive.append(lines, self.totals.entries())?;
        self.writing()?.0.set_segment(&segment)
    }

    /// Deletes dead letters, and what they were counted as.
    pub(super) fn delete_letters(&mut self, seqs: &[i64], counted: &Tally) -> Result<(), PortError> {
        self.totals.subtract(counted);
        self.writing()?.0.delete_letters(seqs)
    }

    /// Commits what was written, with the counts.
    pub(super) fn commit(&mut self, tally: &Tally) -> Result<(), PortError> {
        self.totals.add(tally);
        let totals = self.totals.clone();
        let (database, seq) = self.writing()?;
        database.set_last_seq(*seq)?;
        database.set_totals(&totals)?;
        database.commit()
    }

    fn commit_input(&mut self, position: FilePosition, tally: &Tally) -> Result<(), PortError> {
        let path = Arc::clone(&position.path);
        let mut sum = match self.inputs.get(&path) {
            Some(known) => known.clone(),
            None => self.database.input(&path)?.map(|input| input.tally).unwrap_or_default(),
        };
        sum.add(tally);
        self.writing()?.0.set_input(&StoredInput { position, tally: sum.clone() })?;
        self.inputs.insert(path, sum);
        self.commit(tally)
    }
}

impl AnomalyStore for EmbeddedStore {
    async fn write(&mut self, writes: &[AnomalyWrite]) -> Result<(), PortError> {
        block_in_place(|| {
            let mut ward = self.locked();
            let (database, seq) = ward.writing()?;
            database.write_anomalies(writes, seq)
        })
    }
}

impl Archive for EmbeddedStore {
    async fn append(&mut self, lines: &[ArchiveLine]) -> Result<(), PortError> {
        block_in_place(|| self.locked().append(lines))
    }
}

impl DeadLetters for EmbeddedStore {
    async fn write(&mut self, letters: &[DeadLetter]) -> Result<(), PortError> {
        block_in_place(|| {
            let mut ward = self.locked();
            let (database, seq) = ward.writing()?;
            database.write_letters(letters, seq)
        })
    }
}

impl Checkpoint<FilePosition> for EmbeddedStore {
    async fn commit(&mut self, position: FilePosition, tally: &Tally) -> Result<(), PortError> {
        block_in_place(|| self.locked().commit_input(position, tally))
    }
}
