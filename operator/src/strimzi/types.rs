//! Strimzi's resources (`kafka.strimzi.io/v1`), only the fields that are needed.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A Kafka cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "Kafka",
    plural = "kafkas",
    namespaced,
    status = "KafkaStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaSpec {
    /// The brokers.
    pub kafka: Brokers,
}

/// The brokers of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Brokers {
    /// Where they listen.
    pub listeners: Vec<Listener>,
    /// How they authorise; none where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Kind>,
}

/// Where brokers listen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Whether it is encrypted.
    pub tls: bool,
    /// How it authenticates; none where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Kind>,
}

/// Something of which only the type matters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Kind {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What the cluster's operator says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaStatus {
    /// The generation that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` or `NotReady`, and warnings.
    pub conditions: Vec<StrimziCondition>,
    /// Where the brokers can be reached.
    pub listeners: Vec<ListenerStatus>,
}

/// Where a listener can be reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// `host:port`, several separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap_servers: Option<String>,
    /// The certificate authorities to trust, in PEM.
    pub certificates: Vec<String>,
}

/// A condition of Strimzi's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StrimziCondition {
    /// `Ready`, `NotReady`, `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// A word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaTopic",
    plural = "kafkatopics",
    namespaced,
    status = "KafkaTopicStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaTopicSpec {
    /// Its name in Kafka; the resource's where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// How many partitions it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// How many copies of each there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Its settings, by Kafka's names.
    pub config: BTreeMap<String, Value>,
}

/// What the topic operator says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaTopicStatus {
    /// The generation that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, true or false.
    pub conditions: Vec<StrimziCondition>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "kafka.strimzi.io",
    version = "v1",
    kind = "KafkaUser",
    plural = "kafkausers",
    namespaced,
    status = "KafkaUserStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaUserSpec {
    /// How it authenticates: `tls` or `scram-sha-512`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Kind>,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<UserAuthorization>,
}

/// What a user may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UserAuthorization {
    /// `simple`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its rights.
    pub acls: Vec<AclRule>,
}

/// Rights on one resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AclRule {
    /// On what.
    pub resource: AclResource,
    /// Which: `Read`, `Write`, `Describe`, ...
    pub operations: Vec<String>,
    /// From where; everywhere where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// What a right is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AclResource {
    /// `topic`, `group`, `transactionalId` or `cluster`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name, or what it begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `literal` or `prefix`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern_type: Option<String>,
}

/// What the user operator says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KafkaUserStatus {
    /// The generation that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready` or `NotReady`.
    pub conditions: Vec<StrimziCondition>,
    /// Its name in Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The Secret with what it authenticates with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
