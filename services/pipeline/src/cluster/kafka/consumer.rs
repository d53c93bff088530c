//! The consumer: a member of the group that reads on a thread of its own, hands partitions over cleanly, and pauses rather than loses.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Statistics, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::committer::Committer;
use super::intake::{Epoch, Intake};
use super::record::message;
use super::source::KafkaSource;
use super::{KafkaConnection, KafkaSetupError, failure};
use crate::Message;
use crate::cluster::archive::ArchiveStore;
use crate::cluster::{Condition, SecretError};

/// The most records handed over at once.
const CHUNK_RECORDS: usize = 2048;
/// The most bytes handed over at once.
const CHUNK_BYTES: usize = 1024 * 1024;
/// How long to wait for a record before looking whether to stop.
const POLL: Duration = Duration::from_millis(100);
/// How far apart records are handed over while fewer than a chunk are there: what one fetch brings comes in pieces, one a partition.
const PACE: Duration = Duration::from_millis(1);
/// How long to wait for room before pausing. Pausing throws away what was fetched ahead, so short waits had better be waited out.
const PAUSE_AFTER: Duration = Duration::from_secs(2);
/// How long partitions that are taken away are waited for.
const HAND_OVER: Duration = Duration::from_secs(15);

/// What a member reads, and as which group.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// After which silence the group takes this member for dead.
    pub session_timeout: Duration,
}

/// Serves librdkafka's callbacks.
#[derive(Debug)]
pub(super) struct Context {
    intake: Arc<Intake>,
    condition: Condition,
    lag: Arc<AtomicI64>,
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

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let lag = partitions.map(|partition| partition.consumer_lag.max(0)).sum();
        self.lag.store(lag, Ordering::Relaxed);
        failure::look(&self.condition, &statistics);
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                let partitions = numbers(partitions);
                tracing::info!(?partitions, "partitions are assigned");
                self.condition.recovered();
                self.intake.assign(partitions);
            }
            Rebalance::Revoke(partitions) => {
                let numbers = numbers(partitions);
                // Whoever has them by now has begun at the last commit: there is nothing left to wait for.
                let limit = if consumer.assignment_lost() { Duration::ZERO } else { HAND_OVER };
                let is_clean = self.intake.revoke(&numbers, limit);
                // librdkafka remembers beyond an assignment that a partition was paused: it would stay so once it comes back.
                if let Err(error) = consumer.resume(partitions) {
                    tracing::warn!(%error, "resuming partitions that are handed over");
                }
                tracing::info!(partitions = ?numbers, is_clean, "partitions are handed over");
            }
            Rebalance::Error(error) => tracing::warn!(%error, "the group could not share out partitions"),
        }
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<i32> {
    partitions.elements().iter().map(TopicPartitionListElem::partition).collect()
}

/// A member of the group, reading until it leaves.
pub struct Consumer {
    client: Arc<Client>,
    topic: Arc<str>,
    intake: Arc<Intake>,
    condition: Condition,
    lag: Arc<AtomicI64>,
    leave: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Consumer").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// The client of a member.
pub(super) type Client = BaseConsumer<Context>;

impl Consumer {
    /// Joins the group and begins to read. Kafka need not be there yet: it is waited for, and the condition says so.
    ///
    /// # Errors
    ///
    /// The settings contradict themselves, or a secret or certificate cannot be read.
    pub fn start(connection: &KafkaConnection, subscription: &Subscription) -> Result<Self, KafkaSetupError> {
        let condition = Condition::new("kafka");
        let (intake, lag) = (Arc::new(Intake::default()), Arc::new(AtomicI64::new(0)));
        let context =
            Context { intake: Arc::clone(&intake), condition: condition.clone(), lag: Arc::clone(&lag) };
        let client: Client = config(connection, subscription)?.create_with_context(context)?;
        client.subscribe(&[&subscription.topic])?;
        let topic: Arc<str> = Arc::from(subscription.topic.as_str());
        let consumer = Self {
            client: Arc::new(client),
            topic,
            intake,
            condition,
            lag,
            leave: CancellationToken::new(),
            thread: Mutex::default(),
        };
        let thread = consumer.reader().spawn()?;
        *consumer.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(consumer)
    }

    fn reader(&self) -> Reader {
        Reader {
            client: Arc::clone(&self.client),
            topic: Arc::clone(&self.topic),
            intake: Arc::clone(&self.intake),
            condition: self.condition.clone(),
            leave: self.leave.clone(),
            paused_at: None,
            handed_over: None,
        }
    }

    /// What it reads.
    pub fn source(&self) -> KafkaSource {
        KafkaSource::new(Arc::clone(&self.intake))
    }

    /// What commits what was read, once it is durable.
    pub fn committer(
        &self,
        archive: ArchiveStore,
        durable: impl Fn(&[i64]) + Send + Sync + 'static,
    ) -> Committer {
        let (client, intake) = (Arc::clone(&self.client), Arc::clone(&self.intake));
        Committer::new(client, Arc::clone(&self.topic), intake, archive, Box::new(durable))
    }

    /// Whether Kafka can be read.
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// How many records of its partitions are not committed yet, as of some seconds ago.
    pub fn lag(&self) -> i64 {
        self.lag.load(Ordering::Relaxed)
    }

    /// How many partitions are this member's.
    pub fn partitions(&self) -> usize {
        self.intake.owned()
    }

