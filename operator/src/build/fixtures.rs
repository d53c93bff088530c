//! Monitors for tests: a manifest, resolved as validation would.

use bpmonitor_crds::manifest::read_manifest;
use bpmonitor_crds::names::Names;
use bpmonitor_crds::{
    BpMonitor, BpMonitorSpec, ElasticsearchAccess, KafkaAccess, KafkaMechanism as ManifestMechanism,
};
use bpmonitor_settings::{KafkaMechanism, Topics};
use k8s_openapi::api::apps::v1::Deployment;

use super::{Checksums, Object, workloads};
use crate::model::{
    Elasticsearch, ElasticsearchLogin, Images, Kafka, KafkaLogin, KafkaTransport, Monitor, Platform,
    PullPolicy, Replicas, SecretEntry, StrimziCluster, UserAuthentication, Username,
};
use crate::names;

/// Of what the manifest says behind its name, in a cluster that has everything.
pub(crate) fn monitor(yaml: &str) -> Monitor {
    strimzi(yaml, UserAuthentication::Tls)
}

/// The same, where Strimzi's listener authenticates like this.
pub(crate) fn strimzi(yaml: &str, authentication: UserAuthentication) -> Monitor {
    let yaml = if yaml.is_empty() { "spec: {}" } else { yaml };
    let head = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: ward-3, namespace: cardiology}";
    let resource =
        read_manifest(&format!("{head}\n{yaml}\n")).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}"));
    resolve(&resource, authentication)
}

/// All objects.
pub(crate) fn all(monitor: &Monitor) -> Vec<Object> {
    workloads(monitor, &checksums())
}

fn checksums() -> Checksums {
    Checksums { producer: "0f1e".to_owned(), classifier: "2d3c".to_owned() }
}

/// `Kind name` of each.
pub(crate) fn kinds_and_names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| format!("{} {}", object.kind(), object.name)).collect()
}

/// The producer's and the classifier's.
pub(crate) fn deployments(monitor: &Monitor) -> [Deployment; 2] {
    let Checksums { producer, classifier } = checksums();
    [super::producer::deployment(monitor, &producer), super::classifier::deployment(monitor, &classifier)]
}

fn resolve(resource: &BpMonitor, authentication: UserAuthentication) -> Monitor {
    let name = resource.metadata.name.clone().unwrap();
    let namespace = resource.metadata.namespace.clone().unwrap();
    let spec = &resource.spec;
    let kafka = match spec.kafka.access() {
        KafkaAccess::Cluster(_) => strimzis(spec, &namespace, &name, authentication),
        KafkaAccess::BootstrapServers(servers) => by_hand(spec, &namespace, &name, servers),
    };
    let key = &spec.privacy.key_secret_ref.name;
    let key = if key.is_empty() { names::pseudonyms(&name) } else { key.clone() };
    Monitor {
        uid: "6a2f5c1e-8f0b-4a55-9d4c-0d6b8b8f6f11".to_owned(),
        generation: 1,
        manifest: serde_json::to_string(resource).unwrap(),
        elasticsearch: elasticsearch(spec, &namespace, &name),
        kafka,
        platform: Platform {
            images: Images {
                producer: "bpmonitor-producer:0.1.0".to_owned(),
                classifier: "bpmonitor-classifier:0.1.0".to_owned(),
                pull_policy: PullPolicy::IfNotPresent,
            },
            pod_monitors: true,
            scaled_objects: true,
        },
        replicas: Replicas::Applied(i32::try_from(spec.classifier.replicas).unwrap()),
        pseudonym_key: SecretEntry::new(key, "key"),
        spec: spec.clone(),
        name,
        namespace,
    }
}

fn topics(spec: &BpMonitorSpec, namespace: &str, name: &str) -> Topics {
    let names = Names::new(namespace, name);
    let given = &spec.kafka.topic.name;
    Topics {
        observations: if given.is_empty() { names.observations() } else { given.clone() },
        rejected: names.rejected(),
        state: names.state(),
        group: names.group(),
    }
}

