//! Whether Strimzi is done with a resource: it says `Ready`, and of the generation that is there.

use kube::ResourceExt;
use serde::de::DeserializeOwned;

use super::types::{Kafka, KafkaTopicStatus, KafkaUserStatus, StrimziCondition};
use crate::cache::Live;
use crate::finding::{Finding, Looked};

/// Where a listener of a cluster answers.
///
/// # Errors
///
/// Strimzi does not say yet.
pub fn bootstrap_servers(kafka: &Kafka, listener: &str) -> Looked<String> {
    let listeners = kafka.status.iter().flat_map(|status| &status.listeners);
    let servers = listeners.into_iter().find(|there| there.name == listener);
    servers
        .and_then(|there| there.bootstrap_servers.clone())
        .filter(|servers| !servers.is_empty())
        .ok_or_else(|| {
            let message =
                format!("Strimzi does not say yet where the listener {listener} answers{}", said_of(kafka));
            Finding::no("KafkaNotReady", message)
        })
}

/// Whether a cluster is ready.
///
/// # Errors
///
/// It is not.
pub fn cluster(kafka: &Kafka) -> Looked<()> {
    let status = kafka.status.as_ref();
    let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let observed = status.and_then(|status| status.observed_generation);
    if is_ready(conditions, observed, kafka.metadata.generation.unwrap_or_default()) {
        return Ok(());
    }
    let full = format!("{}/{}", kafka.namespace().unwrap_or_default(), kafka.name_any());
    Err(Finding::no(
        "KafkaNotReady",
        format!("the Kafka {full} is not ready{}: see its status and pods", said_of(kafka)),
    ))
}

/// Whether a topic is ready; `name` is the resource's.
///
/// # Errors
///
/// It is not.
pub fn topic(name: &str, live: &Live) -> Looked<()> {
    let status: KafkaTopicStatus = status(live);
    if is_ready(&status.conditions, status.observed_generation, live.generation) {
        return Ok(());
    }
    Err(not_yet("TopicNotReady", &format!("the KafkaTopic {name}"), &status.conditions))
}

/// The Secret of a user and its name in Kafka, once it is ready; `name` is the resource's.
///
/// # Errors
///
/// It is not.
pub fn user(name: &str, live: &Live) -> Looked<(String, String)> {
    let status: KafkaUserStatus = status(live);
    if !is_ready(&status.conditions, status.observed_generation, live.generation) {
        return Err(not_yet("UserNotReady", &format!("the KafkaUser {name}"), &status.conditions));
    }
    let or_name = |given: Option<String>| given.unwrap_or_else(|| name.to_owned());
    Ok((or_name(status.secret), or_name(status.username)))
}

fn is_ready(conditions: &[StrimziCondition], observed: Option<i64>, generation: i64) -> bool {
    let ready = conditions.iter().any(|condition| condition.kind == "Ready" && condition.status == "True");
    ready && observed.is_some_and(|observed| observed >= generation)
}

fn not_yet(reason: &str, what: &str, conditions: &[StrimziCondition]) -> Finding {
    let message = match trouble(conditions) {
        Some(said) => format!("{what} is not ready: {said}"),
        None => format!("{what} is not ready yet: Strimzi's entity operator sees to it; is it running?"),
    };
    Finding::no(reason, message)
}

fn said_of(kafka: &Kafka) -> String {
    let said = kafka.status.as_ref().and_then(|status| trouble(&status.conditions));
    said.map(|said| format!(" ({said})")).unwrap_or_default()
}

/// What Strimzi says is wrong.
fn trouble(conditions: &[StrimziCondition]) -> Option<String> {
    let is_trouble = |condition: &&StrimziCondition| {
        matches!(
            (condition.kind.as_str(), condition.status.as_str()),
            ("NotReady", "True") | ("Ready", "False")
        )
    };
    let condition = conditions.iter().find(is_trouble)?;
    let said = [condition.reason.as_deref(), condition.message.as_deref()];
    let said: Vec<_> = said.into_iter().flatten().filter(|said| !said.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(": "))
}

fn status<T: DeserializeOwned + Default>(live: &Live) -> T {
    serde_json::from_value(live.status.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn live(generation: i64, status: Value) -> Live {
        Live { generation, status, ..Live::default() }
    }

    #[test]
    fn ready_counts_for_the_generation_that_is_there() {
        let ready = json!({"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True"}]});
        assert_eq!(topic("t", &live(2, ready.clone())), Ok(()));
        let old = topic("t", &live(3, ready)).unwrap_err();
        assert_eq!(old.reason, "TopicNotReady");
        for status in [Value::Null, json!({"conditions": [{"type": "Ready", "status": "True"}]})] {
            assert!(topic("t", &live(1, status)).is_err());
        }
    }

    #[test]
    fn what_strimzi_says_is_passed_on() {
        let condition = json!({"type": "Ready", "status": "False", "reason": "NotSupported", "message": "no such config"});
        let refused = json!({"observedGeneration": 1, "conditions": [condition]});
        let finding = topic("t", &live(1, refused)).unwrap_err();
        assert!(finding.message.contains("NotSupported: no such config"), "{}", finding.message);
    }

    #[test]
    fn a_user_says_where_its_secret_is() {
        let conditions = json!([{"type": "Ready", "status": "True"}]);
        let status =
            json!({"observedGeneration": 1, "conditions": conditions, "username": "CN=u", "secret": "s"});
        assert_eq!(user("u", &live(1, status)), Ok(("s".to_owned(), "CN=u".to_owned())));
    }
}
