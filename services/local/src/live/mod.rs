//! A live ward: simulated patients and files into the store, and the page on top, until somebody stops it.

mod clock;
mod simulated;
mod source;
mod status;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bpmonitor_clinical::Category;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::view::Range;
use bpmonitor_pipeline::embedded::{EmbeddedStore, Inbox, Retention, WardDirectory};
use bpmonitor_pipeline::files::{FileSource, Input};
use bpmonitor_producer::{Position, Simulation};
use enumset::EnumSet;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cli::RunArgs;
use crate::failure::bad_usage;
use crate::manifest::Settings;
use crate::page::{self, Bound, Page, Sweep};
use crate::ward::Ward;
use crate::{inputs, pump, summary};
pub(crate) use clock::now;
use simulated::SimulatedSource;
use source::WardSource;
pub(crate) use status::{Report, Status};

/// How often the ward's directory is tidied of files that were given and read.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How often what is past its retention is removed.
const RETAIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// Runs a ward live.
pub(crate) fn run(args: &RunArgs, settings: &Settings) -> Result<()> {
    let paths = inputs::resolve(&args.input)?;
    pump::runtime()?.block_on(live(args, settings, &paths))
}

async fn live(args: &RunArgs, settings: &Settings, paths: &[String]) -> Result<()> {
    let bound = page::bind(&args.listen).await?;
    let directory = WardDirectory::new(&args.data.data);
    let ward = Ward::open(&directory, settings)?;
    let stop = CancellationToken::new();
    tokio::spawn(pump::cancel_on_signal(stop.clone()));
    let total = monitor(args, settings, &ward, paths, bound, &stop).await?;
    report(&mut io::stdout().lock(), &directory, &total, &ward.store.tally())
}

/// Runs everything of a ward side by side; whatever ends first ends the others. What became of all entries meanwhile.
async fn monitor(
    args: &RunArgs,
    settings: &Settings,
    ward: &Ward,
    paths: &[String],
    bound: Bound,
    stop: &CancellationToken,
) -> Result<Tally> {
    let directory = ward.store.directory();
    page::sweep(directory, Sweep::AtStart)?;
    let status = Arc::new(Status::new(ward.store.tally()));
    let source = source(args, settings, ward, paths, &status)?;
    let page = Page::new(
        facts(settings),
        settings.thresholds.clone(),
        Arc::clone(&status),
        ward.store.clone(),
        stop.clone(),
    );
    let serving = tokio::spawn(bound.serve(page));
    let tidying = tokio::spawn(tidy(ward.store.clone(), settings.retention, Arc::clone(&status)));
    let pipeline =
        bpmonitor_pipeline::run(source, ward.classifier.clone(), ward.store.sinks(), stop.clone(), |done| {
            status.committed(done.tally);
        });
    if let Some(duration) = args.duration {
        tokio::spawn(cancel_after(duration, stop.clone()));
    }
    let result = pipeline.await;
    stop.cancel();
    tidying.abort();
    serving.await.context("serving the page")??;
    Inbox::new(ward.store.clone()).settle_all()?;
    Ok(result?)
}

fn source(
    args: &RunArgs,
    settings: &Settings,
    ward: &Ward,
    paths: &[String],
    status: &Arc<Status>,
) -> Result<WardSource> {
    let inputs: Vec<Input> = paths
        .iter()
        .map(|path| Ok(Input { position: ward.store.position(path)?, follow: true }))
        .collect::<Result<_>>()?;
    let wanted = settings.simulated.as_ref().filter(|_| paths.is_empty());
    tracing::info!(
        monitor = %settings.monitor.name,
        files = inputs.len(),
        simulated_patients = wanted.map_or(0, |wanted| wanted.patients),
        "running; Ctrl-C stops, nothing is lost by it"
    );
    let simulated = wanted.map(|wanted| {
        let simulation = simulation(args.start, wanted, &ward.store)?;
        anyhow::Ok(SimulatedSource::new(simulation, wanted.rate_per_second, Arc::clone(status)))
    });
    let files = FileSource::new(inputs, Inbox::new(ward.store.clone())).staying();
    Ok(WardSource::new(files, simulated.transpose()?))
}

/// The ward's simulated patients: from where they were left, or from the beginning.
fn simulation(
    start: Option<Timestamp>,
    wanted: &bpmonitor_producer::Settings,
    store: &EmbeddedStore,
) -> Result<Simulation> {
    let Some(state) = store.named_position(simulated::NAME)? else {
        return begin(start, wanted);
    };
    let position: Position = serde_json::from_str(&state).context("reading where the simulation was left")?;
    if start.is_some_and(|start| start != position.start()) {
        return Err(bad_usage(format!(
            "this ward began at {}: leave --start out to go on with it, or name another directory with --data",
            position.start()
        )));
    }
    let data = store.directory().path().display();
    Simulation::resume(wanted, &position)
        .map_err(|error| bad_usage(format!("{data}: {error}: name another directory with --data")))
}

fn begin(start: Option<Timestamp>, wanted: &bpmonitor_producer::Settings) -> Result<Simulation> {
    let now = now();
    let start = start.unwrap_or(now);
    if start > now {
        return Err(bad_usage(
            "--start lies in the future: live readings begin there, so name a time that has come",
        ));
    }
    Ok(Simulation::begin(wanted, start))
}

/// What of a ward does not change while it runs, as docs/api.md has it.
fn facts(settings: &Settings) -> Value {
    let categories = EnumSet::<Category>::all();
    let categories: Vec<Value> = categories
        .iter()
        .map(|category| json!({"category": category, "severity": category.severity()}))
        .collect();
    json!({
        "monitor": settings.monitor.name,
        "namespace": settings.monitor.namespace,
        "version": env!("CARGO_PKG_VERSION"),
        "simulated": settings.simulated.as_ref().map(|simulated| json!({
            "patients": simulated.patients,
            "rate_per_second": simulated.rate_per_second,
            "seed": simulated.seed,
        })),
        "thresholds": {
            "profile": settings.profile,
            "anomalies": settings.thresholds.anomalies(),
            "limits": settings.thresholds.limits(None),
        },
        "categories": categories,
        "ranges": Range::ALL,
        "notice": crate::NOTICE,
    })
}

async fn cancel_after(duration: Duration, stop: CancellationToken) {
    tokio::time::sleep(duration).await;
    stop.cancel();
}

/// Removes what is past its time, and files that were given and read, as long as the ward runs.
async fn tidy(store: EmbeddedStore, retention: Retention, status: Arc<Status>) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut retain = tokio::time::interval(RETAIN_EVERY);
    loop {
        let done = tokio::select! {
            _ = sweep.tick() => tokio::task::block_in_place(|| page::sweep(store.directory(), Sweep::Serving)),
            _ = retain.tick() => {
                let done = tokio::task::block_in_place(|| store.retain(retention));
                status.changed();
                done.map_err(anyhow::Error::from)
            }
        };
        if let Err(error) = done {
            tracing::error!("tidying the ward's directory, to be tried again: {error:#}");
        }
    }
}

fn report(out: &mut impl Write, directory: &WardDirectory, run: &Tally, total: &Tally) -> Result<()> {
    summary::write(out, run)?;
    writeln!(out)?;
    writeln!(out, "stopped: what is above is safe, and the same command goes on from there")?;
    Ok(summary::write_where_to_look(out, directory, total)?)
}
