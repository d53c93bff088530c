//! A `BpMonitor` that validation let through, with all that it refers to resolved. Pure data.

use bpmonitor_crds::BpMonitorSpec;
use bpmonitor_settings::{KafkaMechanism, Topics};
use clap::ValueEnum;

/// A `BpMonitor` that validation let through.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// Its name.
    pub name: String,
    /// Its namespace, in which the workloads are.
    pub namespace: String,
    /// Its UID, for owner references.
    pub uid: String,
    /// The generation of the spec.
    pub generation: i64,
    /// The spec with its defaults.
    pub spec: BpMonitorSpec,
    /// What the workloads read with `-f`: apiVersion, kind, name, namespace and spec, as YAML. The same spec gives the same text.
    pub manifest: String,
    /// How Kafka is reached.
    pub kafka: Kafka,
    /// How Elasticsearch is reached.
    pub elasticsearch: Elasticsearch,
    /// What the cluster and the operator's settings give.
    pub platform: Platform,
    /// How many classifiers there are to be.
    pub replicas: Replicas,
    /// The key of pseudonyms.
    pub pseudonym_key: SecretEntry,
}

/// Who says how many classifiers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicas {
    /// The operator, with this number.
    Applied(i32),
    /// An autoscaler, or somebody else who owns `spec.replicas`: it is not applied.
    Delegated,
}

/// What the cluster and the operator's settings give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The workloads' images.
    pub images: Images,
    /// Whether there are `PodMonitor`s (Prometheus Operator).
    pub pod_monitors: bool,
    /// Whether there are `ScaledObject`s (KEDA).
    pub scaled_objects: bool,
}

/// The workloads' images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// The producer's.
    pub producer: String,
    /// The classifier's.
    pub classifier: String,
    /// When they are pulled.
    pub pull_policy: PullPolicy,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PullPolicy {
    /// Each time a pod starts
    #[value(name = "Always")]
    Always,
    /// Where the node does not have it
    #[default]
    #[value(name = "IfNotPresent")]
    IfNotPresent,
    /// Never: the node must have it
    #[value(name = "Never")]
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// An entry of a Secret in the monitor's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretEntry {
    /// Name of the Secret.
    pub secret: String,
    /// The entry.
    pub key: String,
}

impl SecretEntry {
    /// The entry `key` of the Secret `secret`.
    pub fn new(secret: impl Into<String>, key: impl Into<String>) -> Self {
        Self { secret: secret.into(), key: key.into() }
    }
}

/// How Kafka is reached, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kafka {
    /// `host:port`, several separated by commas.
    pub bootstrap_servers: String,
    /// The topics and the consumer group.
    pub topics: Topics,
    /// The cluster of Strimzi; none where bootstrap servers were given by hand.
    pub strimzi: Option<StrimziCluster>,
    /// Whether it is encrypted.
    pub transport: KafkaTransport,
    /// As whom the producer comes.
    pub producer: KafkaLogin,
    /// As whom the classifier comes.
    pub classifier: KafkaLogin,
}

/// Whether connections to Kafka are encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaTransport {
    /// They are not. For a laboratory only.
    Insecure,
    /// They are.
    Tls {
        /// The certificate authorities to trust; those of the image where none is given.
        ca: Option<SecretEntry>,
    },
}

/// As whom a workload comes to Kafka.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaLogin {
    /// As nobody.
    Anonymous,
    /// With a client certificate.
    Certificate {
        /// The certificate.
        certificate: SecretEntry,
        /// Its private key.
        key: SecretEntry,
    },
    /// With a user name and a password.
    Password {
        /// How the password is proven.
        mechanism: KafkaMechanism,
        /// The user name.
        username: Username,
        /// The password.
        password: SecretEntry,
    },
}

/// A user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Username {
    /// This one.
    Given(String),
    /// The one in a Secret.
    In(SecretEntry),
}

/// A Kafka cluster run by Strimzi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrimziCluster {
    /// Name of the `Kafka` resource.
    pub name: String,
    /// Its namespace, in which topics and users are made.
    pub namespace: String,
    /// How the listener authenticates, and so the users.
    pub authentication: UserAuthentication,
    /// Whether Kafka authorises, so that users need rights.
    pub authorizes: bool,
}

/// How a listener authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAuthentication {
    /// Not at all.
    None,
    /// With client certificates.
    Tls,
    /// With SCRAM-SHA-512.
    ScramSha512,
}

/// How Elasticsearch is reached, and what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elasticsearch {
    /// Its URL.
    pub url: String,
    /// Whether the URL may be without encryption.
    pub insecure: bool,
    /// The certificate authorities to trust; those of the image where none is given.
    pub ca: Option<SecretEntry>,
    /// As whom the classifier comes.
    pub login: ElasticsearchLogin,
    /// The index of anomalies.
    pub index: String,
    /// The filtered alias that the classifier writes through.
    pub alias: String,
}

/// As whom the classifier comes to Elasticsearch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElasticsearchLogin {
    /// With an API key.
    ApiKey(SecretEntry),
    /// With a user name and a password.
    Password {
        /// The user name.
        username: Username,
        /// The password.
        password: SecretEntry,
    },
    /// As nobody.
    None,
}
