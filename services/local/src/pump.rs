//! Files into a ward: the pipeline with progress, until the end or an interrupt.

use std::time::Duration;

use anyhow::{Context, Result};
use bpmonitor_pipeline::embedded::{EmbeddedStore, Inbox};
use bpmonitor_pipeline::files::{FileSource, Input};
use bpmonitor_pipeline::{Checkpoint, Committed, Source, Tally};
use bpmonitor_settings::shutdown::cancel_on_signal;
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use crate::ward::Ward;

/// What was read into a ward.
pub(crate) struct Pumped {
    pub(crate) tally: Tally,
    /// Whether an interrupt ended it.
    pub(crate) is_interrupted: bool,
}

/// Reads the inputs, and what the ward's inbox asks for, into the ward.
pub(crate) fn files(
    ward: &Ward,
    inputs: Vec<Input>,
    bar: &ProgressBar,
    at_most: Option<Duration>,
) -> Result<Pumped> {
    let store = ward.store.clone();
    let pumped = pump(ward, move || Ok(FileSource::new(inputs, Inbox::new(store))), bar, at_most)?;
    Inbox::new(ward.store.clone()).settle_all()?;
    Ok(pumped)
}

/// Reads a source into the ward, for so long at most. `source` is called where a tokio runtime is.
pub(crate) fn pump<S>(
    ward: &Ward,
    source: impl FnOnce() -> Result<S>,
    bar: &ProgressBar,
    at_most: Option<Duration>,
) -> Result<Pumped>
where
    S: Source + 'static,
    S::Position: 'static,
    EmbeddedStore: Checkpoint<S::Position>,
{
    let runtime = runtime()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let result = runtime.block_on(async {
        tokio::spawn(cancel_on_signal(stop.clone()));
        tokio::spawn(cancel_after(at_most, stop.clone()));
        let mut total = Tally::default();
        let committed = |done: Committed<'_>| {
            total.add(done.tally);
            bar.inc(done.bytes as u64);
            bar.set_message(format!("{} anomalies, {} rejected", total.anomaly, total.rejected));
        };
        bpmonitor_pipeline::run(source()?, ward.classifier.clone(), ward.store.sinks(), stop, committed)
            .await
            .map_err(anyhow::Error::from)
    });
    bar.finish_and_clear();
    Ok(Pumped { tally: result?, is_interrupted: stopped.is_cancelled() })
}

/// What pipelines run on.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.context("starting the runtime")
}

/// Cancels after this time, if any.
pub(crate) async fn cancel_after(time: Option<Duration>, stop: CancellationToken) {
    if let Some(time) = time {
        tokio::time::sleep(time).await;
        stop.cancel();
    }
}
