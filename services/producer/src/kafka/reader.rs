//! Reading back: what stands in the state topic, and what of a source was published.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::de::DeserializeOwned;

use super::clients::{MAX_MESSAGE_BYTES, Reading};
use super::publisher::{SOURCE_HEADER, SourceHeader};
use super::{Stored, topics};
use crate::target::Ends;
use crate::{Host, PublishError, Target};

/// How long one request may take.
pub(super) const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long the way to a topic's end may bring nothing.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
/// How long what was under way when a publisher was killed may take to appear.
const SETTLES_WITHIN: Duration = Duration::from_millis(500);

/// What was published of each source: the numbers of its records.
pub(crate) type Published = HashMap<String, HashSet<u64>>;

/// A Kafka that answers, and has the topics.
pub(crate) struct Connection<'t> {
    pub(super) target: &'t Target,
    pub(super) host: &'t Host,
    asker: BaseProducer<Reading>,
    context: Reading,
    partitions: BTreeMap<&'t str, Vec<i32>>,
    /// The largest record that the Observations' topic takes, in bytes.
    pub(crate) most_bytes: usize,
}

impl<'t> Connection<'t> {
    /// Connects, and makes the topics where that is wanted.
    pub(crate) fn open(target: &'t Target, host: &'t Host) -> Result<Self, PublishError> {
        let context = Reading::default();
        let asker = target.asker(context.clone())?;
        let most_bytes = MAX_MESSAGE_BYTES;
        let mut connection = Self { target, host, asker, context, partitions: BTreeMap::new(), most_bytes };
        for topic in [target.topic.as_str(), target.state_topic.as_str()] {
            let partitions = match connection.look_up(topic)? {
                Some(partitions) => partitions,
                None => connection.make(topic)?,
            };
            connection.partitions.insert(topic, partitions);
        }
        if let Some(most_bytes) = topics::max_message_bytes(target, host) {
            connection.most_bytes = most_bytes;
        }
        Ok(connection)
    }

    /// The Observations' topic.
    pub(crate) fn topic(&self) -> &str {
        &self.target.topic
    }

    pub(crate) fn is_to_stop(&self) -> bool {
        self.host.stop.is_cancelled()
    }

    /// The partitions of a topic, where there is one.
    fn look_up(&self, topic: &str) -> Result<Option<Vec<i32>>, PublishError> {
        let metadata = self.answered(|client| client.fetch_metadata(Some(topic), REQUEST_LIMIT))?;
        topics::partitions(&metadata, topic)
    }

    fn make(&self, topic: &'t str) -> Result<Vec<i32>, PublishError> {
        topics::make(self.target, self.host, topic)?;
        let until = Instant::now() + SILENCE_LIMIT;
        while Instant::now() < until {
            if let Some(partitions) = self.look_up(topic)?.filter(|partitions| !partitions.is_empty()) {
                return Ok(partitions);
            }
            self.host.wait(Duration::from_millis(50));
        }
        Err(PublishError::Unavailable(format!("the topic {topic} was made, and is not there yet")))
    }

    /// Asks, and where nobody answers, says why.
    fn answered<T>(
        &self,
        ask: impl Fn(&Client<Reading>) -> Result<T, KafkaError>,
    ) -> Result<T, PublishError> {
        self.host.status.beat();
        if self.host.stop.is_cancelled() {
            return Err(PublishError::Stopped);
        }
        ask(self.asker.client()).map_err(|error| {
            // The reason waits among the client's events.
            let until = Instant::now() + Duration::from_millis(100);
            while Instant::now() < until {
                self.asker.poll(Duration::from_millis(20));
            }
            self.context.trouble.because_of(&self.target.connection.bootstrap_servers, &error)
        })
    }

    /// Where each partition of a topic begins and ends.
    fn bounds(&self, topic: &str) -> Result<BTreeMap<i32, (i64, i64)>, PublishError> {
        let partitions = self.partitions.get(topic).map_or(&[][..], Vec::as_slice);
        let bounds = |partition: &i32| {
            let ask = |client: &Client<Reading>| client.fetch_watermarks(topic, *partition, REQUEST_LIMIT);
            Ok((*partition, self.answered(ask)?))
        };
        partitions.iter().map(bounds).collect()
    }

    /// The ends of the Observations' topic.
    pub(crate) fn ends(&self) -> Result<Ends, PublishError> {
        let bounds = self.bounds(&self.target.topic)?;
        Ok(bounds.into_iter().map(|(partition, (_, high))| (partition, high)).collect())
    }

    /// The same offsets, none of them beyond its partition's end: those are of a topic that was removed and made anew.
    pub(crate) fn within_ends(&self, offsets: Ends) -> Result<Ends, PublishError> {
        let mut offsets = offsets;
        for (partition, end) in self.ends()? {
            let offset = offsets.entry(partition).or_default();
            *offset = (*offset).min(end);
        }
        Ok(offsets)
    }

