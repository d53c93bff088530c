//! Records sent to Kafka, each followed until it is acknowledged.

use std::time::Duration;

use anyhow::{Result, anyhow};
use bpmonitor_pipeline::cluster::kafka::{KafkaConnection, KafkaTrouble, Listening};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::reader::CLIENT_ID;

/// How long a record may take to be acknowledged.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
/// The largest record that is sent: as large as any topic's, in bytes.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// A record to be sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outgoing<'r> {
    pub(super) topic: &'r str,
    /// Where to; the key decides unless given.
    pub(super) partition: Option<i32>,
    pub(super) key: Option<&'r str>,
    /// None takes back what stands under the key.
    pub(super) payload: Option<&'r [u8]>,
    pub(super) headers: &'r [(&'r str, &'r str)],
}

/// A record that was sent.
pub(super) struct Sent {
    topic: String,
    delivery: DeliveryFuture,
}

/// Sends records.
pub(super) struct Publisher {
    producer: FutureProducer<Listening>,
}

impl Publisher {
    /// Will send to this Kafka.
    pub(super) fn new(connection: &KafkaConnection) -> Result<Self> {
        let mut config = connection.config(CLIENT_ID)?;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("message.timeout.ms", ACKNOWLEDGED_WITHIN.as_millis().to_string())
            .set("message.max.bytes", MAX_RECORD_BYTES.to_string())
            .set("queue.buffering.max.kbytes", "131072");
        Ok(Self { producer: config.create_with_context(Listening::default())? })
    }

    /// Sends a record; waits while there is no room.
    pub(super) async fn send(&self, record: Outgoing<'_>) -> Result<Sent> {
        loop {
            match self.producer.send_result(native(record)) {
                Ok(delivery) => return Ok(Sent { topic: record.topic.to_owned(), delivery }),
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => return Err(refusal(record.topic, &error)),
            }
        }
    }

    /// Sends a record and waits until it is acknowledged; where it lies: partition and offset.
    pub(super) async fn deliver(&self, record: Outgoing<'_>) -> Result<(i32, i64)> {
        self.send(record).await?.acknowledged().await
    }
}

impl Sent {
    /// Waits until it is acknowledged; where it lies: partition and offset.
    pub(super) async fn acknowledged(self) -> Result<(i32, i64)> {
        match self.delivery.await {
            Ok(Ok(delivery)) => Ok((delivery.partition, delivery.offset)),
            Ok(Err((error, _))) => Err(refusal(&self.topic, &error)),
            Err(_) => Err(refusal(&self.topic, &KafkaError::Canceled)),
        }
    }
}

fn native(record: Outgoing<'_>) -> FutureRecord<'_, str, [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in record.headers {
        headers = headers.insert(Header { key, value: Some(*value) });
    }
    FutureRecord {
        topic: record.topic,
        partition: record.partition,
        payload: record.payload,
        key: record.key,
        timestamp: None,
        headers: Some(headers),
    }
}

/// What to do where Kafka does not take a record.
fn refusal(topic: &str, error: &KafkaError) -> anyhow::Error {
    let trouble = KafkaTrouble::of(error);
    if trouble.is_forbidden() {
        return anyhow!("this Kafka user may not write to the topic {topic}: grant it Write and Describe");
    }
    match trouble.code {
        Some(RDKafkaErrorCode::MessageTimedOut) => {
            anyhow!(
                "Kafka did not acknowledge a record for the topic {topic} within {ACKNOWLEDGED_WITHIN:?}: is it in good health?"
            )
        }
        Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
            anyhow!("a record is larger than the topic {topic} takes: raise its max.message.bytes")
        }
        _ => anyhow::Error::new(trouble).context(format!("writing to the topic {topic}")),
    }
}
