//! The topics: whether they are there, how they are made, and what they take.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::Metadata;

use super::clients::{CLIENT_ID, MAX_MESSAGE_BYTES};
use super::reader::REQUEST_LIMIT;
use crate::{Host, NewTopics, PublishError, Target};

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

fn admin(target: &Target) -> Result<AdminClient<DefaultClientContext>, PublishError> {
    let refused = |error: &dyn std::fmt::Display| PublishError::Refused(error.to_string());
    let config = target.connection.config(CLIENT_ID).map_err(|error| refused(&error))?;
    AdminClient::from_config(&config).map_err(|error| refused(&error))
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_LIMIT)).operation_timeout(Some(REQUEST_LIMIT))
}

/// Makes a topic that is not there.
pub(super) fn make(target: &Target, host: &Host, name: &str) -> Result<(), PublishError> {
    let Some(wanted) = target.create else {
        return Err(PublishError::Refused(format!(
            "there is no topic {name}: in a cluster the operator makes it; elsewhere \
             bpmonitor-producer does with --create-topics, or make it yourself"
        )));
    };
    let settings = settings(name == target.state_topic, wanted);
    let (partitions, replicas) = (number(wanted.partitions), number(wanted.replicas));
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
    for (key, value) in &settings {
        topic = topic.set(key, value);
    }
    let failed = |why: &dyn std::fmt::Display| {
        PublishError::Refused(format!(
            "the topic {name} cannot be made: {why}: make it yourself, or grant Create"
        ))
    };
    let admin = admin(target)?;
    let made = host.runtime.block_on(admin.create_topics([&topic], &options()));
    match made.map_err(|error| failed(&error))?.into_iter().next() {
        Some(Ok(_)) => tracing::info!(topic = name, partitions, replicas, "made a topic"),
        // Another was quicker.
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) | None => {}
        Some(Err((_, code))) => return Err(failed(&code)),
    }
    Ok(())
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn settings(is_state: bool, wanted: NewTopics) -> Vec<(&'static str, String)> {
    let mut settings = vec![("max.message.bytes", MAX_MESSAGE_BYTES.to_string())];
    if is_state {
        settings.push(("cleanup.policy", "compact".to_owned()));
        // Small segments and prompt compaction: whoever starts reads it from its beginning.
        settings.push(("segment.bytes", (16 * 1024 * 1024).to_string()));
        settings.push(("segment.ms", Duration::from_secs(10 * 60).as_millis().to_string()));
        settings.push(("min.cleanable.dirty.ratio", "0.1".to_owned()));
    } else {
        settings.push(("retention.ms", wanted.retention.as_millis().to_string()));
    }
    settings
}

/// The largest record that the Observations' topic takes, in bytes; none where this user may not know.
pub(super) fn max_message_bytes(target: &Target, host: &Host) -> Option<usize> {
    let admin = admin(target).ok()?;
    let topic = [ResourceSpecifier::Topic(&target.topic)];
    let described = host.runtime.block_on(admin.describe_configs(&topic, &options())).ok()?;
    let config = described.into_iter().next()?.ok()?;
    config.get("max.message.bytes")?.value.as_ref()?.parse().ok()
}
