//! The dead letters' topic: each Rejection as a record with the original, its reason and its origin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, ProducerContext};
use rdkafka::{ClientContext, Statistics};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::{KafkaConnection, KafkaSetupError, failure};
use crate::cluster::Condition;
use crate::{DeadLetter, DeadLetters, PortError};

/// The largest record that a topic of ours takes, in bytes.
const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;
/// How much of an original stays that makes its letter too large, in bytes.
const KEPT_OF_TOO_LARGE: usize = 64 * 1024;
/// How many letters are under way at once at most, and how many bytes of originals unless one has more: librdkafka copies each, with
/// its headers.
const LETTERS_AT_ONCE: usize = 2_000;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// How long to wait before a letter is sent again.
const RETRY: Duration = Duration::from_millis(500);

/// For how long librdkafka's events are waited for at a time. The client spins through the last millisecond of each time, so often is
/// dear.
const SERVE: Duration = Duration::from_millis(500);

/// The headers of a dead letter. Values are text.
#[derive(Clone, Copy, Debug)]
pub struct LetterHeaders;

impl LetterHeaders {
    /// Why it could not be read: the code of a `RejectionReason`.
    pub const REASON: &str = "bpmonitor-reason";
    /// The topic that it was read from.
    pub const TOPIC: &str = "bpmonitor-topic";
    /// Its partition.
    pub const PARTITION: &str = "bpmonitor-partition";
    /// The record's offset.
    pub const OFFSET: &str = "bpmonitor-offset";
    /// Where in the record it begins, in bytes.
    pub const START: &str = "bpmonitor-start";
    /// Which entry of a Bundle it is; missing where it is none.
    pub const ENTRY: &str = "bpmonitor-entry";
    /// When the record was written, as in RFC 3339. What is replayed has it too.
    pub const TIME: &str = "bpmonitor-time";
    /// How many bytes the original had; missing where all of them are kept.
    pub const CUT_FROM: &str = "bpmonitor-cut-from";
}

/// Serves librdkafka's callbacks.
#[derive(Debug)]
struct Context {
    condition: Condition,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        failure::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some((code, advice)) = failure::of_client(&error, reason) {
            failure::tell(&self.condition, code, advice);
        }
    }

    /// Without letters to be written, only this says that Kafka is back.
    fn stats(&self, statistics: Statistics) {
        failure::look(&self.condition, &statistics);
    }
}

/// What became of a letter; nothing comes where the client ended before.
type Delivery = oneshot::Receiver<Result<(), KafkaError>>;

/// A client and the thread that serves its events; ends both when it is dropped.
struct Producer {
    client: Arc<BaseProducer<Context>>,
    is_left: Arc<AtomicBool>,
    server: JoinHandle<()>,
}

