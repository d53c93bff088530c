//! The one classify loop, its ports, and their adapters.
//!
//! A [`Source`] gives messages, the [`Classifier`] makes a [`Batch`] of each, the sinks make the batch durable, and only then is
//! the source's position committed. `files` is the file source; `embedded` and `cluster` (features of these names) have the adapters of
//! the two runtimes.

mod batch;
mod blocking;
mod classifier;
#[cfg(feature = "cluster")]
pub mod cluster;
mod document;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod files;
mod outcome;
mod ports;
mod run;
#[cfg(any(feature = "embedded", feature = "cluster"))]
pub mod secret;
#[cfg(any(feature = "embedded", feature = "cluster"))]
mod segments;
mod tally;

pub use batch::{AnomalyWrite, ArchiveLine, ArchiveLines, Batch, DeadLetter, EntryPlace};
pub use classifier::{Classifier, Monitor, Origins, Privacy};
pub use document::{Document, KafkaCoordinates, exact_number};
pub use outcome::Outcome;
pub use ports::{
    AnomalyStore, Archive, Checkpoint, DeadLetters, Extent, Message, Origin, PortError, Refused, Sinks,
    Source, StoreFailure, Used,
};
pub use run::{Committed, now, run};
pub use tally::{Tallies, Tally};
