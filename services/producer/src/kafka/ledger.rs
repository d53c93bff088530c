//! What was sent and what of it was delivered, in lots.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::target::Ends;

/// Follows records to their delivery. They are counted in lots, each of which ends where a position was marked.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// From the first lot that is not settled to the one that is being filled; never empty.
    lots: VecDeque<Lot>,
    /// The number of the first one.
    first: usize,
    left: u64,
    /// When there last was nothing to wait for, or something was delivered.
    moved: Instant,
    failure: Option<Failure>,
}

#[derive(Debug, Default)]
struct Lot {
    /// Records that are not yet delivered.
    left: u64,
    /// What became of the others.
    ends: Ends,
}

/// A record that Kafka did not take.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) is_too_large: bool,
    pub(crate) reason: String,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            lots: VecDeque::from([Lot::default()]),
            first: 0,
            left: 0,
            moved: Instant::now(),
            failure: None,
        }
    }

    /// The number of the lot that the next record belongs to.
    pub(crate) fn lot(&self) -> usize {
        self.first + self.lots.len() - 1
    }

    /// Counts a record of that lot. Its delivery must be told of later than this.
    pub(crate) fn sent(&mut self) {
        if self.left == 0 {
            self.moved = Instant::now();
        }
        self.left += 1;
        if let Some(lot) = self.lots.back_mut() {
            lot.left += 1;
        }
    }

    pub(crate) fn delivered(&mut self, lot: usize, partition: i32, offset: i64) {
        let Some(lot) = lot.checked_sub(self.first).and_then(|index| self.lots.get_mut(index)) else {
            return;
        };
        lot.left = lot.left.saturating_sub(1);
        let end = lot.ends.entry(partition).or_insert(0);
        *end = (*end).max(offset + 1);
        self.left = self.left.saturating_sub(1);
        self.moved = Instant::now();
    }

    /// The first failure is kept: what follows is its consequence.
    pub(crate) fn failed(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Ends the lot that is being filled.
    pub(crate) fn close(&mut self) {
        self.lots.push_back(Lot::default());
    }

    /// Takes the first lot if it is closed and all of it was delivered, and gives where.
    pub(crate) fn take_settled(&mut self) -> Option<Ends> {
        if self.lots.len() < 2 || self.lots.front()?.left > 0 {
            return None;
        }
        self.first += 1;
        self.lots.pop_front().map(|lot| lot.ends)
    }

    /// Records that are not yet delivered.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// For how long records have been waiting without any being delivered.
    pub(crate) fn stalled_for(&self) -> Duration {
        if self.left == 0 { Duration::ZERO } else { self.moved.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_is_settled_when_it_is_closed_and_all_before_it_is_delivered() {
        let mut ledger = Ledger::new();
        let first = ledger.lot();
        ledger.sent();
        ledger.sent();
        ledger.close();
        let second = ledger.lot();
        ledger.sent();
        ledger.close();
        ledger.delivered(second, 0, 7);
        ledger.delivered(first, 1, 3);
        assert_eq!(ledger.take_settled(), None);
        ledger.delivered(first, 0, 6);
        assert_eq!(ledger.take_settled(), Some(Ends::from([(0, 7), (1, 4)])));
        assert_eq!(ledger.take_settled(), Some(Ends::from([(0, 8)])));
        assert_eq!((ledger.take_settled(), ledger.left()), (None, 0));
        assert_eq!(ledger.stalled_for(), Duration::ZERO);
    }
}
