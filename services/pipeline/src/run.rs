//! The one loop: message, batch, sinks, commit.

use std::sync::Arc;

use bpmonitor_clinical::RejectionReason;
use futures_util::stream::{FuturesOrdered, StreamExt};
use jiff::{Timestamp, Unit};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::blocking::blocking;
use crate::{
    AnomalyStore, Archive, ArchiveLines, Batch, Checkpoint, Classifier, DeadLetter, DeadLetters, Extent,
    Message, Outcome, PortError, Refused, Sinks, Source, Tally,
};

/// From how many bytes of messages on classifying takes so long that it is worth a thread: about a hundred microseconds.
const WORTH_A_THREAD: usize = 64 * 1024;
/// How many batches are written at the same time at most.
const WRITING: usize = 2;

/// A batch that is durable.
#[derive(Debug)]
pub struct Committed<'c> {
    /// What became of its entries.
    pub tally: &'c Tally,
    /// Bytes of the source it took.
    pub bytes: usize,
}

/// Reads `source` to its end, or until `stop`, and calls `committed` for each batch made durable.
///
/// The next message is read and classified while the one before it is written, and no further: when the sinks are slow,
/// reading waits. Where the anomaly store lets it, a second batch is written beside the first one; commits are in order. On `stop` the
/// batches already classified are made durable first.
///
/// # Errors
///
/// What a port could not do. Everything committed before is safe, and a new run goes on from there.
pub async fn run<S, A, R, D, C>(
    mut source: S,
    classifier: Classifier,
    mut sinks: Sinks<A, R, D, C>,
    stop: CancellationToken,
    mut committed: impl FnMut(Committed<'_>) + Send,
) -> Result<Tally, PortError>
where
    S: Source + 'static,
    S::Position: 'static,
    A: AnomalyStore,
    R: Archive,
    D: DeadLetters,
    C: Checkpoint<S::Position>,
{
    let (sender, mut batches) = mpsc::channel(1);
    let stop = stop.child_token();
    let _stop_reading_on_return = stop.clone().drop_guard();
    let classifier = Arc::new(classifier);
    let reader = Arc::clone(&classifier);
    let reading = tokio::spawn(async move { read(&mut source, &reader, &stop, sender).await });
    let mut total = Tally::default();
    let mut writing = FuturesOrdered::new();
    let (mut may_be_followed, mut is_at_end) = (false, false);
    while !(is_at_end && writing.is_empty()) {
        let has_room = writing.is_empty() || may_be_followed && writing.len() < WRITING;
        tokio::select! {
            // In this order, so that a batch is begun only after those before it.
            biased;
            () = sinks.checkpoint.due() => sinks.checkpoint.advance().await?,
            Some(written) = writing.next() => {
                let (tally, bytes) = settle(&mut sinks, &classifier, written).await?;
                committed(Committed { tally: &tally, bytes });
                total.add(&tally);
            }
            received = batches.recv(), if has_room && !is_at_end => match received {
                Some(made) => {
                    may_be_followed = sinks.anomalies.may_be_followed(&made.batch.anomalies);
                    writing.push_back(write(sinks.anomalies.clone(), made));
                }
                None => is_at_end = true,
            },
        }
    }
    sinks.checkpoint.flush().await?;
    match reading.await {
        Ok(result) => result.map(|()| total),
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

/// Messages, what they lead to, and the position behind them.
struct Classified<P, L> {
    messages: Vec<Message>,
    batch: Batch<L>,
    position: P,
}

async fn read<S: Source, L: ArchiveLines + 'static>(
    source: &mut S,
    classifier: &Arc<Classifier>,
    stop: &CancellationToken,
    sender: mpsc::Sender<Classified<S::Position, L>>,
) -> Result<(), PortError> {
    loop {
        // One batch waits while another is written, and no third is held in memory.
        let Ok(place) = sender.reserve().await else {
            // The writer stopped on an error of its own, which it reports.
            return Ok(());
        };
        let messages = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            messages = source.next() => messages?,
        };
        let Some(messages) = messages else { return Ok(()) };
        let (messages, batch) = classify(classifier, messages).await;
        let position = source.accept(batch.used);
        let is_partial = messages.last().is_some_and(|message| message.extent == Extent::Partial);
        let nothing_whole_yet = batch.bytes == 0 && is_partial;
        if nothing_whole_yet {
            continue;
        }
        place.send(Classified { messages, batch, position });
    }
}

/// Classifies a batch: a large one on a thread of its own, so that the one before it is written meanwhile whatever the runtime.
async fn classify<L: ArchiveLines + 'static>(
    classifier: &Arc<Classifier>,
    messages: Vec<Message>,
) -> (Vec<Message>, Batch<L>) {
    let bytes: usize = messages.iter().map(|message| message.bytes.len()).sum();
    if bytes < WORTH_A_THREAD {
        let batch = classifier.classify_into(&messages, now());
        return (messages, batch);
    }
    let classifier = Arc::clone(classifier);
    blocking(move || {
        let batch = classifier.classify_into(&messages, now());
        (messages, batch)
    })
    .await
}

/// A batch whose anomalies are written, and those that were refused.
struct Written<P, L> {
    made: Classified<P, L>,
    refused: Result<Vec<Refused>, PortError>,
}

async fn write<P, L>(mut anomalies: impl AnomalyStore, made: Classified<P, L>) -> Written<P, L> {
    let refused = anomalies.write(&made.batch.anomalies).await;
    Written { made, refused }
}

/// Makes a batch durable whose anomalies are written; gives what became of its entries in the end, and how many bytes it took.
async fn settle<P, A, R, D, C>(
    sinks: &mut Sinks<A, R, D, C>,
    classifier: &Classifier,
    written: Written<P, R::Lines>,
) -> Result<(Tally, usize), PortError>
where
    R: Archive,
    D: DeadLetters,
    C: Checkpoint<P>,
{
    let Written { made: Classified { messages, mut batch, position }, refused } = written;
    let refused = refused?;
    if !refused.is_empty() {
        let letters = refused_letters(classifier, &messages, &mut batch, &refused);
        batch.dead_letters.extend(letters);
    }
    tokio::try_join!(
        sinks.archive.append(std::mem::take(&mut batch.archive)),
        sinks.dead_letters.write(&batch.dead_letters)
    )?;
    sinks.checkpoint.commit(position, &batch.tallies).await?;
    Ok((batch.tallies.total(), batch.bytes))
}

/// The dead letters of what the anomaly store refused, which the tally then counts as rejected.
fn refused_letters(
    classifier: &Classifier,
    messages: &[Message],
    batch: &mut Batch<impl ArchiveLines>,
    refused: &[Refused],
) -> Vec<DeadLetter> {
    let now = now();
    let mut letters = Vec::with_capacity(refused.len());
    for write in refused.iter().filter_map(|refused| batch.anomalies.get(refused.write)) {
        let Some(message) = messages.get(write.entry.message) else { continue };
        let mut counted = Tally::default();
        counted.count(write.outcome());
        let tally = batch.tallies.of(message.origin.partition);
        tally.subtract(&counted);
        tally.count(Outcome::Rejected(RejectionReason::Refused));
        letters.push(classifier.refused(message, write.entry, now));
    }
    letters
}

/// The clock, to the millisecond: what Elasticsearch's dates hold.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Millisecond).unwrap_or(now)
}
