//! A ward's data directory: what lies where, whose it is, and that only one process writes to it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bpmonitor_clinical::PseudonymKey;

use super::archive::{self, SegmentWriter};
use super::database::Database;
use super::{Compression, EmbeddedStore, Letter, Segment, StoredInput};
use crate::secret::{make_secret, read_secret};
use crate::{Monitor, PortError};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WardError {
    /// There is none.
    #[error(
        "{directory} holds no ward: begin one with `bpmonitor run -f ward.yaml --data {directory} --input FILES`, or name another directory with --data"
    )]
    NoWard {
        /// The directory.
        directory: String,
    },
    /// Another process writes to it.
    #[error(
        "{directory} is in use by another bpmonitor (process {process}): stop it, or name another directory with --data"
    )]
    InUse {
        /// The directory.
        directory: String,
        /// The process.
        process: String,
    },
    /// It belongs to another monitor.
    #[error("{directory} belongs to the monitor {found}, not to {asked}: name another directory with --data")]
    OtherMonitor {
        /// The directory.
        directory: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        asked: String,
    },
    /// Its database is missing while there are archive segments.
    #[error(
        "{file} is missing or empty, while the archive beside it has readings: put it back from a copy; nothing was changed"
    )]
    DatabaseMissing {
        /// The database's file.
        file: String,
    },
    /// An export was to go to where something is already.
    #[error("{directory} is not empty: name a new directory, or empty it")]
    NotEmpty {
        /// The directory.
        directory: String,
    },
    /// Its pseudonym key is missing or unreadable while data that was made with it exists.
    #[error(
        "PseudonymKeyMissing: {file} is missing or damaged, while data made with it exists: put it back from a copy (a new key would give every patient a second pseudonym)"
    )]
    PseudonymKeyMissing {
        /// The key's file.
        file: String,
    },
    /// Something else.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A ward's data directory.
#[derive(Clone, Debug)]
pub struct WardDirectory {
    root: PathBuf,
}

impl WardDirectory {
    /// Names the directory; nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Where archive segments lie.
    pub fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    /// Where requests to read further files lie.
    pub fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn no_ward(&self) -> WardError {
        WardError::NoWard { directory: self.name() }
    }

    fn key_missing(&self) -> WardError {
        WardError::PseudonymKeyMissing { file: self.key_file().display().to_string() }
    }

    fn database(&self) -> PathBuf {
        self.root.join("ward.db")
    }

    fn key_file(&self) -> PathBuf {
        self.root.join("pseudonym.key")
    }

    /// Whether a ward was ever begun in it.
    pub fn holds_ward(&self) -> bool {
        self.database().exists()
    }

    /// Takes the directory for writing, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// [`WardError`]: it is in use, belongs to another monitor, has lost its key, or cannot be read or written.
    pub fn open(&self, monitor: &Monitor, compression: Compression) -> Result<EmbeddedStore, WardError> {
        self.create()?;
        let lock = self.lock()?;
        self.check_database()?;
        self.make_private_database()?;
        let database = Database::open(&self.database())?;
        self.check_monitor(&database, monitor)?;
        let key = self.key_for(&database)?;
        archive::recover(&self.archive(), &database.segments()?)?;
        let segments = database.segments()?;
        let writer = SegmentWriter::new(&self.archive(), compression, segments.last().cloned())?;
        Ok(EmbeddedStore::new(self.clone(), lock, database, writer, key)?)
    }

    /// The pseudonym key of a ward that was begun.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], [`WardError::PseudonymKeyMissing`].
    pub fn key(&self) -> Result<PseudonymKey, WardError> {
        if !self.holds_ward() {
            return Err(self.no_ward());
        }
        let secret = read_secret(&self.key_file()).map_err(|_| self.key_missing())?;
        Ok(PseudonymKey::new(&secret))
    }

    /// Says whether the directory is this monitor's, or nobody's yet.
    ///
    /// # Errors
    ///
    /// [`WardError::OtherMonitor`], or what reading fails with.
    pub fn check_owner(&self, monitor: &Monitor) -> Result<(), WardError> {
        let found = match self.reader() {
            Ok(database) => database.meta("monitor")?,
            Err(WardError::NoWard { .. }) => None,
            Err(error) => return Err(error),
        };
        self.compare_owner(found, monitor).map(drop)
    }

