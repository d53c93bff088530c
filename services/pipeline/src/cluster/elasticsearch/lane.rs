//! One lane of a store: sends the documents of a write, one bulk at a time, until each is settled.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bpmonitor_clinical::DocumentId;
use elasticsearch::http::Method;

use super::answer::{self, Fate, Outcome};
use super::bulk::{Builder, Bulk, Piece};
use super::store::Shared;
use super::trouble::Trouble;
use crate::cluster::Backoff;
use crate::{AnomalyWrite, Refused};

/// Below so many bytes a bulk is not made smaller because it takes too long.
const SMALLEST: usize = 64 * 1024;

/// What one lane leaves for the next.
#[derive(Debug)]
pub(super) struct LaneState {
    /// A buffer to be used again.
    buffer: Vec<u8>,
    /// How many bytes a bulk may have; less than asked for while bulks take too long.
    limit: usize,
    /// How many are taken at most; less than asked for where Elasticsearch or a proxy refuses that many.
    ceiling: usize,
}

impl LaneState {
    pub(super) const fn new(bytes: usize) -> Self {
        Self { buffer: Vec::new(), limit: bytes, ceiling: bytes }
    }
}

/// A lane at work. While it is, no other has a document of the same id, so none overtakes another.
pub(super) struct Lane<'a> {
    shared: &'a Shared,
    state: &'a mut LaneState,
    writes: &'a [AnomalyWrite],
    /// The number of the first that is not yet in a bulk.
    next: usize,
    bulk: Bulk,
    /// Parts of bulks that were split: they come next.
    parts: VecDeque<Bulk>,
    /// Single documents that were refused without it being known why: they come last.
    aside: VecDeque<Bulk>,
    accepted: u64,
    refused: Vec<Refused>,
    backoff: Backoff,
}

/// What to do next.
enum Step {
    GoOn,
    Wait(Trouble),
}

impl<'a> Lane<'a> {
    pub(super) fn new(shared: &'a Shared, state: &'a mut LaneState, writes: &'a [AnomalyWrite]) -> Self {
        Self {
            shared,
            state,
            writes,
            next: 0,
            bulk: Bulk::default(),
            parts: VecDeque::new(),
            aside: VecDeque::new(),
            accepted: 0,
            refused: Vec::new(),
            backoff: Backoff::default(),
        }
    }

    /// Sends all of its documents; gives those that are refused for what they say.
    pub(super) async fn run(mut self) -> Vec<Refused> {
        while self.load() {
            match self.send().await {
                Step::GoOn => {}
                Step::Wait(trouble) => self.wait(trouble).await,
            }
        }
        self.refused
    }

    /// Makes the next bulk ready; says whether there is one.
    fn load(&mut self) -> bool {
        if !self.bulk.is_empty() {
            return true;
        }
        if let Some(part) = self.parts.pop_front() {
            self.bulk = part;
            return true;
        }
        self.fill();
        while self.bulk.is_empty() {
            let Some(aside) = self.aside.pop_front() else { return false };
            if aside.pieces.iter().any(|piece| !self.is_overtaken(piece)) {
                self.bulk = aside;
            }
        }
        true
    }

    fn fill(&mut self) {
        let settings = &self.shared.settings;
        let mut builder = Builder::new(std::mem::take(&mut self.state.buffer));
        while let Some(write) = self.writes.get(self.next) {
            let number = self.next;
            let length = builder.add(number, write, settings.render);
            let is_too_large = length.as_ref().is_ok_and(|length| *length > settings.document_bytes);
            if length.is_ok()
                && (is_too_large || (builder.bytes() > self.state.limit && builder.documents() > 1))
            {
                builder.take_back();
                if !is_too_large {
                    break;
                }
            }
            if length.is_err() || is_too_large {
                self.refuse(number);
            }
            self.next += 1;
        }
        match builder.finish() {
            Ok(bulk) => self.bulk = bulk,
            Err(buffer) => self.state.buffer = buffer,
        }
    }

    async fn send(&mut self) -> Step {
        let shared = self.shared;
        let (text, documents) = (self.bulk.text.clone(), self.bulk.pieces.len());
        shared.statistics.sent(text.len());
        let sent = shared.client.send(
            Method::Post,
            &shared.target,
            "application/x-ndjson",
            Some(text),
            shared.settings.timeout,
        );
        let outcome = match sent.await {
            Ok(answer) => answer::outcome(answer.status, &answer.body, documents),
            Err(trouble) => Outcome::Retry(trouble),
        };
        match outcome {
            Outcome::Written => {
                self.works(documents, 0);
                self.finish()
            }
            Outcome::Mixed(fates) => self.sort(fates).await,
            Outcome::Retry(trouble) => self.retry(trouble),
            Outcome::TooLarge => self.too_large(),
            Outcome::Doubted if documents > 1 => {
                self.split();
                Step::Wait(Trouble::Refused)
            }
            Outcome::Doubted => self.sort(vec![Fate::Doubted]).await,
        }
    }

