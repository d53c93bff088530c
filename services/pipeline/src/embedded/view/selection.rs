//! Which readings are asked for.

use std::str::FromStr;

use bpmonitor_clinical::Category;
use enumset::EnumSet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far back an answer reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Range {
    /// The last hour and the current one.
    #[serde(rename = "1h")]
    Hour,
    /// The last 6 hours and the current one.
    #[serde(rename = "6h")]
    SixHours,
    /// The last 24 hours and the current one.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// The last 7 times 24 hours and the current one.
    #[serde(rename = "7d")]
    Week,
    /// The last 30 days and the current one.
    #[serde(rename = "30d")]
    Month,
    /// Without bounds.
    #[serde(rename = "all")]
    All,
}

impl Range {
    /// Every range, the shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Month, Self::All];

    /// Its id in requests and answers.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::All => "all",
        }
    }
}

/// A range that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such range: ask for 1h, 6h, 24h, 7d, 30d or all")]
pub struct UnknownRange;

impl FromStr for Range {
    type Err = UnknownRange;

    fn from_str(id: &str) -> Result<Self, UnknownRange> {
        Self::ALL.into_iter().find(|range| range.id() == id).ok_or(UnknownRange)
    }
}

/// Which readings are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// How far back.
    pub range: Range,
    /// Of which categories; of all where it is empty.
    pub categories: EnumSet<Category>,
    /// Of which patient, as stored; of all where there is none.
    pub patient: Option<String>,
    /// The time that the range ends with.
    pub now: Timestamp,
}

impl Selection {
    /// Everything in a range.
    pub const fn of(range: Range, now: Timestamp) -> Self {
        Self { range, categories: EnumSet::empty(), patient: None, now }
    }

    /// The categories that are meant.
    pub(super) fn meant(&self) -> EnumSet<Category> {
        if self.categories.is_empty() { EnumSet::all() } else { self.categories }
    }
}
