//! The adapters of the cluster: Kafka, Elasticsearch, and an archive on a volume or in an object store.

pub mod archive;
mod backoff;
mod condition;
pub mod elasticsearch;
pub mod kafka;
mod pem;
mod secret;

pub use backoff::Backoff;
pub use condition::{Condition, Failure};
pub use pem::Pem;
pub use secret::{SecretError, SecretSource};
