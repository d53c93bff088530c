//! The names of the Kubernetes objects that belong to a monitor.

/// The workloads of a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The producer of simulated readings.
    Producer,
    /// The classifier.
    Classifier,
}

impl Component {
    /// As labels and names have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Classifier => "classifier",
        }
    }
}

/// Of a workload: its Deployment, Service, `ServiceAccount`, `NetworkPolicy`.
pub fn workload(monitor: &str, component: Component) -> String {
    format!("{monitor}-{}", component.as_str())
}

/// The `ConfigMap` of the manifest.
pub fn manifest(monitor: &str) -> String {
    format!("{monitor}-manifest")
}

/// The `ConfigMap` that says what was written into Kibana.
pub fn kibana(monitor: &str) -> String {
    format!("{monitor}-kibana")
}

/// The copy of the CA of Strimzi's cluster.
pub fn kafka_ca(monitor: &str) -> String {
    format!("{monitor}-kafka-ca")
}

/// The copy of the Secret of a user of Kafka: `producer`, `classifier` or `publisher`.
pub fn kafka_user(monitor: &str, user: &str) -> String {
    format!("{monitor}-kafka-{user}")
}

/// The Secret of the API key for Elasticsearch.
pub fn elasticsearch(monitor: &str) -> String {
    format!("{monitor}-elasticsearch")
}

/// The Secret of the key of pseudonyms, unless the manifest names another.
pub fn pseudonyms(monitor: &str) -> String {
    format!("{monitor}-pseudonyms")
}

/// The volume claim of the archive.
pub fn archive(monitor: &str) -> String {
    format!("{monitor}-archive")
}
