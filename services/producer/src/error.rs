//! Why nothing more is published.

use bpmonitor_pipeline::PortError;

/// Why nothing more is published. Everything published before is safe, and the same again goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// What was asked for cannot be; the message says what to change.
    #[error("{0}")]
    BadUsage(String),
    /// Kafka is there and refuses, until somebody does what the message says.
    #[error("{0}")]
    Refused(String),
    /// Kafka does not answer, or lost track: to be tried again.
    #[error("{0}")]
    Unavailable(String),
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] PortError),
    /// It was to stop.
    #[error("interrupted")]
    Stopped,
}

impl PublishError {
    /// A code for conditions.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Refused(_) | Self::BadUsage(_) => "KafkaRefuses",
            Self::Unavailable(_) => "KafkaUnavailable",
            Self::File(_) => "FileUnreadable",
            Self::Stopped => "Stopped",
        }
    }
}
