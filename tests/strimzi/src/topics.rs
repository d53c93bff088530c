//! Topics on the broker: made, given more partitions, and set as asked for.

use std::collections::BTreeMap;

use anyhow::Result;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest, MetadataRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::broker::{BROKER_LIMIT, Broker, check};

const TOPIC: i8 = 2;
/// A setting that was made on the topic itself.
const OWN: i8 = 1;
const SET: i8 = 0;
const DELETE: i8 = 1;

/// What a topic is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// How many partitions it has; the broker's default where none are given.
    pub partitions: Option<i32>,
    /// How many copies of each there are.
    pub replicas: Option<i16>,
    /// Its settings.
    pub settings: BTreeMap<String, String>,
}

/// What cannot be done to a topic that is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotSupported(pub String);

/// A topic that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct There {
    id: String,
    partitions: i32,
    replicas: i16,
}

impl Broker {
    /// Makes a topic as it is to be, and says its id.
    ///
    /// # Errors
    ///
    /// [`NotSupported`], [`crate::Refused`], or the broker does not answer.
    pub async fn settle(&self, wanted: &Wanted) -> Result<String> {
        let Some(there) = self.find(&wanted.name).await? else { return self.make(wanted).await };
        self.widen(wanted, &there).await?;
        if wanted.replicas.is_some_and(|replicas| replicas != there.replicas) {
            let message = "Replication factor change not supported, but required for partitions [0]";
            return Err(NotSupported(message.to_owned()).into());
        }
        self.set(wanted).await?;
        Ok(there.id)
    }

    async fn find(&self, name: &str) -> Result<Option<There>> {
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request =
            MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(false);
        let answer = self.ask(12, request).await?;
        let Some(topic) = answer.topics.into_iter().next() else { return Ok(None) };
        if ResponseError::try_from_code(topic.error_code) == Some(ResponseError::UnknownTopicOrPartition) {
            return Ok(None);
        }
        check(topic.error_code, None)?;
        Ok(Some(There {
            id: topic.topic_id.to_string(),
            partitions: i32::try_from(topic.partitions.len())?,
            replicas: i16::try_from(topic.partitions.first().map_or(0, |first| first.replica_nodes.len()))?,
        }))
    }

    async fn make(&self, wanted: &Wanted) -> Result<String> {
        let settings = wanted.settings.iter().map(|(name, value)| {
            CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(topic_name(&wanted.name))
            .with_num_partitions(wanted.partitions.unwrap_or(-1))
            .with_replication_factor(wanted.replicas.unwrap_or(-1))
            .with_configs(settings.collect());
        let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(BROKER_LIMIT);
        let answer = self.ask(7, request).await?;
        let made = answer.topics.first();
        made.map_or(Ok(()), |made| check(made.error_code, made.error_message.as_ref()))?;
        Ok(made.map(|made| made.topic_id.to_string()).unwrap_or_default())
    }

    async fn widen(&self, wanted: &Wanted, there: &There) -> Result<()> {
        let partitions = wanted.partitions.unwrap_or(there.partitions);
        if partitions < there.partitions {
            return Err(NotSupported("Decreasing partitions not supported".to_owned()).into());
        }
        if partitions == there.partitions {
            return Ok(());
        }
        let topic =
            CreatePartitionsTopic::default().with_name(topic_name(&wanted.name)).with_count(partitions);
        let topic = topic.with_assignments(None);
        let request =
            CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(BROKER_LIMIT);
        let answer = self.ask(3, request).await?;
        let result = answer.results.first();
        result.map_or(Ok(()), |result| check(result.error_code, result.error_message.as_ref()))
    }

    /// Sets what differs, and takes back what is not asked for.
    async fn set(&self, wanted: &Wanted) -> Result<()> {
        let there = self.own_settings(&wanted.name).await?;
        let changed = wanted.settings.iter().filter(|(name, value)| there.get(*name) != Some(*value));
        let set = changed.map(|(name, value)| alteration(name, SET, Some(value)));
        let further = there.keys().filter(|name| !wanted.settings.contains_key(*name));
        let taken_back = further.map(|name| alteration(name, DELETE, None));
        let alterations: Vec<_> = set.chain(taken_back).collect();
        if alterations.is_empty() {
            return Ok(());
        }
        let topic = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(&wanted.name))
            .with_configs(alterations);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![topic]);
        let answer = self.ask(1, request).await?;
        let result = answer.responses.first();
        result.map_or(Ok(()), |result| check(result.error_code, result.error_message.as_ref()))
    }

    /// The settings that were made on a topic itself.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn own_settings(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let topic = DescribeConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(name))
            .with_configuration_keys(None);
        let answer = self.ask(4, DescribeConfigsRequest::default().with_resources(vec![topic])).await?;
        let Some(result) = answer.results.into_iter().next() else { return Ok(BTreeMap::new()) };
        check(result.error_code, result.error_message.as_ref())?;
        let own = result.configs.into_iter().filter(|setting| setting.config_source == OWN);
        Ok(own.filter_map(|setting| Some((setting.name.to_string(), setting.value?.to_string()))).collect())
    }

    /// Removes a topic; nothing where it is not there.
    ///
    /// # Errors
    ///
    /// [`crate::Refused`], or the broker does not answer.
    pub async fn remove_topic(&self, name: &str) -> Result<()> {
        let topic = DeleteTopicState::default().with_name(Some(topic_name(name)));
        let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(BROKER_LIMIT);
        let answer = self.ask(6, request).await?;
        let Some(result) = answer.responses.first() else { return Ok(()) };
        match ResponseError::try_from_code(result.error_code) {
            Some(ResponseError::UnknownTopicOrPartition) => Ok(()),
            _ => check(result.error_code, result.error_message.as_ref()),
        }
    }
}

fn alteration(name: &str, operation: i8, value: Option<&String>) -> AlterableConfig {
    let alteration = AlterableConfig::default().with_name(text(name)).with_config_operation(operation);
    alteration.with_value(value.map(|value| text(value)))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
