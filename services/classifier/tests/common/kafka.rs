//! Kafka, as a test looks at it: topics, records, committed offsets, members.

use std::collections::BTreeMap;
use std::time::Duration;

use bpmonitor_pipeline::cluster::kafka::Listening;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::until;

/// How long a broker may take to answer.
const LIMIT: Duration = Duration::from_secs(20);

/// A Kafka, reached in plain text.
#[derive(Clone, Debug)]
pub(crate) struct Kafka {
    pub(crate) servers: String,
}

/// A record as it stands in a topic.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: u64,
    /// In milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: BTreeMap<String, String>,
}

/// First and end offset of each partition.
pub(crate) type Ends = BTreeMap<i32, (i64, i64)>;

impl Kafka {
    pub(crate) fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.servers).set("client.id", "test");
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "500");
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = self.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("enable.partition.eof", "false");
        config.set("fetch.message.max.bytes", "33554432").set("fetch.wait.max.ms", "20");
        config.create().unwrap()
    }

    /// A client that asks for what this group has committed.
    pub(crate) fn asking(&self, group: &str) -> BaseConsumer<Listening> {
        self.config().set("group.id", group).create_with_context(Listening::default()).unwrap()
    }

    pub(crate) fn create_topic(&self, topic: &str, partitions: i32) {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        // Records of any time: Kafka refuses those of the future, and removes those of long ago, unless it is told not to.
        let new = new
            .set("max.message.bytes", "33554432")
            .set("retention.ms", "-1")
            .set("message.timestamp.after.max.ms", "9223372036854775807");
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        let admin = self.admin();
        // Right after a topic was deleted its name may still be taken.
        until(&format!("the topic {topic} is made"), || {
            let made = block_on(admin.create_topics([&new], &options));
            made.is_ok_and(|results| results.iter().all(Result::is_ok))
        });
        until(&format!("the topic {topic} is there"), || {
            i32::try_from(self.partitions(topic).len()) == Ok(partitions)
        });
    }

    pub(crate) fn delete_topics(&self, topics: &[&str]) {
        let options = AdminOptions::new().operation_timeout(Some(LIMIT));
        // What is not there need not be deleted.
        drop(block_on(self.admin().delete_topics(topics, &options)));
    }

    pub(crate) fn delete_group(&self, group: &str) {
        drop(block_on(self.admin().delete_groups(&[group], &AdminOptions::new())));
    }

    fn partitions(&self, topic: &str) -> Vec<i32> {
        let metadata = self.consumer("test").fetch_metadata(Some(topic), LIMIT);
        let Ok(metadata) = metadata else { return Vec::new() };
        let topics = metadata.topics().iter().filter(|found| found.name() == topic);
        topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect()
    }

    /// First and end offset of each partition.
    pub(crate) fn ends(&self, topic: &str) -> Ends {
        let consumer = self.consumer("test");
        let mark = |partition| (partition, consumer.fetch_watermarks(topic, partition, LIMIT).unwrap());
        self.partitions(topic).into_iter().map(mark).collect()
    }

    /// What a group has committed of each partition, where it has.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: &[i32]) -> BTreeMap<i32, i64> {
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(topic, *partition);
        }
        let Ok(found) = self.consumer(group).committed_offsets(asked, LIMIT) else { return BTreeMap::new() };
        let offset = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
        found.elements().iter().filter_map(|of| Some((of.partition(), offset(of.offset())?))).collect()
    }

    /// The members of a group by their ids, with how many bytes of assignment each has; and the group's state.
    pub(crate) fn members(&self, group: &str) -> (String, BTreeMap<String, usize>) {
        let Ok(groups) = self.consumer("test").fetch_group_list(Some(group), LIMIT) else {
            return (String::new(), BTreeMap::new());
        };
        let found = groups.groups().iter().find(|found| found.name() == group);
        let Some(found) = found else { return (String::new(), BTreeMap::new()) };
        let member = |of: &rdkafka::groups::GroupMemberInfo| {
            (of.id().to_owned(), of.assignment().map_or(0, <[u8]>::len))
        };
        (found.state().to_owned(), found.members().iter().map(member).collect())
    }

    /// Every record of a topic, by partition and offset.
    pub(crate) fn read(&self, topic: &str) -> Vec<Record> {
        let ends = self.ends(topic);
        let mut missing: BTreeMap<i32, i64> =
            ends.iter().filter(|(_, (low, high))| low < high).map(|(of, (_, high))| (*of, *high)).collect();
        let consumer = self.consumer("test");
        let mut assignment = TopicPartitionList::new();
        for partition in missing.keys() {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut records = Vec::new();
        while !missing.is_empty() {
            match consumer.poll(LIMIT) {
                None => panic!("{topic} cannot be read to its end: {missing:?} is missing"),
                Some(Err(error)) => println!("reading {topic}: {error}"),
                Some(Ok(message)) => {
                    let (partition, next) = (message.partition(), message.offset() + 1);
                    if missing.get(&partition).is_some_and(|end| next >= *end) {
                        missing.remove(&partition);
                    }
                    if message.offset() < ends[&partition].1 {
                        records.push(record(&message));
                    }
                }
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }
}

fn record(message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
    let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Record {
        partition: message.partition(),
        offset: u64::try_from(message.offset()).unwrap(),
        time: message.timestamp().to_millis().unwrap(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
