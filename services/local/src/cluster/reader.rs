//! Topics read without a group: from where it is told to, up to their ends, or on and on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bpmonitor_pipeline::cluster::Condition;
use bpmonitor_pipeline::cluster::kafka::{KafkaConnection, KafkaTrouble, Listening};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Message as _, Offset, TopicPartitionList};

/// As what brokers know the commands.
pub(super) const CLIENT_ID: &str = "bpmonitor";
/// How long Kafka may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long reading may bring nothing before the end is reached.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for a record at a time.
const POLL: Duration = Duration::from_millis(200);

/// For each partition, where it begins and where it ends.
pub(super) type Bounds = BTreeMap<i32, (i64, i64)>;

/// Reads topics.
pub(super) struct Reader {
    consumer: BaseConsumer<Listening>,
}

impl Reader {
    /// Connects to Kafka.
    pub(super) fn connect(connection: &KafkaConnection) -> Result<Self> {
        let reader = Self::of_group(connection, CLIENT_ID)?;
        reader.consumer.context().reach(&reader.consumer, ANSWERS_WITHIN)?;
        Ok(reader)
    }

    /// A reader that may ask what this group has committed. It never joins it.
    pub(super) fn of_group(connection: &KafkaConnection, group: &str) -> Result<Self> {
        let mut config = connection.config(CLIENT_ID)?;
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "16384");
        let consumer = config.create_with_context(Listening::default());
        let consumer = consumer.context(
            "the settings for Kafka cannot be used: are certificate, key and CA in PEM, and do they belong together?",
        )?;
        Ok(Self { consumer })
    }

    pub(super) const fn consumer(&self) -> &BaseConsumer<Listening> {
        &self.consumer
    }

    /// What a request failed with.
    pub(super) fn explain(&self, error: &KafkaError) -> KafkaTrouble {
        self.consumer.context().explain(&self.consumer, error)
    }

    /// Where each partition of a topic begins and ends.
    pub(super) fn bounds(&self, topic: &str) -> Result<Bounds> {
        self.partitions(topic)?
            .into_iter()
            .map(|partition| Ok((partition, self.watermarks(topic, partition)?)))
            .collect()
    }

    fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64), KafkaTrouble> {
        let bounds = self.consumer.fetch_watermarks(topic, partition, ANSWERS_WITHIN);
        bounds.map_err(|error| self.explain(&error))
    }

    fn partitions(&self, topic: &str) -> Result<Vec<i32>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ANSWERS_WITHIN);
        let metadata = metadata.map_err(|error| self.explain(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Err(anyhow!(
                    "there is no topic {topic}: `bpmonitor prepare` makes it, and in a cluster the operator does; or give the right name"
                ));
            }
            Some(code) => return Err(refusal(topic, &KafkaError::MetadataFetch(code))),
        }
        Ok(found.map_or(&[][..], MetadataTopic::partitions).iter().map(MetadataPartition::id).collect())
    }

    /// Reads each partition of a topic from one offset up to another.
    pub(super) fn read(
        &self,
        topic: &str,
        spans: &Bounds,
        mut visit: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut open: BTreeMap<i32, i64> = spans
            .iter()
            .filter(|(_, (from, to))| from < to)
            .map(|(partition, (_, to))| (*partition, *to))
            .collect();
        let from = spans.iter().filter(|(partition, _)| open.contains_key(*partition));
        let from: BTreeMap<i32, i64> = from.map(|(partition, (from, _))| (*partition, *from)).collect();
        self.assign(topic, &from)?;
        let mut heard = Instant::now();
        while !open.is_empty() {
            match self.consumer.poll(POLL) {
                Some(Ok(record)) => {
                    heard = Instant::now();
                    let Some(to) = open.get(&record.partition()).copied() else { continue };
                    if record.offset() < to {
                        visit(&record)?;
                    }
                    if record.offset() + 1 >= to {
                        open.remove(&record.partition());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(open.remove(&partition)),
                Some(Err(error)) if is_lasting(&error) => return Err(refusal(topic, &error)),
                Some(Err(error)) => tracing::debug!(%error, topic, "reading"),
                None => {}
            }
            if heard.elapsed() > SILENCE_LIMIT {
                let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
                return Err(self.explain(&error).into());
            }
        }
        Ok(self.consumer.unassign()?)
    }

    /// Tries to read a topic from its end on, where there is nothing to be read.
    pub(super) fn try_end(&self, topic: &str) -> Result<()> {
        let ends = self.bounds(topic)?.into_iter().map(|(partition, (_, high))| (partition, high)).collect();
        self.assign(topic, &ends)?;
        let until = Instant::now() + ANSWERS_WITHIN;
        while Instant::now() < until {
            match self.consumer.poll(POLL) {
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(self.consumer.unassign()?),
                Some(Err(error)) if is_lasting(&error) => return Err(refusal(topic, &error)),
                Some(Err(_)) | None => {}
            }
        }
        let error = KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut);
        Err(anyhow::Error::new(self.explain(&error)).context(format!("reading the topic {topic}")))
    }

    /// Reads a topic from these offsets on, for ever, whatever becomes of Kafka meanwhile. `visit` is given nothing when nothing is
    /// waiting.
    pub(super) fn follow(
        &self,
        topic: &str,
        from: &BTreeMap<i32, i64>,
        mut visit: impl FnMut(Option<&BorrowedMessage<'_>>) -> Result<()>,
    ) -> Result<()> {
        let condition = Condition::new("kafka");
        self.assign(topic, from)?;
        let mut is_idle = false;
        loop {
            match self.consumer.poll(if is_idle { POLL } else { Duration::ZERO }) {
                Some(Ok(record)) => {
                    is_idle = false;
                    condition.recovered();
                    visit(Some(&record))?;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => condition.recovered(),
                Some(Err(error)) if is_lasting(&error) => return Err(refusal(topic, &error)),
                Some(Err(error)) => {
                    let trouble = KafkaTrouble::of(&error);
                    condition.failing(trouble.reason, trouble.advice);
                }
                None if is_idle => {}
                None => {
                    is_idle = true;
                    visit(None)?;
                }
            }
        }
    }

    /// Takes a topic's partitions from these offsets on.
    pub(super) fn assign(&self, topic: &str, from: &BTreeMap<i32, i64>) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in from {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        Ok(self.consumer.assign(&list)?)
    }
}

/// Whether reading will never succeed until somebody does something.
fn is_lasting(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::TopicAuthorizationFailed
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
        )
    )
}

/// What to do where Kafka refuses to have a topic read.
pub(super) fn refusal(topic: &str, error: &KafkaError) -> anyhow::Error {
    let trouble = KafkaTrouble::of(error);
    if trouble.is_forbidden() {
        return anyhow!("this Kafka user may not read the topic {topic}: grant it Read and Describe");
    }
    anyhow::Error::new(trouble).context(format!("reading the topic {topic}"))
}
