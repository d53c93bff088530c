//! What was sent to Elasticsearch, for Prometheus.

use std::fmt;
use std::sync::Arc;

use bpmonitor_pipeline::cluster::elasticsearch::BulkStatistics;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

/// Shows the counters of a store.
#[derive(Debug)]
pub(crate) struct Bulks(pub(crate) Arc<BulkStatistics>);

impl Collector for Bulks {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(sent) = self;
        for (name, help, count) in [
            ("bpmonitor_bulk_requests", "Bulks sent to Elasticsearch, repeated ones too", sent.bulks()),
            ("bpmonitor_bulk_sent_bytes", "Bytes of these bulks", sent.bytes()),
            ("bpmonitor_bulk_documents", "Documents written to Elasticsearch", sent.documents()),
            (
                "bpmonitor_bulk_superseded",
                "Documents not written: a newer version is there",
                sent.superseded(),
            ),
            ("bpmonitor_bulk_refused", "Documents refused for what they say", sent.refused()),
        ] {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(metric)?;
        }
        let help = "Bulks sent again, whole or in part, by reason";
        let mut retries =
            encoder.encode_descriptor("bpmonitor_bulk_retries", help, None, MetricType::Counter)?;
        for (reason, count) in sent.retries() {
            ConstCounter::new(count).encode(retries.encode_family(&[("reason", reason)])?)?;
        }
        Ok(())
    }
}
