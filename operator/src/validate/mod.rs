//! Whether what a monitor asks for can be, given what was found: pure.

mod elasticsearch;
mod kafka;
mod manifest;
pub(crate) mod secrets;
mod spec;

use std::collections::BTreeMap;

use bpmonitor_crds::BpMonitor;
use kube::ResourceExt;

pub use elasticsearch::Admin;
pub(crate) use kafka::{allowed, forbidden};

use crate::dereference::{Found, SecretData, key_secret};
use crate::error::Error;
use crate::finding::{Finding, Looked};
use crate::model::{
    Elasticsearch, ElasticsearchLogin, Images, Kafka, KafkaLogin, KafkaTransport, Monitor, Platform,
    Replicas, SecretEntry,
};

/// The entry of the pseudonym key's Secret.
pub const KEY_ENTRY: &str = "key";

/// A monitor as far as it could be resolved. What a part has where it could not be is a placeholder that nothing is built from.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The monitor.
    pub monitor: Monitor,
    /// Whether its Kafka is known, and what is to be said of it.
    pub kafka: Looked<Option<Finding>>,
    /// How the operator comes to its Elasticsearch.
    pub elasticsearch: Looked<Admin>,
    /// Whether the rest of the spec can be.
    pub spec: Looked<()>,
}

/// Puts together what a monitor asks for and what was found.
///
/// # Errors
///
/// The manifest cannot be written, which is a mistake in this program.
pub fn validate(monitor: &BpMonitor, found: &Found, images: &Images) -> Result<Draft, Error> {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let topics = spec::topics(monitor);
    let kafka = kafka::resolve(monitor, found, &topics);
    let elasticsearch = elasticsearch::resolve(monitor, found);
    let (kafka, kafka_state) = match kafka {
        Ok((kafka, state)) => (kafka, Ok(state)),
        Err(finding) => (no_kafka(topics), Err(finding)),
    };
    let (elasticsearch, admin) = match elasticsearch {
        Ok((elasticsearch, admin)) => (elasticsearch, Ok(admin)),
        Err(finding) => (no_elasticsearch(), Err(finding)),
    };
    let scaled_objects = found.scaled_objects;
    let platform = Platform { images: images.clone(), pod_monitors: found.pod_monitors, scaled_objects };
    let resolved = Monitor {
        manifest: manifest::manifest(monitor)?,
        generation: monitor.metadata.generation.unwrap_or_default(),
        uid: monitor.uid().unwrap_or_default(),
        spec: monitor.spec.clone(),
        replicas: replicas(monitor, found),
        pseudonym_key: SecretEntry::new(key_secret(monitor), KEY_ENTRY),
        kafka,
        elasticsearch,
        platform,
        name,
        namespace,
    };
    Ok(Draft {
        spec: spec::check(monitor, found),
        monitor: resolved,
        kafka: kafka_state,
        elasticsearch: admin,
    })
}

/// The operator says how many classifiers there are, until it does not.
fn replicas(monitor: &BpMonitor, found: &Found) -> Replicas {
    let asked = i32::try_from(monitor.spec.classifier.replicas).unwrap_or(i32::MAX);
    match found.scale {
        Some(scale) if scale.is_others => Replicas::Delegated,
        // None are there after a pause, and an autoscaler leaves those alone.
        Some(scale) if scale.replicas > 0 => Replicas::Applied(scale.replicas),
        Some(_) | None => Replicas::Applied(asked),
    }
}

/// Whether the key's Secret is the operator's, and not one that the spec names.
pub fn key_is_ours(monitor: &BpMonitor) -> bool {
    monitor.spec.privacy.key_secret_ref.name.is_empty()
}

fn no_kafka(topics: bpmonitor_settings::Topics) -> Kafka {
    Kafka {
        bootstrap_servers: String::new(),
        topics,
        strimzi: None,
        transport: KafkaTransport::Tls { ca: None },
        producer: KafkaLogin::Anonymous,
        classifier: KafkaLogin::Anonymous,
    }
}

fn no_elasticsearch() -> Elasticsearch {
    Elasticsearch {
        url: String::new(),
        insecure: false,
        ca: None,
        login: ElasticsearchLogin::None,
        index: String::new(),
        alias: String::new(),
    }
}

/// The Secrets of a monitor's namespace, by name.
type Secrets = BTreeMap<String, Option<SecretData>>;
