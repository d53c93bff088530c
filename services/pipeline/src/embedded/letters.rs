//! Dead letters as a source: read again, each kept only if it is rejected again.

use bpmonitor_clinical::RejectionReason;
use tokio::task::block_in_place;

use super::EmbeddedStore;
use crate::{Checkpoint, Extent, Message, Outcome, PortError, Source, Tallies, Tally, Used};

/// How many letters make a batch.
const BATCH_LETTERS: usize = 500;

/// Reads a ward's dead letters, those that are there when it begins.
#[derive(Debug)]
pub struct LetterSource {
    store: EmbeddedStore,
    after: i64,
    last: i64,
    offered: Replayed,
}

/// The letters that were read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    seqs: Vec<i64>,
    /// What they were counted as.
    counted: Tally,
}

impl LetterSource {
    /// Reads the letters of this ward.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn new(store: EmbeddedStore) -> Result<Self, PortError> {
        let last = store.locked().database.last_seq()?;
        Ok(Self { store, after: 0, last, offered: Replayed::default() })
    }
}

impl Source for LetterSource {
    type Position = Replayed;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        let letters =
            block_in_place(|| self.store.locked().database.letters(self.after, self.last, BATCH_LETTERS))?;
        self.after = letters.last().map_or(self.after, |letter| letter.seq);
        let mut messages = Vec::with_capacity(letters.len());
        for super::Letter { seq, letter, .. } in letters {
            self.offered.seqs.push(seq);
            self.offered.counted.count(Outcome::Rejected(letter.reason));
            messages.push(Message {
                origin: letter.origin,
                time: letter.time,
                bytes: letter.original,
                extent: extent_of(letter.reason),
                entry: letter.entry,
            });
        }
        Ok((!messages.is_empty()).then_some(messages))
    }

    fn accept(&mut self, _: Used) -> Replayed {
        std::mem::take(&mut self.offered)
    }
}

/// Of a record that was too large only the beginning was kept: that is nothing to be read.
const fn extent_of(reason: RejectionReason) -> Extent {
    if matches!(reason, RejectionReason::TooLarge) { Extent::TooLarge } else { Extent::Whole }
}

impl Checkpoint<Replayed> for EmbeddedStore {
    /// A letter that was rejected again was written under a new number: the old numbers go, and what they were counted as.
    async fn commit(&mut self, position: Replayed, tallies: &Tallies) -> Result<(), PortError> {
        block_in_place(|| self.locked().commit_replayed(&position.seqs, &position.counted, &tallies.total()))
    }
}
