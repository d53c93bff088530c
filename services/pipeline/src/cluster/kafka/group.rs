//! How far a consumer group is with a topic, for those who only ask.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use super::counts::{Counts, Metadata};
use super::{KafkaTrouble, Listening};

/// How far a group is with a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionProgress {
    /// The first offset that is still there.
    pub low: i64,
    /// The offset that the next record will have.
    pub high: i64,
    /// The offset that the group goes on from; none where it has committed none.
    pub committed: Option<i64>,
    /// What became of everything before it.
    pub counts: Counts,
}

impl PartitionProgress {
    /// How many records the group has before it.
    pub fn lag(&self) -> u64 {
        let next = self.committed.map_or(self.low, |next| next.max(self.low));
        u64::try_from(self.high - next).unwrap_or_default()
    }
}

/// How far a group is with each partition of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupProgress(BTreeMap<i32, PartitionProgress>);

impl GroupProgress {
    /// Asks Kafka. The client has the group's name as `group.id`, and never joins it.
    ///
    /// # Errors
    ///
    /// Kafka does not answer within `limit` a request, there is no such topic, or the user may see neither it nor the group.
    pub fn ask(client: &BaseConsumer<Listening>, topic: &str, limit: Duration) -> Result<Self, KafkaTrouble> {
        let explained = |error: KafkaError| client.context().explain(client, &error);
        let mut asked = TopicPartitionList::new();
        for partition in partitions(client, topic, limit)? {
            asked.add_partition(topic, partition);
        }
        let committed = client.committed_offsets(asked, limit).map_err(explained)?;
        let mut progress = BTreeMap::new();
        for found in committed.elements() {
            found.error().map_err(explained)?;
            let partition = found.partition();
            let (low, high) = client.fetch_watermarks(topic, partition, limit).map_err(explained)?;
            let committed = if let Offset::Offset(offset) = found.offset() { Some(offset) } else { None };
            let Metadata { counts, .. } = Metadata::read(found.metadata());
            progress.insert(partition, PartitionProgress { low, high, committed, counts });
        }
        Ok(Self(progress))
    }

    /// How far it is with a partition.
    pub fn of(&self, partition: i32) -> Option<&PartitionProgress> {
        self.0.get(&partition)
    }

    /// How many records the group has before it.
    pub fn lag(&self) -> u64 {
        self.0.values().map(PartitionProgress::lag).sum()
    }

    /// What became of everything that the group has committed.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.0.values().for_each(|partition| sum += partition.counts);
        sum
    }
}

fn partitions(
    client: &BaseConsumer<Listening>,
    topic: &str,
    limit: Duration,
) -> Result<Vec<i32>, KafkaTrouble> {
    let metadata = client.fetch_metadata(Some(topic), limit);
    let metadata = metadata.map_err(|error| client.context().explain(client, &error))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    if let Some(code) = found.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from) {
        return Err(KafkaTrouble::of(&KafkaError::MetadataFetch(code)));
    }
    Ok(found.map_or(&[][..], MetadataTopic::partitions).iter().map(MetadataPartition::id).collect())
}
