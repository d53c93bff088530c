//! How far a simulation has come: what is kept between runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;

/// How far a simulation has come. With the settings, it is everything needed to go on; it is written as small JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub(crate) seed: u32,
    /// The index of the next observation.
    pub(crate) next: u64,
    #[serde(flatten)]
    pub(crate) schedule: Schedule,
}

impl Position {
    /// Whether the history is not over.
    pub fn is_in_history(&self) -> bool {
        self.next < self.schedule.history.total()
    }

    /// The seed of the ward.
    pub const fn seed(&self) -> u32 {
        self.seed
    }

    /// The index of the next observation.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// At which rate live observations are due from here on, a second.
    pub const fn rate_per_second(&self) -> f64 {
        self.schedule.rate_per_second()
    }

    /// When the history ends and live observations begin.
    pub const fn start(&self) -> Timestamp {
        self.schedule.start
    }
}

/// Why a simulation cannot go on from a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError {
    /// The position is one in another ward.
    #[error(
        "the ward was begun with seed {found}, and cannot go on with seed {asked}: another seed is another ward; \
         keep the seed, or begin anew elsewhere"
    )]
    OtherSeed {
        /// The seed of the position.
        found: u32,
        /// The seed of the settings.
        asked: u32,
    },
}
