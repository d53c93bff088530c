//! The adapters of the cluster: Kafka, Elasticsearch, and an archive on a volume or in an object store.

pub mod elasticsearch;
pub mod kafka;
mod secret;

pub use secret::{SecretError, SecretSource};
