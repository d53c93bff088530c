//! Kafka: how it is reached, the member of the consumer group that reads and commits, and the dead letters' topic.

mod committer;
mod connection;
mod consumer;
mod counts;
mod dead_letters;
mod failure;
mod flusher;
mod group;
mod intake;
mod record;
mod source;
mod text;
mod topics;
mod trouble;

use rdkafka::error::KafkaError;

pub use committer::Committer;
pub use connection::{Authentication, KafkaConnection, Mechanism, Transport};
pub use consumer::{Consumer, Subscription};
pub use counts::Counts;
pub use dead_letters::{DeadLetterTopic, LetterHeaders};
pub use group::{GroupProgress, PartitionProgress};
pub use intake::Span;
pub use record::{header, message, written_at};
pub use source::KafkaSource;
pub use text::TextLines;
pub use topics::{FoundTopic, Settled, TopicAdmin, TopicContent, TopicDifference, WantedTopic};
pub use trouble::{KafkaTrouble, Listening};

use super::SecretError;

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KafkaSetupError {
    /// The password cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The settings do not fit together, or a certificate or key cannot be used.
    #[error("the settings for Kafka cannot be used: are certificate, key and CA in PEM and readable?")]
    Settings(#[from] KafkaError),
    /// No thread could be started.
    #[error("starting a thread")]
    Thread(#[from] std::io::Error),
}
