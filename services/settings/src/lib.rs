//! What a binary takes from its manifest, its flags and its environment.
//!
//! A flag is stronger than the environment, and both are stronger than the manifest. With the feature `cluster` there is how
//! Kafka, Elasticsearch and the archive are reached; with `service`, the HTTP server for probes and metrics.

#[cfg(feature = "cluster")]
mod archive;
#[cfg(feature = "cluster")]
mod elasticsearch;
mod error;
#[cfg(feature = "cluster")]
mod given;
#[cfg(feature = "cluster")]
mod kafka;
#[cfg(feature = "cluster")]
mod key;
pub mod logs;
pub mod manifest;
#[cfg(feature = "cluster")]
mod names;
#[cfg(feature = "service")]
pub mod service;
pub mod shutdown;
#[cfg(feature = "cluster")]
mod topics;

#[cfg(feature = "cluster")]
pub use archive::{ArchiveArgs, ArchivePlace, ArchiveTarget, AwsEnvironment, CompressionArg};
#[cfg(feature = "cluster")]
pub use elasticsearch::ElasticsearchArgs;
pub use error::SettingsError;
#[cfg(feature = "cluster")]
pub use kafka::{KafkaArgs, KafkaMechanism};
#[cfg(feature = "cluster")]
pub use key::KeyArgs;
#[cfg(feature = "cluster")]
pub use topics::{TopicArgs, Topics};
