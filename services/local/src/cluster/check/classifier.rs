//! The classifier: whether it runs, and how far behind it is.

use std::time::Duration;

use anyhow::Result;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;

use super::Check;
use super::report::Report;
use crate::cluster::reader::{Bounds, Reader};
use crate::summary::grouped;

/// How long Kafka may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// What this check is called.
const CHECK: &str = "classifier";

/// Looks at the classifier's consumer group; whether it has members.
pub(super) fn group(check: &Check<'_>, reader: &Reader, report: &mut Report) -> Result<bool> {
    let group = &check.topics.group;
    let members = match members(reader, group) {
        Ok(members) => members,
        Err(error) => return report.failure(CHECK, refusal(reader, group, &error)).map(|()| false),
    };
    let lag = match lag(check, reader) {
        Ok(lag) => lag,
        Err(error) => return report.failure(CHECK, format!("{error:#}")).map(|()| false),
    };
    let waiting =
        if lag == 1 { "1 record waits".to_owned() } else { format!("{} records wait", grouped(lag)) };
    if members > 0 {
        let members =
            if members == 1 { "1 replica runs".to_owned() } else { format!("{members} replicas run") };
        return report.ok(CHECK, format!("{members}, {waiting}")).map(|()| true);
    }
    if check.settings.paused {
        return report
            .warning(CHECK, format!("none runs, for spec.paused is true; {waiting}"))
            .map(|()| false);
    }
    let message = format!(
        "no classifier runs (the group {group} has no members), and {waiting}: start it, or see why it ended"
    );
    report.failure(CHECK, message).map(|()| false)
}

fn members(reader: &Reader, group: &str) -> Result<usize, KafkaError> {
    let groups = reader.consumer().fetch_group_list(Some(group), ANSWERS_WITHIN)?;
    Ok(groups.groups().iter().filter(|found| found.name() == group).map(|found| found.members().len()).sum())
}

/// How many records of the Observations' topic are not committed.
fn lag(check: &Check<'_>, reader: &Reader) -> Result<u64> {
    let bounds = reader.bounds(&check.topics.observations)?;
    let committed = committed(check, reader, &bounds)?;
    let behind = |(partition, (low, high)): (&i32, &(i64, i64))| {
        let next = committed.iter().find(|(of, _)| of == partition).map_or(*low, |(_, next)| *next);
        u64::try_from(high - next.max(*low)).unwrap_or_default()
    };
    Ok(bounds.iter().map(behind).sum())
}

/// The offsets that the group has committed.
fn committed(check: &Check<'_>, reader: &Reader, bounds: &Bounds) -> Result<Vec<(i32, i64)>> {
    let mut asked = TopicPartitionList::new();
    for partition in bounds.keys() {
        asked.add_partition(&check.topics.observations, *partition);
    }
    let answer = reader.consumer().committed_offsets(asked, ANSWERS_WITHIN);
    let answer = answer.map_err(|error| anyhow::anyhow!(refusal(reader, &check.topics.group, &error)))?;
    let offset = |offset| if let Offset::Offset(offset) = offset { Some(offset) } else { None };
    Ok(answer.elements().iter().filter_map(|it| Some((it.partition(), offset(it.offset())?))).collect())
}

/// Up to where the group has committed a partition; none where it has not.
pub(super) fn committed_up_to(check: &Check<'_>, reader: &Reader, partition: i32) -> Result<Option<i64>> {
    let committed = committed(check, reader, &Bounds::from([(partition, (0, 0))]))?;
    Ok(committed.first().map(|(_, next)| *next))
}

fn refusal(reader: &Reader, group: &str, error: &KafkaError) -> String {
    let trouble = reader.explain(error);
    if trouble.is_forbidden() {
        return format!("this Kafka user may not see the group {group}: grant it Describe and Read on it");
    }
    format!("asking for the group {group}: {trouble}")
}
