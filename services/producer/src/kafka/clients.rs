//! The clients: their settings, and what they tell.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bpmonitor_pipeline::cluster::SecretError;
use rdkafka::client::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};
use rdkafka::{ClientConfig, Message};

use super::ledger::{Failure, Ledger};
use super::trouble::{self, Trouble};
use crate::{PublishError, Status, Target};

/// Under which name brokers log the clients.
pub(super) const CLIENT_ID: &str = "bpmonitor-producer";
/// The largest record that Kafka is asked to take, unless the topic takes larger ones.
pub(super) const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;
/// What waits to be delivered, unless a single record is larger.
const QUEUE_KBYTES: usize = 32 * 1024;

/// The opaque of records that are in no lot.
pub(super) const NO_LOT: usize = usize::MAX;

/// What a client tells that asks or reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) trouble: Trouble,
}

impl ClientContext for Reading {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        trouble::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // No consumer group is used, and the rights to one are not needed.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::GroupAuthorizationFailed) {
            self.trouble.tell(&error, reason);
        }
    }
}

impl ConsumerContext for Reading {}

impl ProducerContext for Reading {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, (): ()) {}
}

/// What a writing client tells.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    pub(super) trouble: Trouble,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    status: Arc<Status>,
}

impl Writing {
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Writing {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        trouble::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.trouble.tell(&error, reason);
    }
}

impl ProducerContext for Writing {
    /// The number of the record's lot.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, lot: usize) {
        match result {
            Ok(_) if lot == NO_LOT => {}
            Ok(message) => {
                self.status.delivered();
                self.ledger().delivered(lot, message.partition(), message.offset());
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code();
                self.status.failed(code.map_or_else(|| "Other".to_owned(), |code| format!("{code:?}")));
                let is_too_large = code == Some(RDKafkaErrorCode::MessageSizeTooLarge);
                self.ledger().failed(Failure { is_too_large, reason: error.to_string() });
            }
        }
    }
}

impl Target {
    fn config(&self) -> Result<ClientConfig, PublishError> {
        let config = self.connection.config(CLIENT_ID);
        config.map_err(|error: SecretError| PublishError::BadUsage(format!("{error}: {}", error.source)))
    }

    /// A client that only asks: about topics, and where they end.
    pub(super) fn asker(&self, context: Reading) -> Result<BaseProducer<Reading>, PublishError> {
        BaseProducer::from_config_and_context(&self.config()?, context).map_err(|error| mistaken(&error))
    }

    /// A client that reads. It belongs to no group: it reads from where it is told to. Yet it asks for its group's coordinator twice a
    /// second, which the broker refuses and notes: so it had better not be kept.
    pub(super) fn reader(&self, context: Reading) -> Result<BaseConsumer<Reading>, PublishError> {
        let mut config = self.config()?;
        config
            .set("group.id", CLIENT_ID)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            // A foreign publisher's open transaction must not hold up the way to the end.
            .set("isolation.level", "read_uncommitted")
            .set("queued.max.messages.kbytes", "16384");
        BaseConsumer::from_config_and_context(&config, context).map_err(|error| mistaken(&error))
    }

    /// A client that writes: in order, each record once, and for as long as it takes.
    pub(super) fn writer(
        &self,
        linger: Duration,
        most_bytes: usize,
        status: Arc<Status>,
    ) -> Result<BaseProducer<Writing>, PublishError> {
        let most = most_bytes.max(MAX_MESSAGE_BYTES);
        let queue = QUEUE_KBYTES.max(most.div_ceil(1024) * 2);
        let mut config = self.config()?;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", linger.as_millis().to_string())
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", most.min(1_000_000_000).to_string())
            .set("queue.buffering.max.kbytes", queue.to_string());
        let context =
            Writing { trouble: Trouble::default(), ledger: Arc::new(Mutex::new(Ledger::new())), status };
        BaseProducer::from_config_and_context(&config, context).map_err(|error| mistaken(&error))
    }
}

/// Settings that no client can be made of, such as a certificate that cannot be read.
fn mistaken(error: &KafkaError) -> PublishError {
    PublishError::Refused(format!(
        "no Kafka client can be made of these settings: {error}: check the certificates and the key that were given"
    ))
}
