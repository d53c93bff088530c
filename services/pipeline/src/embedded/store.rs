//! The embedded sinks: one transaction for anomalies, dead letters, archive lengths and the position.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bpmonitor_clinical::PseudonymKey;
use tokio::task::block_in_place;

use super::archive::SegmentWriter;
use super::database::Database;
use super::projection::Projection;
use super::retention::{self, Retention};
use super::{NamedPosition, StoredInput, WardDirectory};
use crate::files::FilePosition;
use crate::{
    AnomalyStore, AnomalyWrite, Archive, ArchiveLine, Checkpoint, DeadLetter, DeadLetters, PortError,
    Refused, Sinks, Tallies, Tally,
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
    pub(super) projection: Projection,
    /// Segments' files to be removed once it is committed that they are gone.
    pub(super) doomed: Vec<PathBuf>,
    totals: Tally,
    inputs: HashMap<Arc<str>, Tally>,
    seq: i64,
    /// Whether a transaction was begun that is not ended.
    is_begun: bool,
    /// Whether what is kept in memory may differ from what is durable.
    is_stale: bool,
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
        let ward = Ward {
            projection: Projection::load(&database)?,
            totals: database.totals()?,
            seq: database.last_seq()?,
            database,
            archive,
            doomed: Vec::new(),
            inputs: HashMap::new(),
            is_begun: false,
            is_stale: false,
            _lock: lock,
        };
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

    /// Removes what is past its retention, a little at a time: others write in between.
    ///
    /// # Errors
    ///
    /// What reading or writing fails with.
    pub fn retain(&self, retention: Retention) -> Result<(), PortError> {
        retention::apply(self, retention)
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
    /// Begins a transaction where none is open.
    fn begin(&mut self) -> Result<(), PortError> {
        if self.database.is_in_transaction() {
            return Ok(());
        }
        if std::mem::take(&mut self.is_begun) {
            self.is_stale = true;
            let message = "what was written since the last commit was lost with another write that failed";
            return Err(PortError::Damaged(message.to_owned()));
        }
        if self.is_stale {
            self.reload()?;
        }
        self.database.begin()?;
        self.is_begun = true;
        Ok(())
    }

    fn reload(&mut self) -> Result<(), PortError> {
        self.projection = Projection::load(&self.database)?;
        self.totals = self.database.totals()?;
        self.seq = self.database.last_seq()?;
        self.inputs.clear();
        self.doomed.clear();
        self.is_stale = false;
        Ok(())
    }

    /// Does a write in a transaction, which ends with it where it fails.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        self.begin()?;
        let done = work(self);
        if done.is_err() {
            self.abandon();
        }
        done
    }

    /// Takes back what is not committed.
    fn abandon(&mut self) {
        self.is_begun = false;
        self.is_stale = true;
        if self.database.is_in_transaction()
            && let Err(error) = self.database.execute("ROLLBACK", "taking a write back")
        {
            tracing::warn!(%error, "a write that failed could not be taken back");
        }
    }

    /// Does a write of its own: committed at once, or with the transaction that is open, which goes on where it fails.
    pub(super) fn step<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        if !self.database.is_in_transaction() {
            return self.write(|ward| {
                let done = work(ward)?;
                ward.projection.rollups.write(&ward.database)?;
                ward.finish().map(|()| done)
            });
        }
        self.projection.rollups.write(&self.database)?;
        self.database.execute("SAVEPOINT step", "beginning a step")?;
        let doomed = self.doomed.len();
        let done = work(self).and_then(|done| self.projection.rollups.write(&self.database).map(|()| done));
        if done.is_err() && self.database.is_in_transaction() {
            self.database.execute("ROLLBACK TO step", "taking a step back")?;
            self.doomed.truncate(doomed);
            self.projection = Projection::load(&self.database)?;
        }
        if self.database.is_in_transaction() {
            self.database.execute("RELEASE step", "ending a step")?;
        }
        done
    }

    fn append(&mut self, lines: &[ArchiveLine]) -> Result<(), PortError> {
        if lines.is_empty() {
            return Ok(());
        }
        let segment = self.archive.append(lines, self.totals.entries())?;
        self.database.set_segment(&segment)?;
        self.projection.archive(&self.database, lines)
    }

    fn write_anomalies(&mut self, writes: &[AnomalyWrite]) -> Result<(), PortError> {
        self.projection.write_anomalies(&self.database, writes, &mut self.seq)
    }

    fn write_letters(&mut self, letters: &[DeadLetter]) -> Result<(), PortError> {
        self.database.write_letters(letters, &mut self.seq)
    }

    /// Commits with dead letters deleted, and what they were counted as.
    pub(super) fn commit_replayed(
        &mut self,
        seqs: &[i64],
        counted: &Tally,
        tally: &Tally,
    ) -> Result<(), PortError> {
        self.write(|ward| {
            ward.totals.subtract(counted);
            ward.database.delete_letters(seqs)?;
            ward.commit(tally)
        })
    }

    /// Commits with the position in a source that is no file.
    pub(super) fn commit_named(&mut self, position: &NamedPosition, tally: &Tally) -> Result<(), PortError> {
        self.write(|ward| {
            ward.database.set_named_position(position)?;
            ward.commit(tally)
        })
    }

    /// Commits with the position in a file.
    pub(super) fn commit_input(&mut self, position: FilePosition, tally: &Tally) -> Result<(), PortError> {
        self.write(|ward| {
            let path = Arc::clone(&position.path);
            let mut sum = match ward.inputs.get(&path) {
                Some(known) => known.clone(),
                None => ward.database.input(&path)?.map(|input| input.tally).unwrap_or_default(),
            };
            sum.add(tally);
            ward.database.set_input(&StoredInput { position, tally: sum.clone() })?;
            ward.inputs.insert(path, sum);
            ward.commit(tally)
        })
    }

    /// Commits what was written, with the counts.
    fn commit(&mut self, tally: &Tally) -> Result<(), PortError> {
        self.totals.add(tally);
        self.projection.settle(&self.database)?;
        self.database.set_last_seq(self.seq)?;
        self.database.set_totals(&self.totals)?;
        self.finish()
    }

    /// Commits, and removes the files that nothing refers to any more.
    fn finish(&mut self) -> Result<(), PortError> {
        self.database.commit()?;
        self.is_begun = false;
        for path in self.doomed.drain(..) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "the next start removes this segment");
                }
                _ => tracing::info!(segment = %path.display(), "removed a segment past its retention"),
            }
        }
        Ok(())
    }
}

impl AnomalyStore for EmbeddedStore {
    async fn write(&mut self, writes: &[AnomalyWrite]) -> Result<Vec<Refused>, PortError> {
        block_in_place(|| self.locked().write(|ward| ward.write_anomalies(writes)))?;
        Ok(Vec::new())
    }
}

impl Archive for EmbeddedStore {
    type Lines = Vec<ArchiveLine>;

    async fn append(&mut self, lines: Vec<ArchiveLine>) -> Result<(), PortError> {
        block_in_place(|| self.locked().write(|ward| ward.append(&lines)))
    }
}

impl DeadLetters for EmbeddedStore {
    async fn write(&mut self, letters: &[DeadLetter]) -> Result<(), PortError> {
        block_in_place(|| self.locked().write(|ward| ward.write_letters(letters)))
    }
}

impl Checkpoint<FilePosition> for EmbeddedStore {
    async fn commit(&mut self, position: FilePosition, tallies: &Tallies) -> Result<(), PortError> {
        block_in_place(|| self.locked().commit_input(position, &tallies.total()))
    }
}
