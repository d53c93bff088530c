//! Stands in for Strimzi's operators, which run nowhere here: says of a namespace's resources what they say. There is no broker.

use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::task::JoinHandle;

use bpmonitor_operator::strimzi::types::StrimziCondition;
use bpmonitor_operator::strimzi::{Kafka, KafkaTopic, KafkaUser};

use super::Ward;

/// A `Kafka` called bp-kafka that is ready, and what sees to topics and users until it is dropped.
pub(crate) struct Strimzi(JoinHandle<()>);

impl Drop for Strimzi {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins in the namespace of a ward.
pub(crate) async fn begin(ward: &Ward) -> Strimzi {
    cluster(ward).await;
    let (client, namespace) = (ward.client.clone(), ward.namespace.clone());
    Strimzi(tokio::spawn(async move {
        loop {
            topics(&client, &namespace).await;
            users(&client, &namespace).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }))
}

/// Makes a ready `Kafka` with the listeners `plain` and `tls`.
pub(crate) async fn cluster(ward: &Ward) {
    let applied = ward
        .apply(json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": "Kafka", "metadata": {"name": "bp-kafka"},
            "spec": {"kafka": {
                "listeners": [
                    {"name": "plain", "port": 9092, "type": "internal", "tls": false},
                    {"name": "tls", "port": 9093, "type": "internal", "tls": true, "authentication": {"type": "tls"}},
                ],
                "authorization": {"type": "simple"},
            }},
        }))
        .await;
    ward.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bp-kafka-cluster-ca-cert"},
        "stringData": {"ca.crt": "a certificate authority"},
    }))
    .await;
    say_cluster(ward, applied.metadata.generation.unwrap(), "Ready").await;
}

/// Says of the cluster that it is `Ready` or `NotReady`.
pub(crate) async fn say_cluster(ward: &Ward, generation: i64, what: &str) {
    let listener = |name: &str, port: u16| {
        let servers = format!("bp-kafka-bootstrap.{}.svc:{port}", ward.namespace);
        json!({"name": name, "bootstrapServers": servers})
    };
    let status = json!({"status": {
        "observedGeneration": generation,
        "conditions": [{"type": what, "status": "True", "reason": "Tested", "message": "as the test wants it"}],
        "listeners": [listener("plain", 9092), listener("tls", 9093)],
    }});
    let api = ward.api::<Kafka>();
    api.patch_status("bp-kafka", &PatchParams::default(), &Patch::Merge(status)).await.expect("a status");
}

fn is_said(conditions: &[StrimziCondition], observed: Option<i64>, generation: Option<i64>) -> bool {
    observed == generation && !conditions.is_empty()
}

async fn topics(client: &Client, namespace: &str) {
    let api = Api::<KafkaTopic>::namespaced(client.clone(), namespace);
    let Ok(topics) = api.list(&ListParams::default()).await else { return };
    for topic in topics {
        let status = topic.status.clone().unwrap_or_default();
        if is_said(&status.conditions, status.observed_generation, topic.metadata.generation) {
            continue;
        }
        let said = json!({"status": {
            "observedGeneration": topic.metadata.generation,
            "conditions": [{"type": "Ready", "status": "True"}],
        }});
        let _ = api.patch_status(&topic.name_any(), &PatchParams::default(), &Patch::Merge(said)).await;
    }
}

async fn users(client: &Client, namespace: &str) {
    let api = Api::<KafkaUser>::namespaced(client.clone(), namespace);
    let Ok(users) = api.list(&ListParams::default()).await else { return };
    for user in users {
        let status = user.status.clone().unwrap_or_default();
        if is_said(&status.conditions, status.observed_generation, user.metadata.generation) {
            continue;
        }
        let name = user.name_any();
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {"user.crt": format!("certificate of {name}"), "user.key": "a key", "ca.crt": "of clients"},
        });
        let secrets = Api::<Secret>::namespaced(client.clone(), namespace);
        let parameters = PatchParams::apply("strimzi").force();
        let _ = secrets.patch(&name, &parameters, &Patch::Apply(&secret)).await;
        let said = json!({"status": {
            "observedGeneration": user.metadata.generation,
            "conditions": [{"type": "Ready", "status": "True"}],
            "username": format!("CN={name}"),
            "secret": name,
        }});
        let _ = api.patch_status(&name, &PatchParams::default(), &Patch::Merge(said)).await;
    }
}
