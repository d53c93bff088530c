//! The adapters of the one-process runtime: a ward's data directory with its database and archive.
//!
//! Anomalies, dead letters and the position are in one SQLite database; archive segments are files beside it, whose durable
//! lengths are in the same database. One transaction commits all of them, so a kill at any moment loses and doubles nothing.

mod archive;
mod database;
mod directory;
mod erase;
mod export;
mod failure;
mod inbox;
mod letters;
mod lines;
mod retention;
mod store;
mod tail;

pub use archive::{Compression, Segment};
pub use database::{Letter, StoredInput};
pub use directory::{WardDirectory, WardError};
pub use erase::Erased;
pub use export::{ExportBy, Exported};
pub use inbox::Inbox;
pub use letters::LetterSource;
pub use retention::Retention;
pub use store::EmbeddedStore;
pub use tail::Tail;
