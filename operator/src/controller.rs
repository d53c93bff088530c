//! The controller: watches monitors and what belongs to them, and reconciles whatever changed.

use std::collections::hash_map::DefaultHasher;
use std::future::ready;
use std::hash::{Hash, Hasher};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use bpmonitor_crds::{BpMonitor, BpMonitorStatus};
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::{self, store::Writer};
use kube::runtime::watcher::{self, watcher};
use kube::runtime::{Controller, PredicateConfig, WatchStreamExt};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, Settings};
use crate::error::Error;
use crate::finalize;
use crate::kinds::{self, MonitorRef, monitor_ref};
use crate::merge::merged;
use crate::metrics::Metrics;
use crate::probes::Probes;
use crate::reconcile::reconcile;
use crate::status::{conditions::is_true, counts};
use crate::unreadable;
use crate::watch::{Soon, Watch};

/// Changes of one monitor within this time are one.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// How long what was begun may take once the operator stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How often it is noted how many monitors are ready.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The operator, before it works.
pub struct Operator {
    client: Client,
    settings: Settings,
    metrics: Metrics,
    probes: Probes,
}

impl Operator {
    /// Of this client and these settings.
    pub fn new(client: Client, settings: Settings, metrics: Metrics, probes: Probes) -> Self {
        Self { client, settings, metrics, probes }
    }

    /// Works until `stop`, and finishes what was begun.
    pub async fn run(self, stop: &CancellationToken) {
        let (monitors, writer) = reflector::store();
        let (triggers, triggered) = mpsc::unbounded_channel();
        let Self { client, settings, metrics, probes } = self;
        let context = Arc::new(Context::new(client, settings, metrics, monitors.clone(), triggers));
        probes.leads(&context);
        let mut tasks = JoinSet::new();
        watch(&context, &mut tasks);
        tasks.spawn(counts::keep_counting(Arc::clone(&context)));
        tasks.spawn(keep_looking(Arc::clone(&context)));
        let (tell, told) = mpsc::unbounded_channel();
        tasks.spawn(unreadable::keep_telling(Arc::clone(&context), tell.clone(), told));

        let config = controller::Config::default().concurrency(context.settings.concurrency);
        let stopped = stop.clone();
        let work = Controller::for_stream(changes(&context, writer, &tell), monitors)
            .with_config(config.debounce(DEBOUNCE))
            .reconcile_on(received(triggered))
            .graceful_shutdown_on(async move { stopped.cancelled().await })
            .run(reconcile, error_policy, context)
            .for_each(|result| {
                if let Err(error) = result {
                    note(&error);
                }
                ready(())
            });
        tokio::select! {
            () = work => {}
            () = drained(stop) => tracing::warn!("what was begun could not be finished in time"),
            () = broken(&mut tasks) => {}
        }
    }
}

/// Passes on the panic of a task: none of them ends by itself, and without one of them the operator would be blind and not know it.
async fn broken(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            resume_unwind(error.into_panic());
        }
    }
}

async fn drained(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(DRAIN).await;
}

/// Watches all kinds, in all namespaces.
fn watch(context: &Arc<Context>, tasks: &mut JoinSet<()>) {
    context.cache.wait_for("bpmonitors".to_owned());
    for watched in kinds::watched() {
        for namespace in scopes(&context.settings) {
            tasks.spawn(Watch::new(context, watched.clone(), namespace).run());
        }
    }
}

/// The namespaces that are watched; none for all of them.
fn scopes(settings: &Settings) -> Vec<Option<String>> {
    if settings.namespaces.is_empty() {
        return vec![None];
    }
    settings.namespaces.iter().cloned().map(Some).collect()
}

/// Monitors whose change matters. What fails is tried again, and delays nothing else.
fn changes(
    context: &Arc<Context>,
    writer: Writer<BpMonitor>,
    unreadable: &UnboundedSender<InvalidObject>,
) -> impl Stream<Item = Result<BpMonitor, watcher::Error>> + Send + use<> {
    let events = scopes(&context.settings).into_iter().map(|namespace| {
        let api: Api<DeserializeGuard<BpMonitor>> = match namespace {
            Some(namespace) => Api::namespaced(context.client.clone(), &namespace),
            None => Api::all(context.client.clone()),
        };
        let events = watcher(api, watcher::Config::default()).backoff(Soon::default());
        let unreadable = unreadable.clone();
        let events = events.filter_map(move |event| {
            ready(event.map(|event| unreadable::readable(event, &unreadable)).transpose())
        });
        // Nobody asks for these, and they are most of an object.
        events.map_ok(|event| event.modify(|monitor| monitor.managed_fields_mut().clear())).boxed()
    });
    let cache = Arc::clone(context);
    merged(events.collect())
        .inspect(move |event| match event {
            Ok(watcher::Event::InitDone) => cache.cache.has_come("bpmonitors"),
            Ok(_) => {}
            Err(error) => tracing::warn!("watching the monitors, to be tried again: {error}"),
        })
        .reflect(writer)
        .filter(|event| ready(event.is_ok()))
        .applied_objects()
        .predicate_filter(what_matters, PredicateConfig::default())
}

/// All of a monitor but its counts, which come and go without anything to do.
#[expect(clippy::unnecessary_wraps, reason = "a predicate may have nothing to say")]
fn what_matters(monitor: &BpMonitor) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    let metadata = &monitor.metadata;
    (metadata.generation, metadata.deletion_timestamp.is_some()).hash(&mut hasher);
    (&metadata.finalizers, &metadata.annotations, &metadata.labels).hash(&mut hasher);
    let status = monitor.status.clone().map(|status| BpMonitorStatus { observations: None, ..status });
    json!(status).to_string().hash(&mut hasher);
    Some(hasher.finish())
}

fn received(triggered: UnboundedReceiver<MonitorRef>) -> impl Stream<Item = MonitorRef> + Send + 'static {
    stream::unfold(triggered, |mut triggered| async {
        let monitor = triggered.recv().await?;
        Some((monitor, triggered))
    })
}

/// After a failure a monitor waits longer each time.
#[expect(clippy::needless_pass_by_value, reason = "the controller gives it so")]
fn error_policy(monitor: Arc<BpMonitor>, error: &Error, context: Arc<Context>) -> Action {
    let reference = monitor_ref(&monitor.namespace().unwrap_or_default(), &monitor.name_any());
    let wait = context.backoff.failed(&reference);
    Action::requeue(finalize::wait(error).map_or(wait, |at_most| wait.min(at_most)))
}

fn note(error: &controller::Error<Error, watcher::Error>) {
    match error {
        // The reconcile has told of these.
        controller::Error::ReconcilerFailed(..) => {}
        controller::Error::ObjectNotFound(monitor) => tracing::debug!(%monitor, "the monitor is gone"),
        other => tracing::debug!("{other}"),
    }
}

/// Notes now and then how many monitors there are.
async fn keep_looking(context: Arc<Context>) {
    let mut every = interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let monitors = context.monitors.state();
        let is_ready = |monitor: &&Arc<BpMonitor>| {
            monitor.status.as_ref().is_some_and(|status| is_true(&status.conditions, "Ready"))
        };
        context.metrics.look(monitors.len(), monitors.iter().filter(is_ready).count());
    }
}