    /// The manifest that the ward was last run with, as JSON.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn manifest(&self) -> Result<Option<String>, WardError> {
        Ok(self.reader()?.meta("manifest")?)
    }

    /// How far an input was read.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn input(&self, path: &str) -> Result<Option<StoredInput>, WardError> {
        Ok(self.reader()?.input(path)?)
    }

    /// How far the first input below a directory was read, in the order of paths.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn input_below(&self, directory: &str) -> Result<Option<StoredInput>, WardError> {
        Ok(self.reader()?.input_below(directory)?)
    }

    /// The dead letters behind number `after`, at most `most` of them, in order.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn dead_letters(&self, after: i64, most: usize) -> Result<Vec<Letter>, WardError> {
        Ok(self.reader()?.letters(after, i64::MAX, most)?)
    }

    /// The archive's segments.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn segments(&self) -> Result<Vec<Segment>, WardError> {
        Ok(self.reader()?.segments()?)
    }

    pub(super) fn reader(&self) -> Result<Database, WardError> {
        if !self.holds_ward() {
            return Err(self.no_ward());
        }
        Database::open_read_only(&self.database())?.ok_or_else(|| self.no_ward())
    }

    /// Makes the directory and those in it, where they are not there yet.
    ///
    /// # Errors
    ///
    /// What making them fails with.
    pub fn create(&self) -> Result<(), PortError> {
        if self.root.exists() && !self.root.is_dir() {
            let message = format!("{} is not a directory: name another one with --data", self.root.display());
            return Err(PortError::Damaged(message));
        }
        for directory in [self.root.clone(), self.archive(), self.inbox()] {
            let what = format!("creating {}", directory.display());
            DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(PortError::io(what))?;
        }
        Ok(())
    }

    /// SQLite gives the files beside the database the mode of the database itself.
    fn make_private_database(&self) -> Result<(), PortError> {
        let path = self.database();
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        file.map(drop).map_err(PortError::io(format!("opening {}", path.display())))
    }

    fn lock(&self) -> Result<File, WardError> {
        let path = self.root.join("lock");
        let what = || format!("locking {}", path.display());
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).read(true).write(true).mode(0o600).open(&path);
        let mut file = file.map_err(PortError::io(what()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                if file.read_to_string(&mut process).is_err() || process.is_empty() {
                    "unknown".clone_into(&mut process);
                }
                return Err(WardError::InUse { directory: self.name(), process });
            }
            Err(TryLockError::Error(error)) => return Err(PortError::io(what())(error).into()),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(PortError::io(what()))?;
        Ok(file)
    }

    /// A new database beside an old archive would take all of it for what was begun and never committed.
    fn check_database(&self) -> Result<(), WardError> {
        let is_there = fs::metadata(self.database()).is_ok_and(|metadata| metadata.len() > 0);
        let what = format!("reading {}", self.archive().display());
        if is_there || !archive::has_segments(&self.archive()).map_err(PortError::io(what))? {
            return Ok(());
        }
        Err(WardError::DatabaseMissing { file: self.database().display().to_string() })
    }

    fn check_monitor(&self, database: &Database, monitor: &Monitor) -> Result<(), WardError> {
        let asked = self.compare_owner(database.meta("monitor")?, monitor)?;
        Ok(database.set_meta("monitor", &asked)?)
    }

    /// The monitor's full name, unless another's was found.
    fn compare_owner(&self, found: Option<String>, monitor: &Monitor) -> Result<String, WardError> {
        let asked = format!("{}/{}", monitor.namespace, monitor.name);
        match found {
            Some(found) if found != asked => {
                Err(WardError::OtherMonitor { directory: self.name(), found, asked })
            }
            _ => Ok(asked),
        }
    }

    /// The ward's key; a new one for a ward without any data.
    fn key_for(&self, database: &Database) -> Result<PseudonymKey, WardError> {
        let path = self.key_file();
        if let Ok(secret) = read_secret(&path) {
            database.set_meta("key_made", "true")?;
            return Ok(PseudonymKey::new(&secret));
        }
        if path.exists() || database.meta("key_made")?.is_some() {
            return Err(self.key_missing());
        }
        let secret = make_secret(&path).map_err(PortError::io(format!("creating {}", path.display())))?;
        database.set_meta("key_made", "true")?;
        Ok(PseudonymKey::new(&secret))
    }
}
