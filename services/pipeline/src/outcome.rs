//! What became of an entry.

use bpmonitor_clinical::{Category, RejectionReason, SkipReason};

/// What became of an entry. Every entry has exactly one outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reading that is stored as an anomaly.
    Anomaly(Category),
    /// A reading that is archived.
    Normal(Category),
    /// Taken back.
    Withdrawn,
    /// Could not be read.
    Rejected(RejectionReason),
    /// Nothing to be read here.
    Skipped(SkipReason),
}

impl Outcome {
    /// Its name in output and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anomaly(_) => "anomaly",
            Self::Normal(_) => "normal",
            Self::Withdrawn => "withdrawn",
            Self::Rejected(_) => "rejected",
            Self::Skipped(_) => "skipped",
        }
    }

    /// The code of why it was rejected or skipped.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Rejected(reason) => Some(reason.code()),
            Self::Skipped(reason) => Some(reason.code()),
            Self::Anomaly(_) | Self::Normal(_) | Self::Withdrawn => None,
        }
    }
}