impl Producer {
    fn start(config: &ClientConfig, condition: &Condition) -> Result<Self, KafkaSetupError> {
        let client: BaseProducer<_> = config.create_with_context(Context { condition: condition.clone() })?;
        let client = Arc::new(client);
        let is_left = Arc::new(AtomicBool::new(false));
        let (served, ends) = (Arc::clone(&client), Arc::clone(&is_left));
        let serve = move || {
            while !ends.load(Ordering::Relaxed) {
                served.poll(SERVE);
            }
        };
        let server = thread::Builder::new().name("dead-letters".to_owned()).spawn(serve)?;
        Ok(Self { client, is_left, server })
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.is_left.store(true, Ordering::Relaxed);
        // Or the process would end under the thread's hands. Not for long: where the clock was set back, librdkafka waits until it is what
        // it was.
        let begun = Instant::now();
        while !self.server.is_finished() && begun.elapsed() < 2 * SERVE {
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<oneshot::Sender<Result<(), KafkaError>>>;

    fn delivery(&self, delivered: &DeliveryResult<'_>, sender: Self::DeliveryOpaque) {
        let delivered = delivered.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        // Nobody waits for it any more once the pipeline has ended.
        let _ = sender.send(delivered);
    }
}

/// A client that will never write again, such as one that was refused its producer's id.
struct Fatal;

/// Writes dead letters to a topic.
pub struct DeadLetterTopic {
    config: ClientConfig,
    producer: Producer,
    topic: String,
    condition: Condition,
}

impl std::fmt::Debug for DeadLetterTopic {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DeadLetterTopic").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl DeadLetterTopic {
    /// Will write to this topic. Kafka need not be there yet.
    ///
    /// # Errors
    ///
    /// The settings contradict themselves, or a secret or certificate cannot be read.
    pub fn new(connection: &KafkaConnection, topic: &str) -> Result<Self, KafkaSetupError> {
        let condition = Condition::new("dead-letters");
        let mut config = connection.config("bpmonitor-classifier-rejected")?;
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // Without a limit: a letter waits for Kafka as long as it takes, and the condition says so.
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", MAX_RECORD_BYTES.to_string())
            .set("queue.buffering.max.kbytes", "65536")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("statistics.interval.ms", "2000")
            .set("compression.type", "lz4")
            .set("linger.ms", "0");
        let producer = Producer::start(&config, &condition)?;
        Ok(Self { config, producer, topic: topic.to_owned(), condition })
    }

    /// Whether letters can be written.
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Sends a letter; what comes back is when it is acknowledged. Waits while librdkafka's queue is full.
    async fn send(&self, letter: &DeadLetter, kept: usize) -> Result<Delivery, KafkaError> {
        let key = key(letter);
        loop {
            let (sender, delivery) = oneshot::channel();
            let record = BaseRecord::with_opaque_to(&self.topic, Box::new(sender))
                .key(&key)
                .payload(&letter.original[..kept])
                .headers(headers(letter, kept));
            match self.producer.client.send(record) {
                Ok(()) => return Ok(delivery),
                Err((error, _)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) => {
                    sleep(Duration::from_millis(5)).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Writes letters until each is acknowledged; gives those that are left when the client will write no more. One of them may be
    /// there already: its repeat is known by its key.
    async fn write_all<'l>(&self, letters: &'l [DeadLetter]) -> &'l [DeadLetter] {
        let mut sent = Vec::with_capacity(letters.len());
        for letter in letters {
            sent.push(self.send(letter, letter.original.len()).await);
        }
        for (number, (letter, delivery)) in letters.iter().zip(sent).enumerate() {
            if let Err(Fatal) = self.deliver(letter, delivery).await {
                return &letters[number..];
            }
        }
        &[]
    }

    /// Makes a new client in the place of one that will write no more.
    async fn renew(&mut self) {
        loop {
            self.failing(None);
            sleep(RETRY).await;
            if let Ok(producer) = Producer::start(&self.config, &self.condition) {
                self.producer = producer;
                return;
            }
        }
    }

    fn failing(&self, code: Option<RDKafkaErrorCode>) {
        let (reason, advice) = code
            .and_then(failure::of_code)
            .unwrap_or(("DeadLettersFailed", "a dead letter could not be written"));
        self.condition.failing(reason, format!("{advice} ({})", self.topic));
    }

    /// Writes a letter until it is acknowledged.
    async fn deliver(&self, letter: &DeadLetter, first: Result<Delivery, KafkaError>) -> Result<(), Fatal> {
        let mut kept = letter.original.len();
        let mut sent = first;
        loop {
            let error = match sent {
                Err(error) => error,
                Ok(delivery) => match delivery.await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(error)) => error,
                    Err(_) => KafkaError::Canceled,
                },
            };
            let code = error.rdkafka_error_code();
            if code == Some(RDKafkaErrorCode::MessageSizeTooLarge) && kept > KEPT_OF_TOO_LARGE {
                kept = KEPT_OF_TOO_LARGE;
            } else if code == Some(RDKafkaErrorCode::Fatal) {
                return Err(Fatal);
            } else {
                self.failing(code);
                sleep(RETRY).await;
            }
            sent = self.send(letter, kept).await;
        }
    }
}

impl DeadLetters for DeadLetterTopic {
    async fn write(&mut self, letters: &[DeadLetter]) -> Result<(), PortError> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut left = letters;
        while !left.is_empty() {
            let some = at_once(left);
            let unwritten = self.write_all(&left[..some]).await.len();
            if unwritten > 0 {
                self.renew().await;
            }
            left = &left[some - unwritten..];
        }
        self.condition.recovered();
        Ok(())
    }
}

/// How many of these letters may be under way at once: at least one.
fn at_once(letters: &[DeadLetter]) -> usize {
    let mut bytes = 0;
    let fits = |letter: &&DeadLetter| {
        bytes += letter.original.len();
        bytes <= BYTES_AT_ONCE
    };
    letters.iter().take(LETTERS_AT_ONCE).take_while(fits).count().max(1)
}

/// By which a repeat of a letter is recognised.
fn key(letter: &DeadLetter) -> String {
    let crate::Origin { topic, partition, offset, .. } = &letter.origin;
    match letter.entry {
        Some(entry) => format!("{topic}/{partition}/{offset}/{}/{entry}", letter.start),
        None => format!("{topic}/{partition}/{offset}/{}", letter.start),
    }
}

fn headers(letter: &DeadLetter, kept: usize) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    let mut add = |key, value: &str| {
        headers =
            std::mem::replace(&mut headers, OwnedHeaders::new()).insert(Header { key, value: Some(value) });
    };
    add(LetterHeaders::REASON, letter.reason.code());
    add(LetterHeaders::TOPIC, &letter.origin.topic);
    add(LetterHeaders::PARTITION, &letter.origin.partition.to_string());
    add(LetterHeaders::OFFSET, &letter.origin.offset.to_string());
    add(LetterHeaders::START, &letter.start.to_string());
    add(LetterHeaders::TIME, &letter.time.to_string());
    if let Some(entry) = letter.entry {
        add(LetterHeaders::ENTRY, &entry.to_string());
    }
    if kept < letter.original.len() {
        add(LetterHeaders::CUT_FROM, &letter.original.len().to_string());
    }
    headers
}
