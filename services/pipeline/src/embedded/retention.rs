//! Retention: what is removed from a ward when its time is over.

use std::fs;
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::database::Database;
use crate::PortError;

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

/// Removes what is past its time. A segment's file goes after its row: what a kill leaves of it, the next start removes.
pub(super) fn apply(database: &Database, archive: &Path, retention: Retention) -> Result<(), PortError> {
    let now = Timestamp::now();
    let before = |kept| now.checked_sub(kept).map_or(i64::MIN, Timestamp::as_microsecond);
    for (table, kept) in [("anomalies", retention.anomalies), ("dead_letters", retention.dead_letters)] {
        let rows = database.delete_stored_before(table, before(kept))?;
        if rows > 0 {
            tracing::info!(table, rows, "removed what was past its retention");
        }
    }
    for segment in database.segments()? {
        if segment.written.as_microsecond() >= before(retention.archive) {
            continue;
        }
        database.delete_segment(&segment.name)?;
        let path = archive.join(&segment.name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(PortError::io(format!("removing {}", path.display()))(error));
            }
            _ => tracing::info!(segment = %path.display(), "removed a segment past its retention"),
        }
    }
    Ok(())
}
