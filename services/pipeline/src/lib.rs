//! The one classify loop, its ports, and their adapters.
//!
//! A [`Source`] gives messages, the [`Classifier`] makes a [`Batch`] of each, the sinks make the batch durable, and only then is
//! the source's position committed. `embedded` (a feature of that name) has the adapters of the one-process runtime, `files` the file source.

mod batch;
mod classifier;
mod document;
#[cfg(feature = "embedded")]
pub mod embedded;
pub mod files;
mod outcome;
mod ports;
mod run;
mod tally;

pub use batch::{AnomalyWrite, ArchiveLine, Batch, DeadLetter};
pub use classifier::{Classifier, Monitor, Privacy};
pub use document::{Document, exact_number};
pub use outcome::Outcome;
pub use ports::{
    AnomalyStore, Archive, Checkpoint, DeadLetters, Extent, Message, Origin, PortError, Sinks, Source, Used,
};
pub use run::{Committed, now, run};
pub use tally::Tally;
