//! The topics: whether they are there, how they are made, and what they take.

use bpmonitor_pipeline::cluster::kafka::{TopicAdmin, TopicContent, WantedTopic};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::clients::CLIENT_ID;
use crate::{Host, PublishError, Target};

/// The partitions of a topic; none where there is no such topic.
pub(super) fn partitions(metadata: &Metadata, name: &str) -> Result<Option<Vec<i32>>, PublishError> {
    let unavailable =
        |why: &dyn std::fmt::Display| PublishError::Unavailable(format!("the topic {name}: {why}"));
    let topic = metadata.topics().iter().find(|topic| topic.name() == name);
    let topic = topic.ok_or_else(|| unavailable(&"the brokers say nothing of it"))?;
    match topic.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(topic.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect())),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => {
            check_access(name, &KafkaError::Global(code))?;
            Err(unavailable(&code))
        }
    }
}

/// Refuses to go on without the rights to a topic.
pub(super) fn check_access(topic: &str, error: &KafkaError) -> Result<(), PublishError> {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed) => {
            Err(PublishError::Refused(format!(
                "Kafka does not let this user read and write the topic {topic}: grant it Describe, Read and Write, \
                 and DescribeConfigs"
            )))
        }
        _ => Ok(()),
    }
}

/// Makes a topic that is not there.
pub(super) fn make(target: &Target, host: &Host, name: &str) -> Result<(), PublishError> {
    let Some(new) = target.create else {
        return Err(PublishError::Refused(format!(
            "there is no topic {name}: in a cluster the operator makes it; elsewhere \
             bpmonitor-producer does with --create-topics, or make it yourself"
        )));
    };
    let content = if name == target.state_topic {
        TopicContent::State
    } else {
        TopicContent::Observations(new.retention)
    };
    let wanted =
        WantedTopic { name: name.to_owned(), content, partitions: new.partitions, replicas: new.replicas };
    let failed = |why: &dyn std::fmt::Display| {
        PublishError::Refused(format!(
            "the topic {name} cannot be made: {why}: make it yourself, or grant Create"
        ))
    };
    let admin = TopicAdmin::new(&target.connection, CLIENT_ID).map_err(|error| failed(&error))?;
    host.runtime.block_on(admin.settle(&wanted)).map_err(|trouble| failed(&trouble))?;
    tracing::info!(topic = name, partitions = new.partitions, replicas = new.replicas, "made a topic");
    Ok(())
}

/// The largest record that the Observations' topic takes, in bytes; none where this user may not know.
pub(super) fn max_message_bytes(target: &Target, host: &Host) -> Option<usize> {
    let admin = TopicAdmin::new(&target.connection, CLIENT_ID).ok()?;
    let found = host.runtime.block_on(admin.find(&target.topic)).ok()??;
    found.settings?.get("max.message.bytes")?.parse().ok()
}
