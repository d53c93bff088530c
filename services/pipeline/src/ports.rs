//! The ports of the pipeline: what it reads from and what it makes results durable with.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{AnomalyWrite, ArchiveLines, DeadLetter, Tallies};

/// Where a message stands in its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The topic, or the file's path.
    pub topic: Arc<str>,
    /// The partition; 0 for a file.
    pub partition: i32,
    /// The offset in the partition; in a file the byte offset.
    pub offset: u64,
    /// The line in a file, counted from 1; 0 elsewhere.
    pub line: u64,
}

/// Bytes to be read, and where they come from.
#[derive(Debug)]
pub struct Message {
    /// Where the first byte stands.
    pub origin: Origin,
    /// When it was written: the version of Observations that name none.
    pub time: Timestamp,
    /// The payload: FHIR in JSON, one resource or many.
    pub bytes: Vec<u8>,
    /// How much of it is there.
    pub extent: Extent,
    /// Which entry of a Bundle the payload stands for, where it was taken out of one: the first of the payload is meant.
    pub entry: Option<u32>,
}

/// How much of a message is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Its end may be cut off: what is left unused comes again with more behind it. Only the last of several messages may be.
    Partial,
    /// The beginning of a record that is too large to be read.
    TooLarge,
}

/// How much of the last message was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes from its beginning.
    pub bytes: usize,
    /// Line ends in them.
    pub lines: usize,
}

/// What a port could not do. Why it could not is its source.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// Reading or writing a file failed.
    #[error("{what}")]
    Io {
        /// What was being done to which file.
        what: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A store failed.
    #[error("{what}")]
    Store {
        /// What was being done.
        what: String,
        /// Why it failed, as far as that changes what is to be done.
        cause: StoreFailure,
        /// What the store says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored contradicts itself; the message says how to go on.
    #[error("{0}")]
    Damaged(String),
}

/// Why a store failed, as far as that changes what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// Its disk is full.
    DiskFull,
    /// What it holds is damaged.
    Damaged,
    /// Anything else.
    Other,
}

impl PortError {
    /// Wraps an I/O error with what was being done.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }

    /// Whether what a store holds is damaged.
    pub const fn is_damaged_store(&self) -> bool {
        matches!(self, Self::Store { cause: StoreFailure::Damaged, .. })
    }

    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            }
            Self::Store { cause, .. } => *cause == StoreFailure::DiskFull,
            Self::Damaged(_) => false,
        }
    }
}

/// Where messages come from.
pub trait Source: Send {
    /// The position up to which everything is used: what [`Checkpoint`] keeps.
    type Position: Send;

    /// The next messages, at least one; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Message>>, PortError>> + Send;

    /// Says how much of the last message was used (all of those before it was), and returns the position behind it.
    fn accept(&mut self, used: Used) -> Self::Position;
}

/// Where anomalies, and tombstones of what is none any more, are kept: one document an id, the newest version. Clones are the same
/// store.
pub trait AnomalyStore: Clone + Send {
    /// Writes each document unless a newer version of it is there. Durable at the latest when the next commit returns. Gives those
    /// that the store refuses for what they say themselves; whatever else fails is tried again, for as long as it takes.
    fn write(
        &mut self,
        writes: &[AnomalyWrite],
    ) -> impl Future<Output = Result<Vec<Refused>, PortError>> + Send;

    /// Whether the writes that come next may begin while these are under way: then each document is still written after those
    /// of its id that were begun before.
    fn may_be_followed(&self, _writes: &[AnomalyWrite]) -> bool {
        false
    }
}

/// A document that an anomaly store will never take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its number among the writes, counted from 0.
    pub write: usize,
}

/// Where normal readings are kept.
pub trait Archive: Send {
    /// What gathers the lines of a batch while it is classified.
    type Lines: ArchiveLines + 'static;

    /// Appends lines. Durable at the latest when the next commit returns.
    fn append(&mut self, lines: Self::Lines) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where Rejections are kept.
pub trait DeadLetters: Send {
    /// Keeps each letter once. Durable at the latest when the next commit returns.
    fn write(&mut self, letters: &[DeadLetter]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Where the source's position is kept.
pub trait Checkpoint<P>: Send {
    /// Makes the position durable, and with it everything written since the last commit.
    /// One that gathers commits does it later, when [`Self::due`] says so, and may do it in the background.
    fn commit(
        &mut self,
        position: P,
        tallies: &Tallies,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Waits until [`Self::advance`] should be called; forever where every commit is durable when it returns. May be dropped.
    fn due(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Begins to make gathered commits durable.
    fn advance(&mut self) -> impl Future<Output = Result<(), PortError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Makes all gathered commits durable before it returns.
    fn flush(&mut self) -> impl Future<Output = Result<(), PortError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// The sinks of a pipeline, one a port.
#[derive(Debug)]
pub struct Sinks<A, R, D, C> {
    /// Anomalies and tombstones.
    pub anomalies: A,
    /// Normal readings.
    pub archive: R,
    /// Rejections.
    pub dead_letters: D,
    /// The source's position.
    pub checkpoint: C,
}
