//! What probes and metrics say of a publisher.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::Condition;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// After which silence a publisher is taken for stuck. It never waits for one answer longer than half a minute.
const STUCK_AFTER: Duration = Duration::from_secs(120);

/// Why a record was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    reason: String,
}

/// What probes and metrics say of a publisher.
#[derive(Debug)]
pub struct Status {
    /// Whether Kafka takes records.
    pub kafka: Condition,
    has_begun: AtomicBool,
    made: Instant,
    /// When it last showed that it is not stuck, in milliseconds since it was made.
    beat: AtomicU64,
    produced: Counter,
    failures: Family<Failure, Counter>,
    queue: Gauge,
    lag: Gauge<f64, AtomicU64>,
    history_done: Gauge,
    history_total: Gauge,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            kafka: Condition::new("kafka"),
            has_begun: AtomicBool::new(false),
            made: Instant::now(),
            beat: AtomicU64::new(0),
            produced: Counter::default(),
            failures: Family::default(),
            queue: Gauge::default(),
            lag: Gauge::default(),
            history_done: Gauge::default(),
            history_total: Gauge::default(),
        }
    }
}

impl Status {
    /// Has the metrics shown under the names `bpmonitor_...`.
    pub fn register(&self, registry: &mut Registry) {
        let Self { produced, failures, queue, lag, history_done, history_total, .. } = self;
        registry.register("bpmonitor_produced", "Records that Kafka acknowledged", produced.clone());
        registry.register(
            "bpmonitor_delivery_failures",
            "Records that Kafka did not take; they are published again",
            failures.clone(),
        );
        registry.register("bpmonitor_producer_queue", "Records not yet acknowledged", queue.clone());
        registry.register(
            "bpmonitor_producer_lag_seconds",
            "How long the next record has been due",
            lag.clone(),
        );
        registry.register(
            "bpmonitor_history_done",
            "Observations of the history published",
            history_done.clone(),
        );
        registry.register(
            "bpmonitor_history_total",
            "Observations of the history in all",
            history_total.clone(),
        );
    }

    /// Whether it is not stuck; else since when it is.
    ///
    /// # Errors
    ///
    /// Since when it is.
    pub fn live(&self) -> Result<(), String> {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        let silence = self.made.elapsed().saturating_sub(beat);
        if silence > STUCK_AFTER { Err(format!("stuck for {} s", silence.as_secs())) } else { Ok(()) }
    }

    /// Shows that it is not stuck.
    pub(crate) fn beat(&self) {
        let now = u64::try_from(self.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(now, Ordering::Relaxed);
    }

    /// Whether records are published, or would be if there were any; else why not.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn ready(&self) -> Result<(), String> {
        match self.kafka.get() {
            Some(failure) => Err(format!("{}: {}: {}", self.kafka.part(), failure.reason, failure.detail)),
            None if self.has_begun.load(Ordering::Relaxed) => Ok(()),
            None => Err("not begun yet".to_owned()),
        }
    }

    /// How many records Kafka acknowledged.
    pub fn produced(&self) -> u64 {
        self.produced.get()
    }

    /// Says that Kafka takes records.
    pub(crate) fn works(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
        self.kafka.recovered();
    }

    pub(crate) fn delivered(&self) {
        self.produced.inc();
    }

    pub(crate) fn failed(&self, reason: String) {
        self.failures.get_or_create(&Failure { reason }).inc();
    }

    pub(crate) fn set_queue(&self, records: u64) {
        self.queue.set(records.cast_signed());
    }

    pub(crate) fn set_lag(&self, lag: Duration) {
        self.lag.set(lag.as_secs_f64());
    }

    pub(crate) fn set_history(&self, done: u64, total: u64) {
        self.history_done.set(done.cast_signed());
        self.history_total.set(total.cast_signed());
    }
}
