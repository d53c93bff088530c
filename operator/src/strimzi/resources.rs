//! What a monitor needs of Strimzi's operators: its topics, its users, and what these may do.

use bpmonitor_crds::Topic;
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::kafka::{TopicContent, WantedTopic};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sha2::{Digest, Sha256};

use super::types::{
    AclResource, AclRule, KafkaTopic, KafkaTopicSpec, KafkaUser, KafkaUserSpec, Kind, UserAuthorization,
};
use crate::labels;
use crate::model::{Monitor, StrimziCluster, UserAuthentication};

/// The longest name of a user: a certificate's common name has at most so many characters.
const USER_NAME_MAX_LENGTH: usize = 64;
/// How many hexadecimal digits tell two names apart that were cut alike.
const HASH_LENGTH: usize = 12;

/// The users of a monitor's topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// The producer.
    Producer,
    /// The classifiers.
    Classifier,
    /// Whoever publishes from outside.
    Publisher,
}

impl User {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Producer, Self::Classifier, Self::Publisher];

    /// As names have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Classifier => "classifier",
            Self::Publisher => "publisher",
        }
    }

    /// Its name in Kafka, and that of its `KafkaUser`; where it would be too long, the end of what it begins with is a hash.
    pub fn name(self, namespace: &str, monitor: &str) -> String {
        let user = self.as_str();
        let all = Names::new(namespace, monitor).alias();
        let whole = format!("{all}.{user}");
        if whole.len() <= USER_NAME_MAX_LENGTH {
            return whole;
        }
        let hash = hex::encode(Sha256::digest(&all));
        // The other bytes are two dots.
        let begins = &all[..USER_NAME_MAX_LENGTH - user.len() - HASH_LENGTH - 2];
        format!("{}.{}.{user}", begins.trim_end_matches(['.', '-']), &hash[..HASH_LENGTH])
    }
}

/// The topics of a monitor; none where Strimzi does not run its Kafka. They are nobody's, so that they stay when the monitor goes.
pub fn topics(monitor: &Monitor) -> Vec<KafkaTopic> {
    let Some(cluster) = &monitor.kafka.strimzi else { return Vec::new() };
    let topics = &monitor.kafka.topics;
    let names = Names::new(&monitor.namespace, &monitor.name);
    // The API server lets nothing through but a duration.
    let kept = monitor.spec.kafka.topic.retention.to_std().unwrap_or_default();
    [
        (names.observations(), &topics.observations, TopicContent::Observations(kept)),
        (names.rejected(), &topics.rejected, TopicContent::Rejected),
        (names.state(), &topics.state, TopicContent::State),
    ]
    .map(|(name, topic, content)| KafkaTopic {
        metadata: metadata(monitor, cluster, name, "topic"),
        spec: topic_spec(wanted(monitor, topic, content)),
        status: None,
    })
    .into()
}

/// The same topic as where there is no operator.
fn wanted(monitor: &Monitor, name: &str, content: TopicContent) -> WantedTopic {
    let Topic { partitions, replicas, .. } = monitor.spec.kafka.topic;
    WantedTopic { name: name.to_owned(), content, partitions, replicas }
}

fn topic_spec(wanted: WantedTopic) -> KafkaTopicSpec {
    let settings = wanted.settings().into_iter();
    KafkaTopicSpec {
        config: settings.map(|(key, value)| (key.to_owned(), value.into())).collect(),
        partitions: i32::try_from(wanted.partitions).ok(),
        replicas: i32::try_from(wanted.replicas).ok(),
        topic_name: Some(wanted.name),
    }
}

/// The users of a monitor's topics; none where Strimzi does not run its Kafka, or the listener does not ask who it is.
pub fn users(monitor: &Monitor) -> Vec<KafkaUser> {
    let Some(cluster) = &monitor.kafka.strimzi else { return Vec::new() };
    let kind = match cluster.authentication {
        UserAuthentication::None => return Vec::new(),
        UserAuthentication::Tls => "tls",
        UserAuthentication::ScramSha512 => "scram-sha-512",
    };
    User::ALL
        .map(|user| KafkaUser {
            metadata: metadata(monitor, cluster, user.name(&monitor.namespace, &monitor.name), user.as_str()),
            spec: KafkaUserSpec {
                authentication: Some(Kind { kind: kind.to_owned() }),
                authorization: cluster
                    .authorizes
                    .then(|| UserAuthorization { kind: "simple".to_owned(), acls: rights(monitor, user) }),
            },
            status: None,
        })
        .into()
}

