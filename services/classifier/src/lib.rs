//! The classifier as a service: from settings to a pipeline between Kafka, Elasticsearch and the archive.

mod bulks;
pub mod cli;
mod metrics;
mod probes;
mod service;

pub use cli::Cli;
pub use service::{Failed, Options, run};
