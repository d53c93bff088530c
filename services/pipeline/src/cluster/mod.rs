//! The adapters of the cluster: Kafka, Elasticsearch, and an archive on a volume or in an object store.

pub mod archive;
mod backoff;
mod condition;
pub mod elasticsearch;
pub mod kafka;
mod secret;

pub use backoff::Backoff;
pub use condition::{Condition, Failure};
pub use secret::{SecretError, SecretSource};
