//! What a ward holds, for those who look at it: read beside the process that writes, each answer from one moment.

mod answers;
mod critical;
mod frame;
mod gather;
mod overview;
mod patients;
mod rejections;
mod rows;
mod selection;

pub use answers::{
    Bars, Bucket, CategoryTotals, Cell, CriticalReading, HeatMap, Overview, PatientReading, PatientReadings,
    PatientRow, PatientSummary, Patients, RejectedEntry, Rejections, RejectionsByReason, Totals,
};
pub use selection::{Range, Selection, UnknownRange};

use rusqlite::Transaction;

use super::database::Database;
use super::{EmbeddedStore, WardDirectory, WardError, failure};
use crate::PortError;

/// How much of the database a view keeps in memory, in KiB.
const CACHE_KIB: i64 = 16 * 1024;

/// A ward opened for looking at it. What it blocks on is the disk, for milliseconds.
#[derive(Debug)]
pub struct View {
    database: Database,
}

impl WardDirectory {
    /// Opens the ward for looking at it, beside a process that writes or not.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what opening the database fails with.
    pub fn view(&self) -> Result<View, WardError> {
        let database = self.reader()?;
        let set = database.connection.pragma_update(None, "cache_size", -CACHE_KIB);
        set.map_err(failure::database("preparing to read"))?;
        Ok(View { database })
    }
}

impl EmbeddedStore {
    /// Opens the ward for looking at it: it reads what is committed, and waits for nobody.
    ///
    /// # Errors
    ///
    /// What opening the database fails with.
    pub fn view(&self) -> Result<View, WardError> {
        self.directory().view()
    }
}

impl View {
    /// Holds on to one moment of the ward until it is dropped.
    fn moment(&self) -> Result<Transaction<'_>, PortError> {
        self.database.connection.unchecked_transaction().map_err(failure::database("beginning to read"))
    }
}
