//! The adapters of the one-process runtime: a ward's data directory with its database and archive.
//!
//! Anomalies, dead letters and the position are in one SQLite database; archive segments are files beside it, whose durable
//! lengths are in the same database. One transaction commits all of them, so a kill at any moment loses and doubles nothing.

mod archive;
mod database;
mod deferred;
mod directory;
mod erase;
mod export;
mod failure;
mod ids;
mod inbox;
mod letters;
mod lines;
mod patients;
mod position;
mod projection;
mod reading;
mod removal;
mod retention;
mod rollups;
mod schema;
mod store;
mod tail;
pub mod view;

pub use archive::Segment;
pub use database::{Letter, StoredInput};
pub use directory::{WardDirectory, WardError};
pub use erase::Erased;
pub use export::{ExportBy, Exported};
pub use inbox::Inbox;
pub use letters::LetterSource;
pub use position::{EmbeddedPosition, NamedPosition};
pub use retention::Retention;
pub use store::EmbeddedStore;
pub use tail::Tail;
pub use view::View;

pub use crate::secret::make_secret;
pub use crate::segments::Compression;
