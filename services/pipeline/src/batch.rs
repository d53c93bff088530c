//! What messages lead to: writes to each sink, and the count.

use bpmonitor_clinical::{DocumentId, RejectionReason, Version};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Document, Origin, Outcome, Tallies, Used};

/// A document for the anomaly store: an anomaly, or a tombstone (`withdrawn`).
#[derive(Clone, Debug)]
pub struct AnomalyWrite {
    /// Which entry it comes from, in case the store refuses it.
    pub entry: EntryPlace,
    /// Which document.
    pub id: DocumentId,
    /// Which version of it.
    pub version: Version,
    /// What it says; boxed, since writes are moved about.
    pub document: Box<Document>,
}

/// Where in the messages of a batch an entry stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryPlace {
    /// The message: its number in the batch, counted from 0.
    pub message: usize,
    /// Where in the message its record begins, in bytes.
    pub start: usize,
    /// Which entry of the record; none where the record is one.
    pub entry: Option<u32>,
}

/// A line of the archive.
#[derive(Clone, Debug, Serialize)]
pub struct ArchiveLine {
    /// The partition that its Observation was read from.
    #[serde(skip)]
    pub partition: i32,
    /// Which document, in hexadecimal.
    #[serde(serialize_with = "as_text")]
    pub id: DocumentId,
    /// Which version of it; the newest one of an id holds.
    pub version: Version,
    /// The normal reading. None marks that the reading of this id was taken back, or is an anomaly since.
    pub reading: Option<Document>,
}

fn as_text<S: serde::Serializer>(id: &DocumentId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// An entry that could not be read, with everything needed to try again.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message that it stands in.
    pub origin: Origin,
    /// Where in its message its record begins, in bytes.
    pub start: usize,
    /// Which entry of its record; none where the record is one.
    pub entry: Option<u32>,
    /// Why it could not be read.
    pub reason: RejectionReason,
    /// When the message was written.
    pub time: Timestamp,
    /// The entry's bytes; of an entry of a Bundle with what it needs of the Bundle.
    pub original: Vec<u8>,
}

impl AnomalyWrite {
    /// As what its entry was counted.
    pub fn outcome(&self) -> Outcome {
        match self.document.category {
            None => Outcome::Withdrawn,
            Some(category) if self.document.withdrawn => Outcome::Normal(category),
            Some(category) => Outcome::Anomaly(category),
        }
    }
}

/// Takes the archive's lines as they are made.
pub trait ArchiveLines: Default + Send {
    /// Takes one more.
    fn push(&mut self, line: ArchiveLine);
}

impl ArchiveLines for Vec<ArchiveLine> {
    fn push(&mut self, line: ArchiveLine) {
        Self::push(self, line);
    }
}

/// What messages lead to.
#[derive(Debug, Default)]
pub struct Batch<L = Vec<ArchiveLine>> {
    /// For the anomaly store.
    pub anomalies: Vec<AnomalyWrite>,
    /// For the archive.
    pub archive: L,
    /// For the dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// What became of the entries.
    pub tallies: Tallies,
    /// How much of the last message was used.
    pub used: Used,
    /// Bytes of all messages that were used.
    pub bytes: usize,
}
