//! Retention: what is removed from a ward when its time is over.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::projection::has_document;
use super::reading::{Held, Measured};
use super::removal::{self, CHUNK};
use super::store::Ward;
use super::{EmbeddedStore, failure};
use crate::PortError;

/// How long others get between two steps.
const PAUSE: Duration = Duration::from_millis(1);

/// How long things are kept since they were stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Anomalies and tombstones.
    pub anomalies: SignedDuration,
    /// Segments of the archive, since their last line.
    pub archive: SignedDuration,
    /// Dead letters.
    pub dead_letters: SignedDuration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self { anomalies: days(365), archive: days(365), dead_letters: days(7) }
    }
}

/// Removes what is past its time, a chunk a step. A segment's file goes after its row: what a kill leaves of it, the next start
/// removes.
pub(super) fn apply(store: &EmbeddedStore, retention: Retention) -> Result<(), PortError> {
    let now = Timestamp::now();
    let before = |kept| now.checked_sub(kept).map_or(i64::MIN, Timestamp::as_microsecond);
    let limits = Limits { anomalies: before(retention.anomalies), archive: before(retention.archive) };
    let documents = |ward: &mut Ward| {
        ward.database.delete_stored_before("anomalies", limits.anomalies, CHUNK).map(|rows| (rows, rows > 0))
    };
    in_steps(store, "anomalies", documents)?;
    let letters = before(retention.dead_letters);
    let letters =
        |ward: &mut Ward| ward.database.delete_letters_before(letters, CHUNK).map(|rows| (rows, rows > 0));
    in_steps(store, "dead letters", letters)?;
    let mut seq = 0;
    in_steps(store, "readings", |ward| remove_readings(ward, &mut seq, limits).map_err(failed()))?;
    let directory = store.directory().archive();
    store.locked().step(|ward| {
        remove_segments(ward, &directory, limits.archive)?;
        remove_patients(ward)?;
        ward.projection.rollups.raise_floors(&ward.database, now)
    })?;
    let old_counts =
        |ward: &mut Ward| ward.projection.rollups.prune(&ward.database).map(|rows| (rows, rows > 0));
    in_steps(store, "counts", old_counts)
}

/// Before which times (in microseconds since 1970) readings are past their retention.
#[derive(Clone, Copy)]
struct Limits {
    anomalies: i64,
    archive: i64,
}

/// Repeats a step, and lets others write between. The step says how many rows it removed, and whether to go on.
fn in_steps(
    store: &EmbeddedStore,
    what: &str,
    mut step: impl FnMut(&mut Ward) -> Result<(usize, bool), PortError>,
) -> Result<(), PortError> {
    let mut removed = 0;
    loop {
        let (rows, go_on) = store.locked().step(&mut step)?;
        removed += rows;
        if !go_on {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    if removed > 0 {
        tracing::info!(removed, "removed {what} past their retention");
    }
    Ok(())
}

fn failed() -> impl FnOnce(rusqlite::Error) -> PortError {
    failure::database("removing what is past its retention")
}

/// Removes what is past its time among the first readings behind row `seq`. Rows are in the order in which they were stored, but for
/// those of a clock that went back: only where a whole chunk is young enough there is nothing behind it.
fn remove_readings(ward: &mut Ward, seq: &mut i64, limits: Limits) -> rusqlite::Result<(usize, bool)> {
    let Ward { database, projection, .. } = ward;
    let rows = removal::rows_behind(database, *seq)?;
    let mut removed = 0;
    for (row, id) in rows.iter().filter(|(row, _)| limits.are_over(&row.held)) {
        let is_needed = row.held.measured.is_none() && has_document(database, row)?;
        if !is_needed {
            projection.remove_or_blank(database, row, id)?;
            removed += 1;
        }
    }
    *seq = rows.last().map_or(*seq, |(row, _)| row.seq);
    let is_any_old = rows.iter().any(|(row, _)| row.held.stored < limits.anomalies.max(limits.archive));
    Ok((removed, is_any_old && rows.len() == CHUNK))
}

impl Limits {
    /// A marker may stand for either.
    fn are_over(self, held: &Held) -> bool {
        let limit = match held.measured {
            Some(Measured { anomaly: true, .. }) => self.anomalies,
            Some(_) => self.archive,
            None => self.anomalies.min(self.archive),
        };
        held.stored < limit
    }
}

fn remove_segments(ward: &mut Ward, directory: &Path, before: i64) -> Result<(), PortError> {
    for segment in ward.database.segments()? {
        if segment.written.as_microsecond() < before {
            ward.database.delete_segment(&segment.name)?;
            ward.archive.close(&segment.name);
            ward.doomed.push(directory.join(&segment.name));
        }
    }
    Ok(())
}

/// Removes patients of whom nothing is left.
fn remove_patients(ward: &mut Ward) -> Result<(), PortError> {
    ward.projection.rollups.write(&ward.database)?;
    ward.projection.patients.forget();
    let done = ward.database.connection.execute("DELETE FROM patients WHERE readings = 0", []);
    done.map(drop).map_err(failed())
}
