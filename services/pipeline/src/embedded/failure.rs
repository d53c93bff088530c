//! What the embedded database fails with, as the ports' error.

use rusqlite::ErrorCode;

use crate::PortError;
use crate::ports::StoreFailure;

/// Wraps a database error with what was being done.
pub(super) fn database(what: impl Into<String>) -> impl FnOnce(rusqlite::Error) -> PortError {
    move |source| {
        let cause = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreFailure::DiskFull,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreFailure::Damaged,
            _ => StoreFailure::Other,
        };
        PortError::Store { what: what.into(), cause, source: Box::new(source) }
    }
}
