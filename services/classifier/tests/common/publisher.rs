//! A producer that loses and doubles nothing, whatever happens to the broker: idempotent, and every delivery is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use super::kafka::Kafka;
use super::mixture::Sent;

#[derive(Debug, Default)]
struct Deliveries {
    delivered: AtomicU64,
    failed: AtomicU64,
}

struct Context(Arc<Deliveries>);

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let count = if result.is_ok() { &self.0.delivered } else { &self.0.failed };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Publishes to one topic.
pub(crate) struct Publisher {
    producer: ThreadedProducer<Context>,
    topic: String,
    deliveries: Arc<Deliveries>,
    sent: u64,
}

impl Publisher {
    pub(crate) fn new(kafka: &Kafka, topic: &str) -> Self {
        let deliveries = Arc::<Deliveries>::default();
        let mut config = kafka.config();
        config.set("enable.idempotence", "true").set("acks", "all").set("message.timeout.ms", "0");
        config.set("message.max.bytes", "33554432").set("queue.buffering.max.kbytes", "131072");
        config.set("linger.ms", "5").set("partitioner", "murmur2_random").set("compression.type", "lz4");
        // A broker that is killed while it is asked has an answer of its own for what was sent before.
        config.set("retry.backoff.ms", "50").set("retries", "2147483647");
        let producer = config.create_with_context(Context(Arc::clone(&deliveries))).unwrap();
        Self { producer, topic: topic.to_owned(), deliveries, sent: 0 }
    }

    /// Sends one; waits while there is no room.
    pub(crate) fn send(&mut self, sent: &Sent) {
        let mut record = BaseRecord::<Vec<u8>, Vec<u8>>::to(&self.topic);
        record = if let Some(key) = &sent.key { record.key(key) } else { record };
        record = if let Some(payload) = &sent.payload { record.payload(payload) } else { record };
        record = if let Some(time) = sent.time { record.timestamp(time) } else { record };
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => {
                    record = refused;
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                Err((error, _)) => panic!("publishing: {error}"),
            }
        }
        self.sent += 1;
    }

    pub(crate) fn send_all(&mut self, all: &[Sent]) {
        for sent in all {
            self.send(sent);
        }
    }

    /// Waits until all of them are acknowledged; how many that are.
    pub(crate) fn finish(self) -> u64 {
        self.producer.flush(Duration::from_secs(120)).unwrap();
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!(count(&self.deliveries.failed), 0, "deliveries failed");
        assert_eq!(count(&self.deliveries.delivered), self.sent, "deliveries");
        self.sent
    }
}
