//! What the classifier counts, for Prometheus.

use std::time::Duration;

use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::cluster::Condition;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CategoryLabel {
    category: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

/// The classifier's metrics. Clones count the same.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    observations: Family<OutcomeLabel, Counter>,
    readings: Family<CategoryLabel, Counter>,
    rejections: Family<ReasonLabel, Counter>,
    skipped: Family<ReasonLabel, Counter>,
    end_to_end: Histogram,
    batch_entries: Histogram,
    batch_bytes: Histogram,
    lag: Gauge,
    partitions: Gauge,
    failing: Family<PartLabel, Gauge>,
}

impl Metrics {
    /// Registers all of them.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            observations: Family::default(),
            readings: Family::default(),
            rejections: Family::default(),
            skipped: Family::default(),
            // 1 ms to about 9 h: a backlog is as long as the topic keeps it.
            end_to_end: Histogram::new(exponential_buckets(0.001, 2.0, 26)),
            batch_entries: Histogram::new(exponential_buckets(1.0, 4.0, 9)),
            batch_bytes: Histogram::new(exponential_buckets(256.0, 4.0, 11)),
            lag: Gauge::default(),
            partitions: Gauge::default(),
            failing: Family::default(),
        };
        let bpmonitor = registry.sub_registry_with_prefix("bpmonitor");
        bpmonitor.register(
            "observations",
            "Entries of records, by what became of them",
            metrics.observations.clone(),
        );
        bpmonitor.register("readings", "Readings, by category", metrics.readings.clone());
        bpmonitor.register(
            "rejections",
            "Entries that could not be read, by reason",
            metrics.rejections.clone(),
        );
        bpmonitor.register(
            "skipped",
            "Entries that are nothing to be read here, by reason",
            metrics.skipped.clone(),
        );
        bpmonitor.register_with_unit(
            "end_to_end",
            "From when a record was written to Kafka until what it led to is durable and committed",
            Unit::Seconds,
            metrics.end_to_end.clone(),
        );
        bpmonitor.register("batch_entries", "Entries in a batch", metrics.batch_entries.clone());
        bpmonitor.register_with_unit("batch", "Payload of a batch", Unit::Bytes, metrics.batch_bytes.clone());
        bpmonitor.register(
            "lag",
            "Records of this replica's partitions that are not committed yet",
            metrics.lag.clone(),
        );
        bpmonitor.register("partitions", "Partitions that are this replica's", metrics.partitions.clone());
        bpmonitor.register(
            "failing",
            "1 for a part that does not work, 0 for one that does",
            metrics.failing.clone(),
        );
        metrics
    }

    /// Counts a batch.
    pub(crate) fn batch(&self, tally: &Tally, bytes: usize) {
        for (outcome, count) in [
            ("anomaly", tally.anomaly),
            ("normal", tally.normal),
            ("rejected", tally.rejected),
            ("skipped", tally.skipped),
            ("withdrawn", tally.withdrawn),
        ] {
            self.observations.get_or_create(&OutcomeLabel { outcome }).inc_by(count);
        }
        for (category, count) in &tally.categories {
            self.readings.get_or_create(&CategoryLabel { category: category.clone() }).inc_by(*count);
        }
        for (counts, family) in [(&tally.rejections, &self.rejections), (&tally.skips, &self.skipped)] {
            for (reason, count) in counts {
                family.get_or_create(&ReasonLabel { reason: reason.clone() }).inc_by(*count);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a batch is far below 2^52 bytes")]
        {
            self.batch_entries.observe(tally.entries() as f64);
            self.batch_bytes.observe(bytes as f64);
        }
    }

    /// Counts records that are durable now, by when each was written, in milliseconds since 1970.
    pub(crate) fn durable(&self, now: i64, written: &[i64]) {
        for time in written {
            let waited = Duration::from_millis(u64::try_from(now - time).unwrap_or_default());
            self.end_to_end.observe(waited.as_secs_f64());
        }
    }

    /// Notes what is looked at now and then.
    pub(crate) fn look(&self, lag: i64, partitions: usize, conditions: &[Condition]) {
        self.lag.set(lag);
        self.partitions.set(i64::try_from(partitions).unwrap_or(i64::MAX));
        for condition in conditions {
            let failing = self.failing.get_or_create(&PartLabel { part: condition.part() });
            failing.set(i64::from(condition.get().is_some()));
        }
    }
}
