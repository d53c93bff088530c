//! Publishes FHIR R4 Observations to Kafka, each once: a manifest's simulated patients, or FHIR files.
//!
//! [`ward::publish`] keeps a simulated ward going, [`replay::publish`] reads files to their end. Both go on where they were left,
//! also after a kill: how far they have come stands in the compacted state topic, together with the offsets from which on further
//! records of theirs may be in the Observations' topic. Each record says in a header what it is, so that those are found and not
//! published again. Everything here blocks: call it where a thread may.

mod error;
mod kafka;
pub mod replay;
mod status;
mod target;
pub mod ward;

pub use error::PublishError;
pub use status::Status;
pub use target::{Host, NewTopics, Target};
