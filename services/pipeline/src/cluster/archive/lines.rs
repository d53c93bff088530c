//! What is handed to the archive, and what it refuses.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::PortError;
use crate::ports::StoreFailure;

/// Lines of one partition that are to be committed together with an offset.
#[derive(Clone, Debug)]
pub struct Lines {
    /// The partition's topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// From the committed offset to the one that is committed once the lines are durable.
    pub offsets: Range<u64>,
    /// When the first record of them was written.
    pub first_time: Timestamp,
    /// JSON, each line with its line end.
    pub text: Arc<Vec<u8>>,
    /// How many lines.
    pub count: u64,
}

/// How much is worth one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// The longest that a line should wait.
    pub after: Duration,
    /// From how many bytes of lines on none should wait.
    pub bytes: usize,
}

/// What retention removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Segments.
    pub segments: u64,
    /// Their length.
    pub bytes: u64,
}

/// Why a partition has to be resumed before anything is appended to it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the partition was not resumed")]
    NotResumed,
    #[error("what was appended before is not committed")]
    Uncommitted,
    #[error("its offsets begin again")]
    Backwards,
    #[error(
        "its segment is gone: another replica has taken the partition over, or somebody removed the file"
    )]
    Superseded,
}

impl Refusal {
    pub(super) fn of(self, topic: &str, partition: i32) -> PortError {
        PortError::Store {
            what: format!("the archive of {topic}/{partition} cannot be appended to"),
            cause: StoreFailure::Other,
            source: Box::new(self),
        }
    }
}

/// Whether trying an append again is in vain: the partition has to be resumed, if it is still this replica's, from what is
/// committed now.
pub fn must_resume(error: &PortError) -> bool {
    matches!(error, PortError::Store { source, .. } if source.is::<Refusal>())
}
