//! Stands in for Strimzi's operators, which run nowhere here: says of a namespace's resources what they say. There is no broker.

use std::fmt::Debug;

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
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
    follow(ward)
}

/// Sees to topics and users alone.
pub(crate) fn follow(ward: &Ward) -> Strimzi {
    let (client, namespace) = (ward.client.clone(), ward.namespace.clone());
    Strimzi(tokio::spawn(async move {
        let topics = Api::<KafkaTopic>::namespaced(client.clone(), &namespace);
        let users = Api::<KafkaUser>::namespaced(client.clone(), &namespace);
        let secrets = Api::<Secret>::namespaced(client.clone(), &namespace);
        tokio::join!(
            each(topics.clone(), |topic| see_topic(&topics, topic)),
            each(users.clone(), |user| see_user(&users, &secrets, user)),
        );
    }))
}

/// Does this for each object of a kind that comes or changes.
async fn each<K, F, Fut>(api: Api<K>, see: F)
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
    F: Fn(K) -> Fut,
    Fut: Future<Output = ()>,
{
    let objects = watcher(api, watcher::Config::default()).default_backoff().applied_objects();
    // What fails is tried again by the watch.
    objects
        .for_each_concurrent(16, |object| async {
            if let Ok(object) = object {
                see(object).await;
            }
        })
        .await;
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

async fn see_topic(topics: &Api<KafkaTopic>, topic: KafkaTopic) {
    let status = topic.status.clone().unwrap_or_default();
    if is_said(&status.conditions, status.observed_generation, topic.metadata.generation) {
        return;
    }
    let said = json!({"status": {
        "observedGeneration": topic.metadata.generation,
        "conditions": [{"type": "Ready", "status": "True"}],
    }});
    let _ = topics.patch_status(&topic.name_any(), &PatchParams::default(), &Patch::Merge(said)).await;
}

async fn see_user(users: &Api<KafkaUser>, secrets: &Api<Secret>, user: KafkaUser) {
    let status = user.status.clone().unwrap_or_default();
    if is_said(&status.conditions, status.observed_generation, user.metadata.generation) {
        return;
    }
    let name = user.name_any();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"user.crt": format!("certificate of {name}"), "user.key": "a key", "ca.crt": "of clients"},
    });
    let _ = secrets.patch(&name, &PatchParams::apply("strimzi").force(), &Patch::Apply(&secret)).await;
    let said = json!({"status": {
        "observedGeneration": user.metadata.generation,
        "conditions": [{"type": "Ready", "status": "True"}],
        "username": format!("CN={name}"),
        "secret": name,
    }});
    let _ = users.patch_status(&name, &PatchParams::default(), &Patch::Merge(said)).await;
}