fn strimzis(spec: &BpMonitorSpec, namespace: &str, name: &str, authentication: UserAuthentication) -> Kafka {
    let login = |user: &str| {
        let entry = |key: &str| SecretEntry::new(names::kafka_user(name, user), key);
        match authentication {
            UserAuthentication::None => KafkaLogin::Anonymous,
            UserAuthentication::Tls => {
                KafkaLogin::Certificate { certificate: entry("user.crt"), key: entry("user.key") }
            }
            UserAuthentication::ScramSha512 => KafkaLogin::Password {
                mechanism: KafkaMechanism::ScramSha512,
                username: Username::In(entry("username")),
                password: entry("password"),
            },
        }
    };
    Kafka {
        bootstrap_servers: "bp-kafka-kafka-bootstrap.kafka.svc:9093".to_owned(),
        topics: topics(spec, namespace, name),
        strimzi: Some(StrimziCluster {
            name: "bp-kafka".to_owned(),
            namespace: "kafka".to_owned(),
            authentication,
            authorizes: true,
        }),
        transport: KafkaTransport::Tls { ca: Some(SecretEntry::new(names::kafka_ca(name), "ca.crt")) },
        producer: login("producer"),
        classifier: login("classifier"),
    }
}

fn by_hand(spec: &BpMonitorSpec, namespace: &str, name: &str, servers: &str) -> Kafka {
    let ca = spec.kafka.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref());
    let ca = ca.map(|ca| SecretEntry::new(&ca.name, &ca.key));
    let login = spec.kafka.auth.as_ref().map_or(KafkaLogin::Anonymous, |auth| {
        let entry = |key| SecretEntry::new(&auth.secret_ref.name, key);
        let mechanism = match auth.mechanism {
            ManifestMechanism::Tls => {
                return KafkaLogin::Certificate { certificate: entry("tls.crt"), key: entry("tls.key") };
            }
            ManifestMechanism::ScramSha512 => KafkaMechanism::ScramSha512,
            ManifestMechanism::ScramSha256 => KafkaMechanism::ScramSha256,
            ManifestMechanism::Plain => KafkaMechanism::Plain,
        };
        let (username, password) = (Username::In(entry("username")), entry("password"));
        KafkaLogin::Password { mechanism, username, password }
    });
    Kafka {
        bootstrap_servers: servers.to_owned(),
        topics: topics(spec, namespace, name),
        strimzi: None,
        transport: if spec.kafka.insecure { KafkaTransport::Insecure } else { KafkaTransport::Tls { ca } },
        producer: login.clone(),
        classifier: login,
    }
}

fn elasticsearch(spec: &BpMonitorSpec, namespace: &str, name: &str) -> Elasticsearch {
    let names = Names::new(namespace, name);
    let own = |key| SecretEntry::new(names::elasticsearch(name), key);
    let given = &spec.elasticsearch;
    let (url, ca, login) = match given.access() {
        ElasticsearchAccess::Cluster(cluster) => {
            let url = format!("https://{}-es-http.{namespace}.svc:9200", cluster.name);
            (url, Some(own("ca.crt")), ElasticsearchLogin::ApiKey(own("api-key")))
        }
        ElasticsearchAccess::Url(url) => {
            let ca = given.ca_secret_ref.as_ref().map(|ca| SecretEntry::new(&ca.name, &ca.key));
            let login = given.auth.as_ref().map_or(ElasticsearchLogin::None, |auth| {
                let entry = |key| SecretEntry::new(&auth.secret_ref.name, key);
                let (username, password) = (Username::In(entry("username")), entry("password"));
                ElasticsearchLogin::Password { username, password }
            });
            (url.to_owned(), ca, login)
        }
    };
    Elasticsearch { url, insecure: given.insecure, ca, login, index: names.index(), alias: names.alias() }
}
