//! Which documents are being written: those of one id one after another, in the order in which they were begun.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bpmonitor_clinical::DocumentId;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The writes that are under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<Vec<Write>>);

/// One of them.
#[derive(Debug)]
struct Write {
    ids: HashSet<DocumentId>,
    ended: CancellationToken,
}

/// A write that is begun; it ends when this is dropped.
pub(super) struct Turn {
    /// Those before it that have a document in common with it.
    before: Vec<CancellationToken>,
    _ends: DropGuard,
}

impl UnderWay {
    /// Begins a write of these documents.
    pub(super) fn begin(&self, ids: HashSet<DocumentId>) -> Turn {
        let mut writes = self.locked();
        writes.retain(|write| !write.ended.is_cancelled());
        let has_one_of = |write: &&Write| !write.ids.is_disjoint(&ids);
        let before = writes.iter().filter(has_one_of).map(|write| write.ended.clone()).collect();
        let ended = CancellationToken::new();
        writes.push(Write { ids, ended: ended.clone() });
        Turn { before, _ends: ended.drop_guard() }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Write>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Waits until no document of it is being written by one that was begun before.
    pub(super) async fn comes(&self) {
        for before in &self.before {
            before.cancelled().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn ids(of: impl IntoIterator<Item = u8>) -> HashSet<DocumentId> {
        of.into_iter().map(|id| DocumentId([id; 16])).collect()
    }

    #[test]
    fn a_turn_comes_once_those_before_it_with_one_of_its_documents_ended() {
        let under_way = UnderWay::default();
        let (first, second) = (under_way.begin(ids(0..3)), under_way.begin(ids(3..6)));
        let third = under_way.begin(ids([2, 3]));
        let has_come = |turn: &Turn| turn.comes().now_or_never().is_some();
        assert!(has_come(&first) && has_come(&second) && !has_come(&third));
        drop(second);
        assert!(!has_come(&third));
        drop(first);
        assert!(has_come(&third));
        assert!(!has_come(&under_way.begin(ids([3]))), "the third is under way");
        drop(third);
        assert!(has_come(&under_way.begin(ids(0..6))));
    }
}
