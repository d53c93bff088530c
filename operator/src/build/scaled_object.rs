//! Scaling of the classifiers by lag: KEDA's `ScaledObject`, and the `TriggerAuthentication` with which it reads the consumer group.

use bpmonitor_settings::KafkaMechanism;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::{Map, Value, json};

use super::metadata::owned;
use super::object::Object;
use crate::model::{Kafka, KafkaLogin, KafkaTransport, Monitor, SecretEntry, Username};
use crate::names::{self, Component};

const COMPONENT: Component = Component::Classifier;
/// While a monitor is paused, KEDA keeps this many.
const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";
/// How many times in a row the lag may be unknown until the manifest's own number of replicas holds.
const UNKNOWN_TIMES: u32 = 3;

/// The `ScaledObject` of the classifiers and what it authenticates with, where the manifest wants them scaled and the cluster can.
pub fn scaled_object(monitor: &Monitor) -> Vec<Object> {
    if !is_wanted(monitor) {
        return Vec::new();
    }
    let authentication = authentication(monitor);
    let mut metadata = owned(monitor, name(monitor), COMPONENT.as_str());
    if monitor.spec.paused {
        metadata.annotations = Some([(PAUSED_REPLICAS.to_owned(), "0".to_owned())].into());
    }
    let scaled =
        Object::foreign(resource("ScaledObject"), &metadata, spec(monitor, authentication.is_some()));
    authentication.into_iter().chain([scaled]).collect()
}

/// Whether the classifiers are scaled by KEDA.
pub fn is_wanted(monitor: &Monitor) -> bool {
    monitor.platform.scaled_objects && monitor.spec.classifier.autoscaling.max > 0
}

/// One of KEDA's kinds.
pub fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("keda.sh", "v1alpha1", kind))
}

fn name(monitor: &Monitor) -> String {
    names::workload(&monitor.name, COMPONENT)
}

fn spec(monitor: &Monitor, is_authenticated: bool) -> Value {
    let scaling = monitor.spec.classifier.autoscaling;
    let fallback = monitor.spec.classifier.replicas.clamp(1, scaling.max);
    let mut trigger = json!({
        "type": "kafka",
        "metadata": {
            "bootstrapServers": monitor.kafka.bootstrap_servers,
            "consumerGroup": monitor.kafka.topics.group,
            "topic": monitor.kafka.topics.observations,
            "lagThreshold": scaling.lag_per_replica.to_string(),
            "activationLagThreshold": "0",
            // As the classifier reads where nothing was committed yet.
            "offsetResetPolicy": "earliest",
            // More replicas do not help a partition that does not move, as where Elasticsearch is down.
            "excludePersistentLag": "true",
            "version": "2.8.0",
            "sasl": sasl(&monitor.kafka.classifier),
            "tls": if monitor.kafka.transport == KafkaTransport::Insecure { "disable" } else { "enable" },
        },
    });
    if is_authenticated {
        trigger["authenticationRef"] = json!({"name": name(monitor)});
    }
    json!({
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name(monitor)},
        "pollingInterval": 15,
        // None would be there to commit, and to say how large the lag is.
        "minReplicaCount": 1,
        "maxReplicaCount": scaling.max,
        "fallback": {"failureThreshold": UNKNOWN_TIMES, "replicas": fallback},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {
            "stabilizationWindowSeconds": 300,
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
        }}}},
        "triggers": [trigger],
    })
}

const fn sasl(login: &KafkaLogin) -> &'static str {
    match login {
        KafkaLogin::Anonymous | KafkaLogin::Certificate { .. } => "none",
        KafkaLogin::Password { mechanism: KafkaMechanism::Plain, .. } => "plaintext",
        KafkaLogin::Password { mechanism: KafkaMechanism::ScramSha256, .. } => "scram_sha256",
        KafkaLogin::Password { mechanism: KafkaMechanism::ScramSha512, .. } => "scram_sha512",
    }
}

/// What KEDA reads from Secrets and from the classifier's own environment; none where it needs nothing.
fn authentication(monitor: &Monitor) -> Option<Object> {
    let Kafka { transport, classifier, .. } = &monitor.kafka;
    let mut secrets = Vec::new();
    let mut spec = Map::new();
    if let KafkaTransport::Tls { ca: Some(ca) } = transport {
        secrets.push(parameter("ca", ca));
    }
    match classifier {
        KafkaLogin::Anonymous => {}
        KafkaLogin::Certificate { certificate, key } => {
            secrets.extend([parameter("cert", certificate), parameter("key", key)]);
        }
        KafkaLogin::Password { username, password, .. } => {
            secrets.push(parameter("password", password));
            match username {
                Username::In(entry) => secrets.push(parameter("username", entry)),
                // Of KEDA's parameters this one cannot be given as it is.
                Username::Given(_) => {
                    let from = json!({
                        "parameter": "username",
                        "name": "BPMONITOR_KAFKA_USERNAME",
                        "containerName": COMPONENT.as_str(),
                    });
                    spec.insert("env".to_owned(), json!([from]));
                }
            }
        }
    }
    if secrets.is_empty() {
        return None;
    }
    spec.insert("secretTargetRef".to_owned(), secrets.into());
    let metadata = owned(monitor, name(monitor), COMPONENT.as_str());
    Some(Object::foreign(resource("TriggerAuthentication"), &metadata, spec.into()))
}