fn metadata(monitor: &Monitor, cluster: &StrimziCluster, name: String, component: &str) -> ObjectMeta {
    let mut labels = labels::all(&monitor.namespace, &monitor.name, component);
    labels.insert(labels::STRIMZI_CLUSTER.to_owned(), cluster.name.clone());
    ObjectMeta {
        name: Some(name),
        namespace: Some(cluster.namespace.clone()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// What a user does, and nothing else. The producer reads what it published, to repeat none of it, and how large a record may be.
fn rights(monitor: &Monitor, user: User) -> Vec<AclRule> {
    let topics = &monitor.kafka.topics;
    let topic = |name: &str, operations: &[&str]| rule("topic", name, operations);
    match user {
        User::Producer => vec![
            topic(&topics.observations, &["Describe", "DescribeConfigs", "Read", "Write"]),
            topic(&topics.state, &["Describe", "Read", "Write"]),
        ],
        User::Classifier => vec![
            topic(&topics.observations, &["Describe", "Read"]),
            topic(&topics.rejected, &["Describe", "Write"]),
            rule("group", &topics.group, &["Describe", "Read"]),
        ],
        User::Publisher => vec![topic(&topics.observations, &["Describe", "Write"])],
    }
}

fn rule(kind: &str, name: &str, operations: &[&str]) -> AclRule {
    AclRule {
        resource: AclResource {
            kind: kind.to_owned(),
            name: Some(name.to_owned()),
            pattern_type: Some("literal".to_owned()),
        },
        operations: operations.iter().map(|operation| (*operation).to_owned()).collect(),
        host: Some("*".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::NAME_MAX_LENGTH;
    use serde_json::json;

    use super::*;
    use crate::build::fixtures::{monitor, strimzi};

    #[test]
    fn there_are_three_topics_in_the_clusters_namespace() {
        let monitor =
            monitor("spec: {kafka: {topic: {name: Ward_3, partitions: 6, replicas: 2, retention: 24h}}}");
        let topics = topics(&monitor);
        let names: Vec<_> = topics.iter().map(|topic| topic.metadata.name.as_deref().unwrap()).collect();
        assert_eq!(
            names,
            ["observations", "rejected", "state"].map(|topic| format!("bp.cardiology.ward-3.{topic}"))
        );
        // A topic may have a name that no resource may have.
        let in_kafka: Vec<_> = topics.iter().map(|topic| topic.spec.topic_name.as_deref().unwrap()).collect();
        assert_eq!(in_kafka, ["Ward_3", "bp.cardiology.ward-3.rejected", "bp.cardiology.ward-3.state"]);
        for topic in &topics {
            assert_eq!((topic.spec.partitions, topic.spec.replicas), (Some(6), Some(2)));
            assert_eq!(topic.spec.config["max.message.bytes"], "33554432");
            assert_eq!(topic.metadata.namespace.as_deref(), Some("kafka"));
            assert_eq!(topic.metadata.owner_references, None);
            let labels = topic.metadata.labels.as_ref().unwrap();
            assert_eq!(&*labels["strimzi.io/cluster"], "bp-kafka");
            assert_eq!(labels::owner(labels), Some(("cardiology", "ward-3")));
        }
        let config = |at: usize, key| topics[at].spec.config.get(key).cloned();
        assert_eq!(config(0, "retention.ms"), Some(json!("86400000")));
        assert_eq!(config(1, "retention.ms"), Some(json!("604800000")));
        assert_eq!((config(2, "cleanup.policy"), config(2, "retention.ms")), (Some(json!("compact")), None));
    }

    #[test]
    fn users_authenticate_as_the_listener_asks() {
        let cases = [(UserAuthentication::Tls, "tls"), (UserAuthentication::ScramSha512, "scram-sha-512")];
        for (how, kind) in cases {
            let users = users(&strimzi("", how));
            assert_eq!(users.len(), 3);
            assert!(users.iter().all(|user| user.spec.authentication.as_ref().unwrap().kind == kind));
        }
        assert!(users(&strimzi("", UserAuthentication::None)).is_empty());
    }

    #[test]
    fn users_may_do_what_they_do() {
        let users = users(&monitor(""));
        let rights = |user: &KafkaUser| -> Vec<String> {
            let acls = &user.spec.authorization.as_ref().unwrap().acls;
            let right = |rule: &AclRule| {
                let name = rule.resource.name.as_deref().unwrap().rsplit('.').next().unwrap();
                format!("{} {name}: {}", rule.resource.kind, rule.operations.join(" "))
            };
            acls.iter().map(right).collect()
        };
        assert_eq!(
            users.iter().map(rights).collect::<Vec<_>>(),
            [
                vec![
                    "topic observations: Describe DescribeConfigs Read Write",
                    "topic state: Describe Read Write"
                ],
                vec![
                    "topic observations: Describe Read",
                    "topic rejected: Describe Write",
                    "group classifier: Describe Read"
                ],
                vec!["topic observations: Describe Write"],
            ]
        );
    }

    #[test]
    fn without_authorisation_there_are_no_rights() {
        let mut monitor = monitor("");
        monitor.kafka.strimzi.as_mut().unwrap().authorizes = false;
        assert!(users(&monitor).iter().all(|user| user.spec.authorization.is_none()));
    }

    #[test]
    fn bootstrap_servers_by_hand_need_neither() {
        let monitor = monitor("spec: {kafka: {bootstrapServers: 'k:9092'}}");
        assert!(topics(&monitor).is_empty() && users(&monitor).is_empty());
    }

    #[test]
    fn a_users_name_is_short_and_its_own() {
        assert_eq!(User::Publisher.name("cardiology", "ward-3"), "bp.cardiology.ward-3.publisher");
        let (namespace, monitor) = ("n".repeat(63), "m".repeat(NAME_MAX_LENGTH));
        let mut all: Vec<_> = User::ALL.map(|user| user.name(&namespace, &monitor)).into();
        all.push(User::Classifier.name(&namespace, &monitor.replacen('m', "o", 1)));
        all.push(User::Classifier.name(&"n".repeat(38), &format!("-{monitor}")));
        for name in &all {
            assert!(name.len() <= 64, "{name}");
            // As a resource must be called.
            assert!(
                name.split('.')
                    .all(|part| !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')),
                "{name}"
            );
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5);
        // At the limit nothing is cut.
        let exact = User::Producer.name(&"n".repeat(42), "ward-3");
        assert_eq!((exact.len(), exact.contains("ward-3")), (61, true));
    }
}
