//! Dead letters in their topic: what each says of itself, and which of them were replayed.
//!
//! The topic is the log of both: a letter that was replayed is followed by a record without content under the same key.

use std::fmt;
use std::sync::Arc;

use bpmonitor_clinical::RejectionReason;
use bpmonitor_pipeline::cluster::kafka::{LetterHeaders, header, written_at};
use bpmonitor_pipeline::{Extent, Message, Origin};
use jiff::Timestamp;
use rdkafka::Message as _;
use rdkafka::message::BorrowedMessage;

/// Where a letter's original stands: by this a repeat of the letter is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) offset: u64,
    /// Where in the record it begins, in bytes.
    pub(super) start: usize,
    /// Which entry of a Bundle it is.
    pub(super) entry: Option<u32>,
}

/// Which letter it is. Of two topics of one name, one of which was removed, the times tell the letters apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LetterId {
    pub(super) place: Place,
    /// When the original was written.
    pub(super) time: Timestamp,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub(super) struct Letter<'r> {
    pub(super) id: LetterId,
    pub(super) reason: RejectionReason,
    /// When it was rejected.
    pub(super) stored: Timestamp,
    /// The partition of the dead letters' topic that it lies in.
    pub(super) partition: i32,
    /// Its offset there.
    pub(super) offset: i64,
    pub(super) original: &'r [u8],
    /// Whether only the beginning of the original was kept.
    pub(super) is_cut: bool,
}

/// A record of the dead letters' topic.
#[derive(Debug)]
pub(super) enum Record<'r> {
    Letter(Letter<'r>),
    /// Says that this letter was replayed.
    Replayed(LetterId),
    /// None of ours.
    Other,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, partition, offset, start, entry } = self;
        write!(formatter, "{topic}/{partition}/{offset}/{start}")?;
        entry.map_or(Ok(()), |entry| write!(formatter, "/{entry}"))
    }
}

impl Place {
    /// Reads what `Display` writes, which is the key of a letter's record.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let (topic, partition, offset) = (parts.next()?, parts.next()?, parts.next()?);
        let (start, entry) = (parts.next()?, parts.next());
        Some(Self {
            topic: Arc::from(topic),
            partition: partition.parse().ok()?,
            offset: offset.parse().ok()?,
            start: start.parse().ok()?,
            entry: entry.map(str::parse).transpose().ok()?,
        })
        .filter(|_| parts.next().is_none())
    }
}

impl<'r> Record<'r> {
    /// What a record says.
    pub(super) fn of(record: &'r BorrowedMessage<'_>) -> Self {
        Self::read(record).unwrap_or(Self::Other)
    }

    fn read(record: &'r BorrowedMessage<'_>) -> Option<Self> {
        let place = Place::parse(std::str::from_utf8(record.key()?).ok()?)?;
        let time = header(record, LetterHeaders::TIME)?.parse().ok()?;
        let id = LetterId { place, time };
        let Some(original) = record.payload() else { return Some(Self::Replayed(id)) };
        let reason: RejectionReason =
            serde_json::from_value(header(record, LetterHeaders::REASON)?.into()).ok()?;
        let is_cut = reason == RejectionReason::TooLarge || header(record, LetterHeaders::CUT_FROM).is_some();
        Some(Self::Letter(Letter {
            id,
            reason,
            stored: written_at(record),
            partition: record.partition(),
            offset: record.offset(),
            original,
            is_cut,
        }))
    }
}

impl Letter<'_> {
    /// The original as a message of the pipeline.
    pub(super) fn message(&self) -> Message {
        let Place { topic, partition, offset, entry, .. } = &self.id.place;
        Message {
            origin: Origin { topic: Arc::clone(topic), partition: *partition, offset: *offset, line: 0 },
            time: self.id.time,
            bytes: self.original.to_vec(),
            extent: Extent::Whole,
            entry: *entry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_where_the_original_stands() {
        for key in ["bp.default.ward-3.observations/2/41/0", "a/0/7/120/3"] {
            assert_eq!(Place::parse(key).unwrap().to_string(), key);
        }
        for key in ["", "a/0/7", "a/0/7/1/2/3", "a/x/7/1", "a/0/-7/1", "bpmonitor-replay"] {
            assert_eq!(Place::parse(key), None, "{key}");
        }
    }
}