    /// What the state topic says under those of its keys that are asked for; the last of each counts.
    pub(crate) fn stored<P: DeserializeOwned>(
        &self,
        wants: impl Fn(&str) -> bool,
    ) -> Result<HashMap<String, Stored<P>>, PublishError> {
        let topic = &self.target.state_topic;
        let spans = self.bounds(topic)?;
        let mut values: HashMap<String, Option<Vec<u8>>> = HashMap::new();
        self.read(topic, spans, |message| {
            let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
            if let Some(key) = key.filter(|key| wants(key)) {
                values.insert(key.to_owned(), message.payload().map(<[u8]>::to_vec));
            }
        })?;
        let mut stored = HashMap::with_capacity(values.len());
        for (key, value) in values {
            let Some(value) = value else { continue };
            let value: Stored<P> = serde_json::from_slice(&value).map_err(|error| {
                PublishError::Refused(format!(
                    "what the topic {topic} holds under {key} cannot be understood: {error}: was it written by \
                     another version of this program?"
                ))
            })?;
            if value.topic != self.target.topic {
                return Err(PublishError::BadUsage(format!(
                    "the topic {topic} says how far {} was published to, not {}: name another --state-topic, or \
                     that --topic",
                    value.topic, self.target.topic
                )));
            }
            stored.insert(key, value);
        }
        Ok(stored)
    }

    /// What of these sources was published from `ends` on, whatever became of whoever did it. Where that may still be under
    /// way (`is_quiet` is false), waits until nothing more of it appears.
    pub(crate) fn published(
        &self,
        wants: impl Fn(&str) -> bool,
        ends: &Ends,
        is_quiet: bool,
    ) -> Result<Published, PublishError> {
        let mut published = Published::new();
        let mut from = ends.clone();
        let mut is_first = true;
        loop {
            let (next, found) = self.look_for(&wants, &from, &mut published)?;
            if is_quiet || (found == 0 && !is_first) {
                return Ok(published);
            }
            (from, is_first) = (next, false);
            self.host.wait(SETTLES_WITHIN);
        }
    }

    /// Adds what of these sources stands from `from` on; where that look ended, and how much it found.
    fn look_for(
        &self,
        wants: &impl Fn(&str) -> bool,
        from: &Ends,
        published: &mut Published,
    ) -> Result<(Ends, usize), PublishError> {
        let mut spans = self.bounds(&self.target.topic)?;
        let next = spans.iter().map(|(partition, (_, high))| (*partition, *high)).collect();
        for (partition, (low, high)) in &mut spans {
            // Offsets beyond the end are of a topic that was removed and made anew.
            let known = from.get(partition).copied().filter(|known| *known <= *high);
            *low = known.unwrap_or(*low).max(*low);
        }
        let mut found = 0;
        self.read(&self.target.topic, spans, |message| {
            let Some(source) = source_of(message).filter(|source| wants(source.name)) else { return };
            published.entry(source.name.to_owned()).or_default().insert(source.number);
            found += 1;
        })?;
        Ok((next, found))
    }

    /// Reads each partition of a topic from one offset up to another.
    fn read(
        &self,
        topic: &str,
        spans: BTreeMap<i32, (i64, i64)>,
        mut visit: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), PublishError> {
        let mut open: BTreeMap<i32, i64> = BTreeMap::new();
        let mut list = TopicPartitionList::new();
        for (partition, (from, to)) in spans.into_iter().filter(|(_, (from, to))| from < to) {
            open.insert(partition, to);
            list.add_partition_offset(topic, partition, Offset::Offset(from))
                .map_err(|error| broken(topic, &error))?;
        }
        if open.is_empty() {
            return Ok(());
        }
        let consumer = self.target.reader(self.context.clone())?;
        consumer.assign(&list).map_err(|error| broken(topic, &error))?;
        self.read_assigned(&consumer, topic, open, &mut visit)
    }

    fn read_assigned(
        &self,
        consumer: &BaseConsumer<Reading>,
        topic: &str,
        mut open: BTreeMap<i32, i64>,
        visit: &mut impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), PublishError> {
        let mut heard = Instant::now();
        while !open.is_empty() {
            self.host.status.beat();
            if self.host.stop.is_cancelled() {
                return Err(PublishError::Stopped);
            }
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let Some(to) = open.get(&message.partition()) else { continue };
                    let (offset, to) = (message.offset(), *to);
                    if offset < to {
                        visit(&message);
                    }
                    if offset + 1 >= to {
                        open.remove(&message.partition());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.remove(&partition);
                }
                Some(Err(error)) => topics::check_access(topic, &error)?,
                None => {}
            }
            if heard.elapsed() > SILENCE_LIMIT {
                let error = format!("reading the topic {topic} brings nothing");
                return Err(self
                    .context
                    .trouble
                    .because_of(&self.target.connection.bootstrap_servers, &error));
            }
        }
        Ok(())
    }
}

fn broken(topic: &str, error: &KafkaError) -> PublishError {
    PublishError::Unavailable(format!("reading the topic {topic}: {error}"))
}

/// What a record says it is.
fn source_of<'m>(message: &'m BorrowedMessage<'_>) -> Option<SourceHeader<'m>> {
    let header = message.headers()?.iter().find(|header| header.key == SOURCE_HEADER)?;
    SourceHeader::parse(header.value?)
}
