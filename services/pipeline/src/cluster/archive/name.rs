//! How segments are named: where their lines begin, and which owner of the partition wrote them.
//!
//! `00000000000000001234-20261122T121509123Z-9f3a2c41-7.jsonl.zst`: first offset, time of the first record, lineage, epoch. In a
//! directory a segment that may still grow is `….open.jsonl.zst`, and a copy that is not finished `….part`.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

use crate::segments::Compression;

/// Which succession of commits a segment belongs to. It begins where a partition has no mark: for the first time, or once its
/// topic was made anew or its offsets were reset. Nothing of another lineage is ever touched or compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Lineage(u32);

impl Lineage {
    /// One that no other owner has made. The standard library's seed is the operating system's random numbers.
    pub(super) fn begin() -> Self {
        let [_, _, _, _, a, b, c, d] = RandomState::new().build_hasher().finish().to_be_bytes();
        Self(u32::from_be_bytes([a, b, c, d]))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| u32::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// A segment's name in its partition's directory, without what it is becoming.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SegmentName {
    /// The offset up to which everything was committed when it was begun.
    pub(super) first_offset: u64,
    /// Its first record's timestamp, as it stands in the name.
    pub(super) first_time: String,
    pub(super) lineage: Lineage,
    /// Which owner wrote it; each has its own within a lineage.
    pub(super) epoch: u64,
    /// How often writing it had failed before; only objects are tried under another name.
    pub(super) attempt: u32,
    pub(super) compression: Compression,
}

/// What a file of a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A copy that is not finished.
    Part,
    /// It may grow, and its end may not be committed.
    Open,
    /// All of it is committed.
    Closed,
}

impl SegmentName {
    pub(super) fn time(first: Timestamp) -> String {
        first.strftime("%Y%m%dT%H%M%S%.3fZ").to_string().replace('.', "")
    }

    /// The file's or object's name at a stage.
    pub(super) fn at(&self, stage: Stage) -> String {
        let Self { first_offset, first_time, lineage, epoch, attempt, compression } = self;
        let attempt = if *attempt == 0 { String::new() } else { format!("-{attempt}") };
        let stem = format!("{first_offset:020}-{first_time}-{lineage}-{epoch}{attempt}");
        match stage {
            Stage::Part => format!("{stem}{}.part", compression.suffix()),
            Stage::Open => format!("{stem}.open{}", compression.suffix()),
            Stage::Closed => format!("{stem}{}", compression.suffix()),
        }
    }

    /// Reads a file's or object's name; none where it is no segment's.
    pub(super) fn parse(file: &str) -> Option<(Self, Stage)> {
        let (stem, suffix) = file.split_once('.')?;
        let (suffix, stage) = match (suffix.strip_prefix("open."), suffix.strip_suffix(".part")) {
            (Some(suffix), None) => (suffix, Stage::Open),
            (None, Some(suffix)) => (suffix, Stage::Part),
            _ => (suffix, Stage::Closed),
        };
        let compression = Compression::of(&format!(".{suffix}"))?;
        let mut parts = stem.split('-');
        let first_offset = parts.next().filter(|offset| offset.len() == 20)?.parse().ok()?;
        let first_time = parts.next()?.to_owned();
        let lineage = Lineage::parse(parts.next()?)?;
        let epoch = parts.next()?.parse().ok()?;
        let attempt = parts.next().map_or(Ok(0), str::parse).ok()?;
        let name = Self { first_offset, first_time, lineage, epoch, attempt, compression };
        (parts.next().is_none() && name.at(stage) == file).then_some((name, stage))
    }

    /// Whether another segment holds the same lines, and newer: the one of the higher epoch holds.
    pub(super) fn is_superseded_by(&self, other: &Self) -> bool {
        self.lineage == other.lineage
            && self.first_offset == other.first_offset
            && (self.epoch, self.attempt) < (other.epoch, other.attempt)
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.at(Stage::Closed))
    }
}