fn parameter(parameter: &str, entry: &SecretEntry) -> Value {
    json!({"parameter": parameter, "name": entry.secret, "key": entry.key})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::{monitor, strimzi};
    use crate::model::UserAuthentication;

    const SCALED: &str = "spec: {classifier: {replicas: 2, autoscaling: {max: 3, lagPerReplica: 500}}}";

    #[test]
    fn it_is_there_where_it_is_wanted_and_can_be() {
        let mut scaled = monitor(SCALED);
        assert_eq!(scaled_object(&scaled).len(), 2);
        assert!(scaled_object(&monitor("")).is_empty());
        scaled.platform.scaled_objects = false;
        assert!(scaled_object(&scaled).is_empty());
    }

    #[test]
    fn it_scales_the_deployment_by_the_groups_lag() {
        let objects = scaled_object(&monitor(SCALED));
        let [authentication, scaled] = &objects[..] else { panic!("{objects:?}") };
        assert_eq!((authentication.kind(), scaled.kind()), ("TriggerAuthentication", "ScaledObject"));
        let spec = &scaled.body["spec"];
        assert_eq!(spec["scaleTargetRef"]["name"], "ward-3-classifier");
        assert_eq!((&spec["minReplicaCount"], &spec["maxReplicaCount"]), (&json!(1), &json!(3)));
        assert_eq!(spec["fallback"]["replicas"], 2);
        let trigger = &spec["triggers"][0];
        assert_eq!(trigger["authenticationRef"]["name"], authentication.name);
        let metadata = trigger["metadata"].as_object().unwrap();
        assert!(metadata.values().all(Value::is_string), "{metadata:?}");
        assert_eq!(metadata["consumerGroup"], "bp.cardiology.ward-3.classifier");
        assert_eq!(metadata["topic"], "bp.cardiology.ward-3.observations");
        assert_eq!(metadata["lagThreshold"], "500");
        assert!(scaled.body["metadata"]["annotations"].is_null());
    }

    #[test]
    fn it_authenticates_as_the_classifier() {
        let ca = json!({"parameter": "ca", "name": "ward-3-kafka-ca", "key": "ca.crt"});
        let entry = |parameter: &str, key: &str| json!({"parameter": parameter, "name": "ward-3-kafka-classifier", "key": key});
        let cases = [
            (UserAuthentication::None, "none", json!([ca])),
            (
                UserAuthentication::Tls,
                "none",
                json!([ca, entry("cert", "user.crt"), entry("key", "user.key")]),
            ),
            (
                UserAuthentication::ScramSha512,
                "scram_sha512",
                json!([ca, entry("password", "password"), entry("username", "username")]),
            ),
        ];
        for (authentication, sasl, secrets) in cases {
            let objects = scaled_object(&strimzi(SCALED, authentication));
            assert_eq!(objects[0].body["spec"], json!({"secretTargetRef": secrets}));
            assert_eq!(objects[1].body["spec"]["triggers"][0]["metadata"]["sasl"], sasl);
            assert_eq!(objects[1].body["spec"]["triggers"][0]["metadata"]["tls"], "enable");
        }
    }

    #[test]
    fn a_user_name_that_is_in_no_secret_is_read_from_the_pods() {
        let mut monitor = strimzi(SCALED, UserAuthentication::ScramSha512);
        monitor.kafka.classifier = KafkaLogin::Password {
            mechanism: KafkaMechanism::ScramSha256,
            username: Username::Given("ward".to_owned()),
            password: SecretEntry::new("login", "password"),
        };
        let objects = scaled_object(&monitor);
        let from = json!([{"parameter": "username", "name": "BPMONITOR_KAFKA_USERNAME", "containerName": "classifier"}]);
        assert_eq!(objects[0].body["spec"]["env"], from);
        assert_eq!(objects[1].body["spec"]["triggers"][0]["metadata"]["sasl"], "scram_sha256");
        let body = serde_json::to_value(crate::build::classifier::deployment(&monitor, "")).unwrap();
        let container = &body["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["name"], "classifier");
        let known = json!({"name": "BPMONITOR_KAFKA_USERNAME", "value": "ward"});
        assert!(container["env"].as_array().unwrap().contains(&known));
    }

    #[test]
    fn without_encryption_and_authentication_nothing_is_read() {
        let plain = "spec: {kafka: {bootstrapServers: 'k:9092', insecure: true}, classifier: {autoscaling: {max: 1}}}";
        let objects = scaled_object(&monitor(plain));
        let [scaled] = &objects[..] else { panic!("{objects:?}") };
        let trigger = &scaled.body["spec"]["triggers"][0];
        assert_eq!(
            (&trigger["metadata"]["tls"], trigger.get("authenticationRef")),
            (&json!("disable"), None)
        );
    }

    #[test]
    fn while_paused_it_keeps_none() {
        let mut paused = monitor(SCALED);
        paused.spec.paused = true;
        let scaled = scaled_object(&paused).pop().unwrap();
        assert_eq!(scaled.body["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"], "0");
    }
}
