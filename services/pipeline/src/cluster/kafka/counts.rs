//! What became of all that a group has committed. It travels in the metadata of the commits, beside the archive's mark: so an entry
//! is counted where it is committed, and once, whoever is killed.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Tally;
use crate::cluster::archive::Mark;

/// How many entries became what, since the group began with the topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Readings that were classified.
    pub classified: u64,
    /// Anomalies among them.
    pub anomalies: u64,
    /// Observations that could not be read.
    pub rejected: u64,
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        Self { classified: tally.anomaly + tally.normal, anomalies: tally.anomaly, rejected: tally.rejected }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.classified += other.classified;
        self.anomalies += other.anomalies;
        self.rejected += other.rejected;
    }
}

/// What a commit's metadata says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Of the archive; none where there is none yet.
    pub(super) mark: Option<Mark>,
    /// Of everything up to the offset.
    pub(super) counts: Counts,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    archive: Option<&'a RawValue>,
    counts: Counts,
}

impl Metadata {
    /// Reads a commit's metadata. What is not ours is handed to the archive whole, which says what to do about it.
    pub(super) fn read(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Text { archive, counts }) => {
                Self { mark: archive.and_then(|mark| Mark::from_metadata(mark.get())), counts }
            }
            Err(_) => Self { mark: Mark::from_metadata(text), counts: Counts::default() },
        }
    }

    /// What is to be committed.
    pub(super) fn text(&self) -> String {
        let mark = self.mark.as_ref().map(Mark::as_str);
        let archive = mark.and_then(|mark| serde_json::from_str::<&RawValue>(mark).ok());
        // Numbers and JSON that was read before cannot fail to be written.
        serde_json::to_string(&Text { archive, counts: self.counts }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_as_it_was_written() {
        let counts = Counts { classified: 3, anomalies: 2, rejected: 1 };
        let mark = Mark::from_metadata(r#"{"c":"0123","e":7}"#);
        for mark in [None, mark] {
            let metadata = Metadata { mark, counts };
            assert_eq!(Metadata::read(&metadata.text()), metadata);
        }
    }

    #[test]
    fn metadata_of_others_is_the_archives_to_refuse() {
        for text in ["another program's", r#"{"c":"0123","e":7}"#, "{}", "[1]"] {
            let read = Metadata::read(text);
            assert_eq!(read.mark.as_ref().map(Mark::as_str), Some(text));
            assert_eq!(read.counts, Counts::default());
        }
        assert_eq!(Metadata::read(""), Metadata::default());
    }
}
