//! What the consumer's thread and the pipeline share: records that wait, which partitions are this member's, and how far each is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::Message;

/// Up to how many bytes of records wait for the pipeline. librdkafka keeps more of them behind these.
const ROOM: usize = 5 * 1024 * 1024;
/// How often a thread that waits says that it lives.
const SEEN_EVERY: Duration = Duration::from_secs(1);
/// What a record costs beside its payload, in bytes: so that many small ones are bounded too.
const PER_RECORD: usize = 512;

/// Which assignment of a partition: one that was taken away and came back is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

/// The records of one partition in a batch: from the first up to, and without, the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) partition: i32,
    pub(super) epoch: Epoch,
    /// The first record's offset.
    pub(super) first: u64,
    /// The offset behind the last.
    pub(super) next: u64,
    /// When the first record was written.
    pub(super) first_time: Timestamp,
    /// When the records were written, in milliseconds since 1970.
    pub(super) times: Vec<i64>,
    /// Whether offsets began again, since the topic was deleted and made anew.
    pub(super) is_anew: bool,
}

/// A partition that is this member's.
#[derive(Debug)]
struct Owned {
    epoch: Epoch,
    /// The epoch before offsets began again: what is gathered of it is still this member's to archive.
    previous: Option<Epoch>,
    /// The offset behind the last record that the pipeline was given in this assignment.
    given: Option<u64>,
    /// The offset committed last in this assignment.
    committed: Option<u64>,
}

impl Owned {
    /// Whether nothing given is left to be committed.
    fn is_settled(&self) -> bool {
        self.given <= self.committed
    }
}

/// How far this member is with its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Membership {
    /// The group has not given it its share yet.
    #[default]
    Joining,
    /// The group gave it its share, be it of nothing.
    Joined,
    /// Nothing more is read.
    Closed,
}

#[derive(Debug, Default)]
struct State {
    owned: HashMap<i32, Owned>,
    epochs: u64,
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// Partitions are about to be taken away: whatever is gathered is to be committed at once.
    is_revoking: bool,
    /// A commit is under way. Kafka would take it also of partitions that were taken away meanwhile.
    is_committing: bool,
    membership: Membership,
    last_poll: Option<Instant>,
}

/// Shared by the consumer's thread, the source and the committer.
#[derive(Debug, Default)]
pub(super) struct Intake {
    state: Mutex<State>,
    /// Something was taken out, or committed.
    progressed: Condvar,
    /// Something was put in.
    arrived: Notify,
    /// Commits should not be gathered any longer.
    hurry: Notify,
}

