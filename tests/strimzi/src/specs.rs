//! What Strimzi's resources ask for, as far as the stand-in does it. Read on its own, and not by the operator's types: those are tested.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One of Strimzi's kinds.
pub(crate) fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind))
}

/// What a `KafkaTopic` asks for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Topic {
    /// Its name in Kafka; the resource's where there is none.
    #[serde(rename = "topicName")]
    pub(crate) name: Option<String>,
    /// How many partitions.
    pub(crate) partitions: Option<i32>,
    /// How many copies of each.
    pub(crate) replicas: Option<i16>,
    /// Its settings.
    pub(crate) config: BTreeMap<String, Value>,
}

/// What a `KafkaUser` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct User {
    /// How it authenticates.
    pub(crate) authentication: Option<Kind>,
    /// What it may do.
    pub(crate) authorization: Option<Authorization>,
}

/// Something of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Kind {
    /// The type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// What a user may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Authorization {
    /// `simple`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The rules.
    #[serde(default)]
    pub(crate) acls: Vec<Acl>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Acl {
    /// `allow` or `deny`.
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// On what.
    pub resource: AclResource,
    /// What.
    pub operations: Vec<String>,
    /// From where.
    #[serde(default)]
    pub host: Option<String>,
}

/// What a rule is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AclResource {
    /// `topic`, `group`, `cluster`, `transactionalId`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// `literal` or `prefix`.
    #[serde(default)]
    pub pattern_type: Option<String>,
}

/// What a `Kafka` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Kafka {
    /// The brokers.
    pub(crate) kafka: Brokers,
}

/// The brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Brokers {
    /// Where they listen.
    #[serde(default)]
    pub(crate) listeners: Vec<Listener>,
}

/// Where brokers listen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Listener {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is encrypted.
    #[serde(default)]
    pub(crate) tls: bool,
    /// How it authenticates.
    #[serde(default)]
    pub(crate) authentication: Option<Kind>,
}

/// The spec of a resource.
pub(crate) fn spec<T: DeserializeOwned>(object: &DynamicObject) -> Result<T> {
    let spec = object.data.get("spec").cloned().unwrap_or(Value::Null);
    serde_json::from_value(spec).context("the spec is not as Strimzi's")
}
