//! Kafka: how it is reached, and the observations' topic.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    HumanDuration, SecretKeyRef, SecretRef,
    rules::{add, forbidden_at, immutable, one_way, only_with, rule, rule_at},
};

/// How Kafka is reached, and the observations' topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = rules)]
pub struct Kafka {
    /// A cluster run by Strimzi. This or bootstrapServers; with neither, the cluster `bp-kafka` in the monitor's
    /// own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<KafkaClusterRef>,
    /// Any Kafka, as `host:port`, several separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub bootstrap_servers: Option<String>,
    /// TLS towards bootstrapServers. Without it the certificate authorities of the image are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<KafkaTls>,
    /// Authentication towards bootstrapServers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<KafkaAuth>,
    /// Connects to bootstrapServers without encryption. For a laboratory only.
    pub insecure: bool,
    /// The observations' topic.
    pub topic: Topic,
}

/// A Kafka cluster run by Strimzi.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct KafkaClusterRef {
    /// Name of the Kafka resource.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; empty: the monitor's own. Elsewhere the Kafka resource must allow it with the annotation
    /// `bpmonitor.dev/allow-namespaces`.
    #[schemars(length(max = 63))]
    pub namespace: String,
    /// Name of the listener to connect to.
    #[schemars(length(min = 1, max = 63))]
    pub listener: String,
}

/// TLS towards Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct KafkaTls {
    /// The certificate authorities to trust, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// Authentication towards Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct KafkaAuth {
    /// The Secret with `username` and `password`, or for TLS with `tls.crt` and `tls.key`.
    pub secret_ref: SecretRef,
    /// How to authenticate: SCRAM-SHA-512, SCRAM-SHA-256, PLAIN, or TLS (a client certificate).
    #[serde(default)]
    pub mechanism: KafkaMechanism,
}

/// How to authenticate towards Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum KafkaMechanism {
    /// SASL with a salted password hash (SHA-512).
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// SASL with a salted password hash (SHA-256).
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// SASL with the password itself.
    #[serde(rename = "PLAIN")]
    Plain,
    /// A client certificate.
    #[serde(rename = "TLS")]
    Tls,
}

/// The observations' topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Topic {
    /// Name of the topic. Empty: `bp.<namespace>.<name>.observations`. Cannot be changed.
    #[schemars(length(max = 249), transform = topic_name_rules)]
    pub name: String,
    /// Number of partitions, which bounds the classifier's replicas. Cannot be changed.
    #[schemars(range(min = 1, max = 10_000), transform = partitions_rules)]
    pub partitions: u32,
    /// Number of copies of each partition.
    #[schemars(range(min = 1, max = 32_767))]
    pub replicas: u32,
    /// How long Kafka keeps an observation: a whole number and a unit (s, m, h, d).
    pub retention: HumanDuration,
    /// Whether every record's key is its one patient. False for Bundles and foreign publishers: readings are then
    /// published once more, keyed, to `.readings`.
    pub keyed: bool,
}

/// The one way by which Kafka is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaAccess<'a> {
    /// Through a cluster run by Strimzi.
    Cluster(Cow<'a, KafkaClusterRef>),
    /// Through bootstrap servers, `host:port`, several separated by commas.
    BootstrapServers(&'a str),
}

impl Kafka {
    /// How Kafka is reached, the default filled in.
    pub fn access(&self) -> KafkaAccess<'_> {
        match (&self.cluster_ref, &self.bootstrap_servers) {
            (None, Some(servers)) => KafkaAccess::BootstrapServers(servers),
            (Some(cluster), _) => KafkaAccess::Cluster(Cow::Borrowed(cluster)),
            (None, None) => KafkaAccess::Cluster(Cow::Owned(KafkaClusterRef::default())),
        }
    }
}

impl Default for KafkaClusterRef {
    fn default() -> Self {
        Self { name: "bp-kafka".to_owned(), namespace: String::new(), listener: "tls".to_owned() }
    }
}

impl Default for Topic {
    fn default() -> Self {
        Self {
            name: String::new(),
            partitions: 3,
            replicas: 1,
            retention: HumanDuration::new("7d"),
            keyed: true,
        }
    }
}

fn rules(schema: &mut Schema) {
    add(schema, [one_way("clusterRef", "bootstrapServers"), servers_well_formed()]);
    add(schema, only_with("bootstrapServers", &["tls", "auth"]));
    add(
        schema,
        [
            forbidden_at(
                ".insecure",
                "!self.insecure || has(self.bootstrapServers)",
                "belongs to bootstrapServers, which is not set: remove it (a cluster's listener says whether it \
                 is encrypted)",
            ),
            forbidden_at(
                ".insecure",
                "!self.insecure || !has(self.tls)",
                "cannot be true beside tls: remove one of them",
            ),
            forbidden_at(
                ".insecure",
                "!self.insecure || !has(self.auth) || self.auth.mechanism != 'TLS'",
                "cannot be true with auth.mechanism TLS, which needs encryption: remove one of them",
            ),
        ],
    );
}

fn servers_well_formed() -> kube::core::Rule {
    const SERVER: &str = r"(\\[[0-9A-Fa-f:.]+\\]|[0-9A-Za-z._-]+):[0-9]{1,5}";
    rule_at(
        ".bootstrapServers",
        format!("!has(self.bootstrapServers) || self.bootstrapServers.matches('^{SERVER}(,{SERVER})*$')"),
        "must be host:port, several separated by commas without spaces, as in kafka-0:9092,kafka-1:9092",
    )
}

fn topic_name_rules(schema: &mut Schema) {
    add(
        schema,
        [
            rule(
                "self.matches('^[0-9A-Za-z._-]*$') && self != '.' && self != '..'",
                "must be letters, digits, dots, underscores and hyphens only, or empty",
            ),
            immutable("since what was published would stay behind in the old topic"),
        ],
    );
}

fn partitions_rules(schema: &mut Schema) {
    add(
        schema,
        [immutable("since a patient's readings would move to another partition and lose their order")],
    );
}
