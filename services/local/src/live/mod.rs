//! A live ward: simulated patients and files into the store, and the page on top, until somebody stops it.

mod patients;
mod simulated;
mod source;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bpmonitor_clinical::Category;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::view::Range;
use bpmonitor_pipeline::embedded::{EmbeddedStore, Inbox, Retention, WardDirectory};
use bpmonitor_pipeline::files::{FileSource, Input};
use bpmonitor_settings::manifest::Settings;
use bpmonitor_settings::shutdown::cancel_on_signal;
use enumset::EnumSet;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::cli::RunArgs;
use crate::failure::{bad_usage, is_disk_full};
use crate::page::{self, Guarded, Page, Sweep};
use crate::status::Status;
use crate::ward::{self, Ward};
use crate::{inputs, pump, summary};
use simulated::SimulatedSource;
use source::WardSource;

/// How often the ward's directory is tidied of files that were given and read.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// How often to look whether a full disk has room again.
const DISK_FULL_RETRY: Duration = Duration::from_secs(5);
/// How often what is past its retention is removed.
const RETAIN_EVERY: Duration = Duration::from_secs(60 * 60);

/// A ward that is being run.
struct Live<'a> {
    args: &'a RunArgs,
    settings: &'a Settings,
    ward: Ward,
    /// The files to follow.
    paths: Vec<String>,
    status: Arc<Status>,
    stop: CancellationToken,
}

/// Runs a ward live.
pub(crate) fn run(args: &RunArgs, settings: &Settings) -> Result<()> {
    let paths = inputs::resolve(&args.input)?;
    pump::runtime()?.block_on(live(args, settings, paths))
}

async fn live(args: &RunArgs, settings: &Settings, paths: Vec<String>) -> Result<()> {
    let bound = page::bind(&args.listen).await?;
    let directory = WardDirectory::new(&args.data.data);
    let ward = Ward::open(&directory, settings)?;
    let page = bound.guarded(&directory)?;
    let status = Arc::new(Status::new(ward.store.tally()));
    let stop = CancellationToken::new();
    tokio::spawn(cancel_on_signal(stop.clone()));
    let live = Live { args, settings, ward, paths, status, stop };
    page::sweep(&directory, Sweep::Alone);
    let source = live.source().await?;
    tracing::info!(
        monitor = %settings.monitor.name,
        files = live.paths.len(),
        simulated_patients = live.wanted().map_or(0, |wanted| wanted.patients),
        "running; Ctrl-C stops, nothing is lost by it"
    );
    page.announce(&mut io::stdout().lock())?;
    let total = live.monitor(source, page).await?;
    page::sweep(&directory, Sweep::Alone);
    report(&mut io::stdout().lock(), &directory, &total, &live.ward.store.tally())
}

impl Live<'_> {
    /// The simulated patients, where there are any.
    fn wanted(&self) -> Option<&bpmonitor_simulation::Settings> {
        self.settings.simulated.as_ref().filter(|_| self.paths.is_empty())
    }

    /// All that the ward reads, from where it was left.
    async fn source(&self) -> Result<WardSource> {
        let store = &self.ward.store;
        let position = |path: &String| Ok(Input { position: store.position(path)?, follow: true });
        let inputs: Vec<Input> = self.paths.iter().map(position).collect::<Result<_>>()?;
        let simulated = match self.wanted() {
            Some(wanted) => {
                let simulation = patients::simulation(self.args.start, wanted, store).await?;
                Some(SimulatedSource::new(simulation, wanted.rate_per_second, Arc::clone(&self.status)))
            }
            None if self.args.start.is_some() => {
                return Err(bad_usage("--start is for simulated patients, and spec.patients.count is 0"));
            }
            None => None,
        };
        let files = FileSource::new(inputs, Inbox::new(store.clone())).staying();
        Ok(WardSource::new(files, simulated))
    }

    /// Runs everything of a ward side by side; whatever ends first ends the others. What became of all entries meanwhile.
    async fn monitor(&self, source: WardSource, page: Guarded) -> Result<Tally> {
        let store = &self.ward.store;
        let mut serving = tokio::spawn(page.serve(self.page()));
        let retention = ward::retention(self.settings);
        let tidying = tokio::spawn(tidy(store.clone(), retention, Arc::clone(&self.status)));
        tokio::spawn(pump::cancel_after(self.args.duration, self.stop.clone()));
        let pipeline = self.pipeline(source);
        tokio::pin!(pipeline);
        let (result, served) = tokio::select! {
            result = &mut pipeline => {
                self.stop.cancel();
                (result, (&mut serving).await)
            }
            served = &mut serving => {
                self.stop.cancel();
                (pipeline.await, served)
            }
        };
        tidying.abort();
        let total = result?;
        served.context("serving the page").flatten()?;
        Inbox::new(store.clone()).settle_all()?;
        Ok(total)
    }

    fn page(&self) -> Page {
        let Settings { thresholds, .. } = self.settings;
        Page::new(
            facts(self.settings, self.wanted()),
            thresholds.clone(),
            Arc::clone(&self.status),
            self.ward.store.clone(),
            self.stop.clone(),
        )
    }

    /// Runs the pipeline until it is to stop. While the disk is full it waits for room: everything is still where it came from.
    async fn pipeline(&self, source: WardSource) -> Result<Tally> {
        let mut total = Tally::default();
        let mut next = Some(source);
        loop {
            match self.pass(next.take(), &mut total).await {
                Err(error) if is_disk_full(&error) && !self.stop.is_cancelled() => {
                    tracing::error!("the disk is full; free some space, the ward goes on by itself");
                    self.status.set_disk_full(true);
                }
                done => return done.map(|()| total),
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(total),
                () = tokio::time::sleep(DISK_FULL_RETRY) => {}
            }
        }
    }

    async fn pass(&self, source: Option<WardSource>, total: &mut Tally) -> Result<()> {
        let source = match source {
            Some(source) => source,
            None => self.source().await?,
        };
        let Ward { store, classifier } = &self.ward;
        let stop = self.stop.clone();
        bpmonitor_pipeline::run(source, classifier.clone(), store.sinks(), stop, |done| {
            total.add(done.tally);
            self.status.set_disk_full(false);
            self.status.committed(done.tally);
        })
        .await?;
        Ok(())
    }
}

/// What of a ward does not change while it runs, as docs/api.md has it.
fn facts(settings: &Settings, simulated: Option<&bpmonitor_simulation::Settings>) -> Value {
    let categories = EnumSet::<Category>::all();
    let categories: Vec<Value> = categories
        .iter()
        .map(|category| json!({"category": category, "severity": category.severity()}))
        .collect();
    json!({
        "monitor": settings.monitor.name,
        "namespace": settings.monitor.namespace,
        "version": env!("CARGO_PKG_VERSION"),
        "simulated": simulated.map(|simulated| json!({
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

/// Removes what is past its time, and files that were given and read, as long as the ward runs.
async fn tidy(store: EmbeddedStore, retention: Retention, status: Arc<Status>) {
    let (mut sweep, mut retain) = (interval(SWEEP_EVERY), interval(RETAIN_EVERY));
    for every in [&mut sweep, &mut retain] {
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        let done = tokio::select! {
            _ = sweep.tick() => {
                tokio::task::block_in_place(|| page::sweep(store.directory(), Sweep::Serving));
                Ok(())
            }
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