    /// Counts what is settled: Elasticsearch takes documents.
    fn works(&mut self, written: usize, superseded: usize) {
        self.shared.statistics.settled(written, superseded);
        self.accepted += (written + superseded) as u64;
        self.backoff = Backoff::default();
        self.state.limit = (self.state.limit * 2).min(self.state.ceiling);
    }

    /// Settles each document by its fate, and keeps those to be tried again.
    async fn sort(&mut self, mut fates: Vec<Fate>) -> Step {
        if fates.contains(&Fate::Poison)
            && let Some(trouble) = self.shared.mapping_trouble().await
        {
            let poisoned = fates.iter_mut().filter(|fate| **fate == Fate::Poison);
            poisoned.for_each(|fate| *fate = Fate::Retry(trouble));
        }
        let before = self.accepted;
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
        let (written, superseded) = (count(Fate::Written), count(Fate::Superseded));
        if written + superseded > 0 {
            self.works(written, superseded);
        }
        if written + superseded == fates.len() {
            return self.finish();
        }
        let newest = self.newest(&fates);
        let mut bulk = std::mem::take(&mut self.bulk);
        let mut trouble = None;
        bulk.keep(|place, mut piece| match fates.get(place) {
            Some(Fate::Written | Fate::Superseded) => None,
            Some(Fate::Poison) => {
                self.refuse(piece.write);
                None
            }
            Some(Fate::Doubted) if self.accepted > *piece.doubted_at.get_or_insert(before) => {
                // Others were taken: so it is this one's own fault.
                self.refuse(piece.write);
                None
            }
            _ if self.is_older(&piece, &newest) => None,
            fate => {
                trouble =
                    Some(if let Some(Fate::Retry(trouble)) = fate { *trouble } else { Trouble::Refused });
                Some(piece)
            }
        });
        let is_doubted_alone = bulk.pieces.len() == 1 && trouble == Some(Trouble::Refused);
        if is_doubted_alone {
            self.aside.push_back(bulk);
        } else {
            self.bulk = bulk;
        }
        trouble.map_or(Step::GoOn, Step::Wait)
    }

    /// The bulk is settled: its buffer is for the next one.
    fn finish(&mut self) -> Step {
        let bulk = std::mem::take(&mut self.bulk);
        self.state.buffer = bulk.into_buffer(2 * self.shared.settings.bytes);
        Step::GoOn
    }

    /// The newest document of each id that was just accepted, where not all were: its version, and which of the writes it is.
    fn newest(&self, fates: &[Fate]) -> HashMap<DocumentId, (i64, usize)> {
        let mut newest = HashMap::new();
        for (piece, fate) in self.bulk.pieces.iter().zip(fates) {
            let (Fate::Written | Fate::Superseded, Some(write)) = (fate, self.writes.get(piece.write)) else {
                continue;
            };
            let this = (write.version.0, piece.write);
            newest.entry(write.id).and_modify(|known| *known = this.max(*known)).or_insert(this);
        }
        newest
    }

    /// Whether one that came after it, and is as new, was accepted while it was not: then it must not come after that one.
    fn is_older(&self, piece: &Piece, newest: &HashMap<DocumentId, (i64, usize)>) -> bool {
        let Some(write) = self.writes.get(piece.write) else { return true };
        newest
            .get(&write.id)
            .is_some_and(|(version, number)| *version >= write.version.0 && *number > piece.write)
    }

    /// The same for one that was set aside: all after it are settled.
    fn is_overtaken(&self, piece: &Piece) -> bool {
        let Some(write) = self.writes.get(piece.write) else { return true };
        let later = self.writes.iter().enumerate().skip(piece.write + 1);
        later
            .filter(|(_, later)| later.id == write.id && later.version >= write.version)
            .any(|(number, _)| !self.refused.contains(&Refused { write: number }))
    }

    fn refuse(&mut self, write: usize) {
        self.shared.statistics.refuse();
        self.refused.push(Refused { write });
    }

    fn retry(&mut self, trouble: Trouble) -> Step {
        if trouble == Trouble::TimedOut && self.bulk.text.len() > SMALLEST && self.bulk.pieces.len() > 1 {
            // Or what takes longer than the limit would be tried in vain for ever.
            self.state.limit = (self.bulk.text.len() / 2).max(SMALLEST);
            self.split();
        }
        Step::Wait(trouble)
    }

    fn too_large(&mut self) -> Step {
        self.shared.statistics.retry(Trouble::BulkTooLarge);
        if let [only] = self.bulk.pieces[..] {
            self.refuse(only.write);
            self.bulk = Bulk::default();
            return Step::GoOn;
        }
        self.state.ceiling = (self.bulk.text.len() / 2).max(1);
        self.state.limit = self.state.limit.min(self.state.ceiling);
        self.split();
        Step::GoOn
    }

    fn split(&mut self) {
        let rest = self.bulk.split();
        self.parts.push_front(rest);
    }

    async fn wait(&mut self, trouble: Trouble) {
        self.shared.statistics.retry(trouble);
        let is_renewed = self.shared.report(trouble);
        let wait = if is_renewed { Duration::ZERO } else { self.backoff.wait() };
        tokio::time::sleep(wait).await;
    }
}