impl Intake {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room at most so long; whether there is some.
    pub(super) fn wait_for_room(&self, at_most: Duration) -> bool {
        let mut state = self.locked();
        state.last_poll = Some(Instant::now());
        let full = |state: &mut State| state.waiting_bytes >= ROOM;
        let waited = self.progressed.wait_timeout_while(state, at_most, full);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Puts records in. Those of partitions that are not this member's are left out: their owner reads them.
    pub(super) fn put(&self, records: Vec<Message>) {
        let mut state = self.locked();
        for record in records {
            if state.owned.contains_key(&record.origin.partition) {
                state.waiting_bytes += record.bytes.len() + PER_RECORD;
                state.waiting.push_back(record);
            }
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes out up to so many bytes of records, at least one; none when the consumer is closed and all are taken.
    pub(super) async fn take(&self, most_bytes: usize) -> Option<(Vec<Message>, Vec<Span>)> {
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.locked();
                if !state.waiting.is_empty() {
                    let taken = state.take(most_bytes);
                    self.progressed.notify_all();
                    return Some(taken);
                }
                if state.membership == Membership::Closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Says that the consumer gives nothing more.
    pub(super) fn close(&self) {
        self.locked().membership = Membership::Closed;
        self.arrived.notify_one();
    }

    /// Partitions became this member's.
    pub(super) fn assign(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut state = self.locked();
        state.membership = Membership::Joined;
        for partition in partitions {
            state.epochs += 1;
            let epoch = Epoch(state.epochs);
            state.owned.insert(partition, Owned { epoch, previous: None, given: None, committed: None });
        }
    }

    /// The newest assignment of any partition.
    pub(super) fn newest(&self) -> Epoch {
        Epoch(self.locked().epochs)
    }

    /// Partitions are to be taken away: forgets their records that wait, and waits, at most so long, until what the pipeline was
    /// given of them is committed, and for a commit that is under way, which ends by itself. Then they are no longer this member's.
    /// Whether all of it was committed.
    pub(super) fn revoke(&self, partitions: &[i32], at_most: Duration) -> bool {
        let mut state = self.locked();
        state.forget(partitions);
        state.is_revoking = true;
        // Nobody commits any more once it is closed.
        let at_most = if state.membership == Membership::Closed { Duration::ZERO } else { at_most };
        self.hurry.notify_one();
        let unsettled = |state: &mut State| {
            let settled = |partition| state.owned.get(partition).is_none_or(Owned::is_settled);
            !partitions.iter().all(settled)
        };
        let (mut state, waited) = self
            .progressed
            .wait_timeout_while(state, at_most, unsettled)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_revoking = false;
        while state.is_committing {
            // As long as it takes, and the thread is seen meanwhile: a restart would not mend it.
            state.last_poll = Some(Instant::now());
            let waited = self.progressed.wait_timeout(state, SEEN_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        for partition in partitions {
            state.owned.remove(partition);
        }
        !waited.timed_out()
    }

    /// Whether an assignment still holds.
    pub(super) fn is_owned(&self, partition: i32, epoch: Epoch) -> bool {
        self.locked().holds(partition, epoch)
    }

    /// Whether the group ever gave this member its share.
    pub(super) fn has_joined(&self) -> bool {
        self.locked().membership == Membership::Joined
    }

    /// How many partitions are this member's.
    pub(super) fn owned(&self) -> usize {
        self.locked().owned.len()
    }

    /// Begins a commit, unless one of the assignments does not hold any more. Until it ends, none is taken away.
    pub(super) fn begin_commit(&self, assignments: impl IntoIterator<Item = (i32, Epoch)>) -> bool {
        let mut state = self.locked();
        let all_hold = assignments.into_iter().all(|(partition, epoch)| state.holds(partition, epoch));
        state.is_committing = all_hold;
        all_hold
    }

    /// Ends a commit.
    pub(super) fn end_commit(&self) {
        self.locked().is_committing = false;
        self.progressed.notify_all();
    }

    /// Notes what is committed.
    pub(super) fn committed(&self, partition: i32, epoch: Epoch, next: u64) {
        let mut state = self.locked();
        if let Some(owned) = state.owned.get_mut(&partition).filter(|owned| owned.epoch == epoch) {
            owned.committed = Some(next);
        }
        self.progressed.notify_all();
    }

    /// What was committed last of these partitions, where it is known.
    pub(super) fn last_committed(&self, partitions: &[i32]) -> Vec<(i32, Epoch, u64)> {
        let state = self.locked();
        let last = |partition: &i32| {
            let owned = state.owned.get(partition)?;
            Some((*partition, owned.epoch, owned.committed?))
        };
        partitions.iter().filter_map(last).collect()
    }

    /// Whether partitions are about to be taken away.
    pub(super) fn is_revoking(&self) -> bool {
        self.locked().is_revoking
    }

    /// Waits until commits should not be gathered any longer.
    pub(super) async fn hurry(&self) {
        self.hurry.notified().await;
    }

    /// How long ago the consumer's thread was last seen; none before it began.
    pub(super) fn since_last_poll(&self) -> Option<Duration> {
        self.locked().last_poll.map(|at| at.elapsed())
    }
}

impl State {
    fn holds(&self, partition: i32, epoch: Epoch) -> bool {
        let is_of = |owned: &Owned| owned.epoch == epoch || owned.previous == Some(epoch);
        self.owned.get(&partition).is_some_and(is_of)
    }

    fn take(&mut self, most_bytes: usize) -> (Vec<Message>, Vec<Span>) {
        let (mut taken, mut bytes) = (Vec::new(), 0);
        let mut spans: Vec<Span> = Vec::new();
        while bytes < most_bytes {
            // Two generations of a topic are never in one batch.
            if self.waiting.front().is_none_or(|record| is_anew(record, &spans)) {
                break;
            }
            let Some(record) = self.waiting.pop_front() else { break };
            bytes += record.bytes.len() + PER_RECORD;
            self.give(&record, &mut spans);
            taken.push(record);
        }
        self.waiting_bytes -= bytes;
        (taken, spans)
    }

    /// Notes that a record is given to the pipeline.
    fn give(&mut self, record: &Message, spans: &mut Vec<Span>) {
        let (partition, offset) = (record.origin.partition, record.origin.offset);
        let Some(owned) = self.owned.get_mut(&partition) else { return };
        let is_anew = owned.given.is_some_and(|given| offset < given);
        if is_anew {
            self.epochs += 1;
            owned.previous = Some(owned.epoch);
            owned.epoch = Epoch(self.epochs);
            owned.committed = None;
        }
        owned.given = Some(offset + 1);
        let time = record.time.as_millisecond();
        if let Some(span) = spans.iter_mut().find(|span| span.partition == partition) {
            span.next = offset + 1;
            span.times.push(time);
            return;
        }
        spans.push(Span {
            partition,
            epoch: owned.epoch,
            first: offset,
            next: offset + 1,
            first_time: record.time,
            times: vec![time],
            is_anew,
        });
    }

    fn forget(&mut self, partitions: &[i32]) {
        self.waiting.retain(|record| !partitions.contains(&record.origin.partition));
        self.waiting_bytes = self.waiting.iter().map(|record| record.bytes.len() + PER_RECORD).sum();
    }
}

/// Whether a record's offset is before one of its partition that is in the batch.
fn is_anew(record: &Message, spans: &[Span]) -> bool {
    let of_partition = spans.iter().find(|span| span.partition == record.origin.partition);
    of_partition.is_some_and(|span| record.origin.offset < span.next)
}

#[cfg(test)]
mod tests;
