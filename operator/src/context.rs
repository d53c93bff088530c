//! What all reconciles share.

use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use kube::Client;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::Store;
use tokio::sync::mpsc::UnboundedSender;

use crate::backoff::Backoff;
use crate::cache::Cache;
use crate::elasticsearch::{Checks, Connections};
use crate::groups::Groups;
use crate::kibana;
use crate::kinds::{MonitorRef, monitor_ref};
use crate::labels::MANAGER;
use crate::metrics::Metrics;
use crate::model::Images;
use crate::sources::Sources;

/// What the operator was told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespaces that it sees to; all where none is given.
    pub namespaces: Vec<String>,
    /// The workloads' images.
    pub images: Images,
    /// How often everything is looked at, changed or not.
    pub resync: Duration,
    /// How many monitors are reconciled at the same time.
    pub concurrency: u16,
    /// How often counts are read.
    pub count_every: Duration,
    /// How long it is tried to remove what a monitor that goes would leave behind; five times as long where its data is to go.
    pub patience: Duration,
}

/// What all reconciles share.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// Writes events.
    pub recorder: Recorder,
    /// Counts.
    pub metrics: Metrics,
    /// What the operator was told.
    pub settings: Settings,
    /// All monitors.
    pub monitors: Store<BpMonitor>,
    /// What is known of the cluster.
    pub cache: Cache,
    /// Who refers to what.
    pub sources: Sources,
    /// Who failed how often.
    pub backoff: Backoff,
    /// Clients for Elasticsearch.
    pub elasticsearch: Connections,
    /// What was found right in Elasticsearch.
    pub checks: Checks,
    /// What was found right in Kibana.
    pub kibana: kibana::Checks,
    /// The consumer groups of classifiers.
    pub groups: Groups,
    triggers: UnboundedSender<MonitorRef>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Context {
    /// Of nothing known yet. What is sent to `triggers` is reconciled.
    pub fn new(
        client: Client,
        settings: Settings,
        metrics: Metrics,
        monitors: Store<BpMonitor>,
        triggers: UnboundedSender<MonitorRef>,
    ) -> Self {
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: std::env::var("HOSTNAME").ok() };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            metrics,
            settings,
            monitors,
            cache: Cache::default(),
            sources: Sources::default(),
            backoff: Backoff::default(),
            elasticsearch: Connections::default(),
            checks: Checks::default(),
            kibana: kibana::Checks::default(),
            groups: Groups::default(),
            triggers,
        }
    }

    /// Has a monitor reconciled.
    pub fn trigger(&self, monitor: MonitorRef) {
        // Nobody listens any more only where the operator is ending.
        let _ = self.triggers.send(monitor);
    }

    /// Has all monitors reconciled.
    pub fn trigger_all(&self) {
        for monitor in self.monitors.state() {
            let namespace = monitor.metadata.namespace.as_deref().unwrap_or_default();
            self.trigger(monitor_ref(namespace, monitor.metadata.name.as_deref().unwrap_or_default()));
        }
    }

    /// Forgets a monitor that is gone.
    pub fn forget(&self, monitor: &MonitorRef) {
        self.sources.forget(monitor);
        self.backoff.succeeded(monitor);
        self.checks.forget(monitor);
        self.kibana.forget(monitor);
        self.groups.forget(monitor);
        self.cache.forget_applied(monitor);
    }
}