    /// Whether it is, or was, a member of the group.
    pub fn has_joined(&self) -> bool {
        self.intake.has_joined()
    }

    /// How long ago the reading thread was last seen.
    pub fn since_last_poll(&self) -> Option<Duration> {
        self.intake.since_last_poll()
    }

    /// Stops reading and leaves the group. What is not committed by then is read again by whoever gets the partitions.
    pub fn leave(&self) {
        self.leave.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that reads Kafka panicked");
        }
    }
}

fn config(connection: &KafkaConnection, subscription: &Subscription) -> Result<ClientConfig, SecretError> {
    let mut config = connection.config("bpmonitor-classifier")?;
    let session = subscription.session_timeout.as_millis();
    config
        .set("group.id", &subscription.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", session.to_string())
        .set("heartbeat.interval.ms", (session / 4).clamp(100, 3000).to_string())
        .set("check.crcs", "true")
        // More is asked for once what came is taken out, which is looked at every few milliseconds: what waits here is bounded by one
        // fetch; and readings that trickle in come a few at a time. Each fetch and each bulk costs as much as dozens of documents.
        .set("queued.min.messages", "1")
        .set("fetch.queue.backoff.ms", "6")
        // A partition may have been left out of a fetch: so long it is asked for without the others at most.
        .set("fetch.wait.max.ms", "100")
        // At once, of all partitions and of each. This bounds what is sent, which may be packed to a twentieth and is unpacked as it comes:
        // each MB of it may be 20 MB of memory. A record that is larger comes all the same.
        .set("fetch.max.bytes", "2097152")
        .set("fetch.message.max.bytes", "1048576")
        .set("fetch.error.backoff.ms", "100")
        // A topic that is made later, or anew, is seen soon.
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("statistics.interval.ms", "2000");
    Ok(config)
}

/// Records that were read.
struct Polled {
    records: Vec<Message>,
    /// Whether no more were there.
    is_all: bool,
}

/// The thread that reads.
struct Reader {
    client: Arc<Client>,
    topic: Arc<str>,
    intake: Arc<Intake>,
    condition: Condition,
    leave: CancellationToken,
    /// The newest assignment when all were paused; none while they are not.
    paused_at: Option<Epoch>,
    /// When records were last handed over.
    handed_over: Option<Instant>,
}

impl Reader {
    fn spawn(mut self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("kafka-reader".to_owned()).spawn(move || {
            while !self.leave.is_cancelled() {
                self.read();
            }
            self.close();
        })
    }

    /// Reads what is there, or waits a little. Polls also while there is no room: the group must see that this member lives.
    fn read(&mut self) {
        if !self.intake.wait_for_room(PAUSE_AFTER) {
            self.pause();
            self.intake.put(self.poll(POLL).records);
            return;
        }
        self.resume();
        self.pace();
        let Polled { records, is_all } = self.poll(POLL);
        if records.is_empty() {
            return;
        }
        self.condition.recovered();
        self.intake.put(records);
        self.handed_over = is_all.then(Instant::now);
    }

    /// Lets a few records come together.
    fn pace(&mut self) {
        if let Some(handed_over) = self.handed_over.take() {
            thread::sleep(PACE.saturating_sub(handed_over.elapsed()));
        }
    }

    fn poll(&self, wait: Duration) -> Polled {
        let (mut records, mut bytes, mut wait) = (Vec::new(), 0, wait);
        while records.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            match self.client.poll(wait) {
                None => return Polled { records, is_all: true },
                Some(Ok(record)) => {
                    bytes += record.payload_len();
                    records.push(message(&record, &self.topic));
                }
                Some(Err(error)) => self.failed(&error),
            }
            wait = Duration::ZERO;
        }
        Polled { records, is_all: false }
    }

    fn failed(&self, error: &KafkaError) {
        let code = error.rdkafka_error_code();
        if code == Some(RDKafkaErrorCode::BrokerTransportFailure) {
            // Of each partition, again and again, and the client says it once more itself.
            return;
        }
        if let Some((code, advice)) = code.and_then(failure::of_code) {
            failure::tell(&self.condition, code, advice);
        } else {
            tracing::warn!(%error, "reading Kafka");
        }
    }

    /// Pauses all partitions; those that are assigned meanwhile too.
    fn pause(&mut self) {
        let newest = self.intake.newest();
        if self.paused_at == Some(newest) {
            return;
        }
        match self.client.assignment().and_then(|partitions| self.client.pause(&partitions)) {
            Ok(()) if self.paused_at.replace(newest).is_none() => {
                tracing::info!("the sinks cannot keep up: reading is paused");
            }
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "pausing"),
        }
    }

    fn resume(&mut self) {
        if self.paused_at.is_none() {
            return;
        }
        match self.client.assignment().and_then(|partitions| self.client.resume(&partitions)) {
            Ok(()) => {
                self.paused_at = None;
                tracing::info!("there is room again: reading goes on");
            }
            Err(error) => tracing::warn!(%error, "resuming"),
        }
    }

    fn close(&self) {
        self.intake.close();
        if let Err(error) = self.client.close_queue() {
            tracing::warn!(%error, "leaving the group");
            return;
        }
        while !self.client.closed() {
            // Records that still come are read again by the partitions' next owner.
            drop(self.poll(POLL));
        }
    }
}
