//! The one loop: message, batch, sinks, commit.

use jiff::{Timestamp, Unit};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    AnomalyStore, Archive, Batch, Checkpoint, Classifier, DeadLetters, PortError, Sinks, Source, Tally,
};

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
/// reading waits. On `stop` the batches already classified are made durable first.
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
    let reading = tokio::spawn(async move { read(&mut source, &classifier, &stop, sender).await });
    let mut total = Tally::default();
    while let Some((batch, position)) = batches.recv().await {
        write(&mut sinks, &batch, position).await?;
        committed(Committed { tally: &batch.tally, bytes: batch.bytes });
        total.add(&batch.tally);
    }
    match reading.await {
        Ok(result) => result.map(|()| total),
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

async fn read<S: Source>(
    source: &mut S,
    classifier: &Classifier,
    stop: &CancellationToken,
    sender: mpsc::Sender<(Batch, S::Position)>,
) -> Result<(), PortError> {
    loop {
        let messages = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            messages = source.next() => messages?,
        };
        let Some(messages) = messages else { return Ok(()) };
        let batch = classifier.classify(&messages, now());
        let position = source.accept(batch.used);
        let nothing_whole_yet = batch.bytes == 0;
        if nothing_whole_yet {
            continue;
        }
        if sender.send((batch, position)).await.is_err() {
            // The writer stopped on an error of its own, which it reports.
            return Ok(());
        }
    }
}

async fn write<P, A, R, D, C>(
    sinks: &mut Sinks<A, R, D, C>,
    batch: &Batch,
    position: P,
) -> Result<(), PortError>
where
    A: AnomalyStore,
    R: Archive,
    D: DeadLetters,
    C: Checkpoint<P>,
{
    sinks.archive.append(&batch.archive).await?;
    sinks.anomalies.write(&batch.anomalies).await?;
    sinks.dead_letters.write(&batch.dead_letters).await?;
    sinks.checkpoint.commit(position, &batch.tally).await
}

/// The clock, to the millisecond: what Elasticsearch's dates hold.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Millisecond).unwrap_or(now)
}
