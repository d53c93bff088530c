//! What the operator counts, for Prometheus.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

/// The operator's metrics. Clones count the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<ResultLabel, Counter>,
    seconds: Histogram,
    applied: Family<KindLabel, Counter>,
    statuses: Counter,
    monitors: Gauge,
    ready: Gauge,
    leads: Gauge,
}

impl Metrics {
    /// Registers all of them.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciles: Family::default(),
            seconds: Histogram::new(exponential_buckets(0.005, 2.0, 15)),
            applied: Family::default(),
            statuses: Counter::default(),
            monitors: Gauge::default(),
            ready: Gauge::default(),
            leads: Gauge::default(),
        };
        let operator = registry.sub_registry_with_prefix("bpmonitor_operator");
        operator.register(
            "reconciles",
            "Reconciles, by result: ready, not-ready, removed, or what failed",
            metrics.reconciles.clone(),
        );
        operator.register_with_unit(
            "reconcile",
            "How long a reconcile takes",
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        operator.register("applied", "Objects sent to the API server, by kind", metrics.applied.clone());
        operator.register("statuses", "Statuses written", metrics.statuses.clone());
        operator.register("monitors", "Monitors", metrics.monitors.clone());
        operator.register("monitors_ready", "Monitors that are ready", metrics.ready.clone());
        operator.register("leads", "1 for the replica that does the work, else 0", metrics.leads.clone());
        metrics
    }

    /// Counts a reconcile.
    pub fn reconciled(&self, result: &'static str, took: Duration) {
        self.reconciles.get_or_create(&ResultLabel { result }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts an object that was sent.
    pub fn applied(&self, kind: &str) {
        self.applied.get_or_create(&KindLabel { kind: kind.to_owned() }).inc();
    }

    /// Counts a status that was written.
    pub fn status_written(&self) {
        self.statuses.inc();
    }

    /// Notes how many monitors there are, and how many of them are ready.
    pub fn look(&self, monitors: usize, ready: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.monitors.set(number(monitors));
        self.ready.set(number(ready));
    }

    /// Notes whether this replica does the work.
    pub fn lead(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }
}
