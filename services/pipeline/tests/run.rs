//! The one loop, over ports that remember what was done to them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bpmonitor_clinical::{PseudonymKey, Thresholds};
use bpmonitor_pipeline::{
    AnomalyStore, AnomalyWrite, Archive, ArchiveLine, Checkpoint, Classifier, DeadLetter, DeadLetters,
    Extent, Message, Monitor, Origin, PortError, Privacy, Refused, Sinks, Source, Tallies, Tally, Used, run,
};
use jiff::Timestamp;
use tokio::sync::Barrier;
use tokio_util::sync::CancellationToken;

/// Gives messages without end, or up to a number, and counts them.
struct Numbers {
    given: Arc<AtomicUsize>,
    up_to: usize,
    partial: bool,
}

impl Source for Numbers {
    type Position = (usize, usize);

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        let number = self.given.load(Ordering::SeqCst);
        if number == self.up_to {
            return Ok(None);
        }
        self.given.store(number + 1, Ordering::SeqCst);
        let (bytes, extent) = if self.partial {
            (b"nonsense\n{\"half".to_vec(), Extent::Partial)
        } else {
            (b"nonsense".to_vec(), Extent::Whole)
        };
        let origin = Origin { topic: "t".into(), partition: 0, offset: number as u64, line: 0 };
        Ok(Some(vec![Message { origin, time: Timestamp::UNIX_EPOCH, bytes, extent, entry: None }]))
    }

    fn accept(&mut self, used: Used) -> (usize, usize) {
        (self.given.load(Ordering::SeqCst), used.bytes)
    }
}

/// Remembers each call; waits or fails where it is told to.
#[derive(Clone, Default)]
struct Sink {
    calls: Arc<Mutex<Vec<String>>>,
    slow: Duration,
    fails_at_commit: Option<usize>,
    stop_at_commit: Option<(usize, CancellationToken)>,
    /// Where anomalies may be written side by side: a write ends once another one is under way too.
    beside: Option<Arc<Barrier>>,
    writing: Arc<AtomicUsize>,
    most_writing: Arc<AtomicUsize>,
}

impl Sink {
    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl AnomalyStore for Sink {
    async fn write(&mut self, writes: &[AnomalyWrite]) -> Result<Vec<Refused>, PortError> {
        self.note(format!("anomalies {}", writes.len()));
        let writing = 1 + self.writing.fetch_add(1, Ordering::SeqCst);
        self.most_writing.fetch_max(writing, Ordering::SeqCst);
        if let Some(beside) = &self.beside {
            beside.wait().await;
        }
        self.writing.fetch_sub(1, Ordering::SeqCst);
        Ok(Vec::new())
    }

    fn may_be_followed(&self, _writes: &[AnomalyWrite]) -> bool {
        self.beside.is_some()
    }
}

impl Archive for Sink {
    type Lines = Vec<ArchiveLine>;

    async fn append(&mut self, lines: Vec<ArchiveLine>) -> Result<(), PortError> {
        self.note(format!("archive {}", lines.len()));
        Ok(())
    }
}

impl DeadLetters for Sink {
    async fn write(&mut self, letters: &[DeadLetter]) -> Result<(), PortError> {
        self.note(format!("letters {}", letters.len()));
        Ok(())
    }
}

impl Checkpoint<(usize, usize)> for Sink {
    async fn commit(&mut self, position: (usize, usize), tallies: &Tallies) -> Result<(), PortError> {
        tokio::time::sleep(self.slow).await;
        if self.fails_at_commit == Some(position.0) {
            return Err(PortError::Damaged("as it was told".to_owned()));
        }
        self.note(format!("commit {position:?} {}", tallies.total().rejected));
        if let Some((at, stop)) = &self.stop_at_commit
            && *at == position.0
        {
            stop.cancel();
        }
        Ok(())
    }
}

fn classifier() -> Classifier {
    Classifier {
        source: bpmonitor_clinical::Source::default(),
        thresholds: Thresholds::default(),
        key: PseudonymKey::new(&[1; 32]),
        privacy: Privacy::default(),
        monitor: Monitor::default(),
        origins: bpmonitor_pipeline::Origins::Files,
        erased: std::collections::HashSet::new(),
    }
}

fn numbers(up_to: usize) -> (Numbers, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    (Numbers { given: Arc::clone(&given), up_to, partial: false }, given)
}

async fn run_into(source: Numbers, sink: &Sink, stop: CancellationToken) -> Result<Tally, PortError> {
    let of = || sink.clone();
    let sinks = Sinks { anomalies: of(), archive: of(), dead_letters: of(), checkpoint: of() };
    run(source, classifier(), sinks, stop, |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sink_is_written_to_before_the_position_is_committed() {
    let (source, _) = numbers(2);
    let sink = Sink::default();
    let total = run_into(source, &sink, CancellationToken::new()).await.unwrap();
    assert_eq!(total.rejected, 2);
    let calls = sink.calls();
    assert_eq!(calls.len(), 8, "{calls:?}");
    for batch in calls.chunks(4) {
        let (commit, mut sinks) = (&batch[3], batch[..3].to_vec());
        sinks.sort();
        assert_eq!(sinks, ["anomalies 0", "archive 0", "letters 1"]);
        assert!(commit.starts_with("commit"), "{calls:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_sinks_hold_up_the_source() {
    let (source, given) = numbers(usize::MAX);
    let stop = CancellationToken::new();
    let sink =
        Sink { slow: Duration::from_millis(20), stop_at_commit: Some((10, stop.clone())), ..Sink::default() };
    run_into(source, &sink, stop).await.unwrap();
    let (given, committed) = (given.load(Ordering::SeqCst), sink.calls().len() / 4);
    assert!(committed >= 10 && given <= 10 + 4, "{given} messages were read, {committed} were durable");
    assert_eq!(given, committed, "what was read is made durable before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_ends_the_run_and_nothing_is_committed_behind_it() {
    let (source, _) = numbers(usize::MAX);
    let sink = Sink { fails_at_commit: Some(3), ..Sink::default() };
    let error = run_into(source, &sink, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "as it was told");
    assert_eq!(sink.calls().iter().filter(|call| call.starts_with("commit")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_partial_message_is_left_to_the_source() {
    let (mut source, _) = numbers(1);
    source.partial = true;
    let sink = Sink::default();
    run_into(source, &sink, CancellationToken::new()).await.unwrap();
    assert_eq!(sink.calls().last().unwrap(), "commit (1, 9) 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_batch_is_written_beside_the_first_where_the_store_lets_it() {
    for (beside, most) in [(None, 1), (Some(Arc::new(Barrier::new(2))), 2)] {
        let (source, _) = numbers(10);
        let sink = Sink { beside, ..Sink::default() };
        let run = run_into(source, &sink, CancellationToken::new());
        tokio::time::timeout(Duration::from_secs(60), run).await.unwrap().unwrap();
        assert_eq!(sink.most_writing.load(Ordering::SeqCst), most);
        let commits: Vec<_> = sink.calls().into_iter().filter(|call| call.starts_with("commit")).collect();
        let in_order: Vec<_> = (1..=10).map(|number| format!("commit ({number}, 8) 1")).collect();
        assert_eq!(commits, in_order);
    }
}
