//! Kafka: reached, with the right topics, which this user may read and write.

use std::time::Duration;

use anyhow::Result;
use bpmonitor_pipeline::cluster::kafka::{
    Authentication, FoundTopic, TopicAdmin, TopicDifference, Transport, WantedTopic,
};
use rdkafka::consumer::Consumer as _;

use super::Check;
use super::report::Report;
use crate::cluster::prepare::wanted_topics;
use crate::cluster::publisher::{Outgoing, Publisher};
use crate::cluster::reader::{CLIENT_ID, Reader};

/// How long Kafka may take to answer for the first time.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The key of what is written to see whether it can be. Without content it is nothing to whoever reads the topic.
const PROBE: &str = "bpmonitor-check";

/// Connects to Kafka.
pub(super) fn connection(check: &Check<'_>, report: &mut Report) -> Result<Option<Reader>> {
    let servers = &check.kafka.bootstrap_servers;
    let reader = match Reader::of_group(&check.kafka, &check.topics.group) {
        Ok(reader) => reader,
        Err(error) => return report.failure("kafka", format!("{error:#}")).map(|()| None),
    };
    if let Err(trouble) = reader.consumer().context().reach(reader.consumer(), ANSWERS_WITHIN) {
        return report.failure("kafka", format!("{servers}: {trouble}")).map(|()| None);
    }
    let user = match &check.kafka.authentication {
        Authentication::None => "as nobody".to_owned(),
        Authentication::Certificate { .. } => "with a client certificate".to_owned(),
        Authentication::Password { username, .. } => format!("as {username}"),
    };
    match check.kafka.transport {
        Transport::Insecure => report.warning(
            "kafka",
            format!("{servers} answers, {user} and not encrypted: that is for a laboratory"),
        )?,
        Transport::Tls { .. } => report.ok("kafka", format!("{servers} answers, encrypted, {user}"))?,
    }
    Ok(Some(reader))
}

/// Looks at the topics, and whether they can be read and written. Whether that is enough for an observation to travel.
pub(super) fn topics(check: &Check<'_>, reader: &Reader, report: &mut Report) -> Result<bool> {
    let admin = TopicAdmin::new(&check.kafka, CLIENT_ID)?;
    let [observations, rejected, state] = wanted_topics(check.settings, &check.topics);
    let mut are_there = true;
    for (name, wanted) in
        [("topic observations", &observations), ("topic rejected", &rejected), ("topic state", &state)]
    {
        match check.runtime.block_on(admin.find(&wanted.name)) {
            Ok(Some(found)) => are_there &= say_topic(name, wanted, &found, report)?,
            Ok(None) => {
                are_there = false;
                report.failure(
                    name,
                    format!(
                        "there is no topic {}: `bpmonitor prepare` makes it, and in a cluster the operator does",
                        wanted.name
                    ),
                )?;
            }
            Err(trouble) => {
                are_there = false;
                report.failure(name, format!("{}: {trouble}", wanted.name))?;
            }
        }
    }
    Ok(are_there && rights(check, reader, report)?)
}

/// Says what a topic is like; whether it can be used.
fn say_topic(name: &str, wanted: &WantedTopic, found: &FoundTopic, report: &mut Report) -> Result<bool> {
    let topic = &wanted.name;
    if found.leaderless > 0 {
        let message = format!(
            "{topic}: {} of {} partitions have no leader: is a broker down?",
            found.leaderless,
            found.partitions.len()
        );
        return report.failure(name, message).map(|()| false);
    }
    let differences = found.differences(wanted);
    if differences.is_empty() {
        let partitions = found.partitions.len();
        match found.settings {
            Some(_) => report.ok(name, format!("{topic}: {partitions} partitions"))?,
            None => report.warning(
                name,
                format!(
                    "{topic}: {partitions} partitions; its settings cannot be seen: grant DescribeConfigs"
                ),
            )?,
        }
        return Ok(true);
    }
    let is_harmful = differences.iter().any(|difference| difference.is_harmful);
    let list: Vec<String> = differences.iter().map(TopicDifference::to_string).collect();
    let message = format!("{topic}: {}: `bpmonitor prepare` sets what can be set", list.join("; "));
    if is_harmful {
        report.failure(name, message)?;
    } else {
        report.warning(name, message)?;
    }
    Ok(true)
}

/// Tries what the classifier does with the topics.
fn rights(check: &Check<'_>, reader: &Reader, report: &mut Report) -> Result<bool> {
    let mut missing = Vec::new();
    for topic in [&check.topics.observations, &check.topics.rejected, &check.topics.state] {
        missing.extend(reader.try_end(topic).err());
    }
    let publisher = Publisher::new(&check.kafka)?;
    for topic in [&check.topics.rejected, &check.topics.state] {
        let probe = Outgoing { topic, key: Some(PROBE), ..Outgoing::default() };
        missing.extend(check.runtime.block_on(publisher.deliver(probe)).err());
    }
    if missing.is_empty() {
        report.ok("topic rights", "all three topics are read, and rejected and state are written")?;
        return Ok(true);
    }
    let list: Vec<String> = missing.iter().map(|error| format!("{error:#}")).collect();
    report.failure("topic rights", list.join("; "))?;
    Ok(false)
}
