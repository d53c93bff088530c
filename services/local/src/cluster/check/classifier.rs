//! The classifier: whether it runs, and how far behind it is.

use std::time::Duration;

use anyhow::{Result, anyhow};
use bpmonitor_pipeline::cluster::kafka::{GroupProgress, KafkaTrouble};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;

use super::Check;
use super::report::Report;
use crate::cluster::reader::Reader;
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
        Err(error) => return report.failure(CHECK, refusal(&reader.explain(&error), group)).map(|()| false),
    };
    let (lag, counts) = match progress(check, reader) {
        Ok(progress) => (progress.lag(), progress.counts()),
        Err(error) => return report.failure(CHECK, format!("{error:#}")).map(|()| false),
    };
    let waiting =
        if lag == 1 { "1 record waits".to_owned() } else { format!("{} records wait", grouped(lag)) };
    if members > 0 {
        let members =
            if members == 1 { "1 replica runs".to_owned() } else { format!("{members} replicas run") };
        let done = format!(
            "{} readings classified so far, {} anomalies among them, {} rejected",
            grouped(counts.classified),
            grouped(counts.anomalies),
            grouped(counts.rejected)
        );
        return report.ok(CHECK, format!("{members}, {waiting}; {done}")).map(|()| true);
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

/// How far the group is with the Observations' topic.
pub(super) fn progress(check: &Check<'_>, reader: &Reader) -> Result<GroupProgress> {
    let progress = GroupProgress::ask(reader.consumer(), &check.topics.observations, ANSWERS_WITHIN);
    progress.map_err(|trouble| anyhow!(refusal(&trouble, &check.topics.group)))
}

fn refusal(trouble: &KafkaTrouble, group: &str) -> String {
    if trouble.is_forbidden() {
        return format!("this Kafka user may not see the group {group}: grant it Describe and Read on it");
    }
    format!("asking for the group {group}: {trouble}")
}
