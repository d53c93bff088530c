//! The mark: what a commit's metadata says about the archive, so that offset and archive are committed in one step.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::{Lineage, SegmentName, Stage};
use crate::PortError;

/// What a commit's metadata says about the archive, in some 150 bytes of JSON. Whoever commits an offset of a partition commits
/// its mark with it, also where nothing was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// The mark in a commit's metadata; none where that is empty.
    pub fn from_metadata(metadata: &str) -> Option<Self> {
        (!metadata.is_empty()).then(|| Self(metadata.to_owned()))
    }

    /// What is to be committed as metadata.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which owner of a partition made a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) lineage: Lineage,
    pub(super) epoch: u64,
}

impl Claim {
    pub(super) fn first() -> Self {
        Self { lineage: Lineage::begin(), epoch: 1 }
    }

    pub(super) const fn next(self) -> Self {
        Self { lineage: self.lineage, epoch: self.epoch + 1 }
    }
}

/// A segment, and up to where it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) name: SegmentName,
    pub(super) bytes: u64,
    pub(super) lines: u64,
    /// When its last lines were written, in whole seconds.
    pub(super) written: Timestamp,
}

/// What is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// The last segment of a directory; none where there is none yet, or none any more.
    Directory(Option<Extent>),
    /// The offset behind the last object.
    Objects { next: u64 },
}

#[derive(Serialize, Deserialize)]
struct Text<'a> {
    /// The claim's lineage.
    c: String,
    /// The claim's epoch.
    e: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    b: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    l: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<i64>,
    /// Objects: the next one's first offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Mark {
    pub(super) fn new(claim: Claim, committed: &Committed) -> Self {
        let mut text =
            Text { c: claim.lineage.to_string(), e: claim.epoch, s: None, b: 0, l: 0, t: None, f: None };
        match committed {
            Committed::Directory(None) => {}
            Committed::Directory(Some(extent)) => {
                text.s = Some(extent.name.to_string().into());
                (text.b, text.l, text.t) = (extent.bytes, extent.lines, Some(extent.written.as_second()));
            }
            Committed::Objects { next } => text.f = Some(*next),
        }
        // Numbers and short text cannot fail to be serialised.
        Self(serde_json::to_string(&text).unwrap_or_default())
    }

    pub(super) fn read(&self) -> Result<(Claim, Committed), PortError> {
        self.parse().ok_or_else(|| {
            PortError::Damaged(
                "the metadata of the committed offset is not the archive's: if another program committed it, reset the group's \
                 offsets to where they are (kafka-consumer-groups --reset-offsets --to-current), which clears it"
                    .to_owned(),
            )
        })
    }

    fn parse(&self) -> Option<(Claim, Committed)> {
        let text: Text<'_> = serde_json::from_str(&self.0).ok()?;
        let claim = Claim { lineage: Lineage::parse(&text.c)?, epoch: text.e };
        let committed = match (text.s, text.f) {
            (None, Some(next)) => Committed::Objects { next },
            (None, None) => Committed::Directory(None),
            (Some(name), None) => {
                let (name, stage) = SegmentName::parse(&name)?;
                let written = Timestamp::from_second(text.t?).ok()?;
                let extent = Extent { name, bytes: text.b, lines: text.l, written };
                (stage == Stage::Closed).then_some(Committed::Directory(Some(extent)))?
            }
            (Some(_), Some(_)) => return None,
        };
        Some((claim, committed))
    }
}
