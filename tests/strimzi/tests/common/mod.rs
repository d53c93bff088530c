//! A namespace of the lab's API server with a stand-in of its own.

use std::time::{Duration, Instant};

use bpmonitor_test_strimzi::{Settings, StandIn};
use bpmonitor_test_support::waiting::PATIENCE;
use bpmonitor_test_support::{lab, unique};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::{Value, json};

/// A namespace with a stand-in for the Kafka `bp-kafka`.
pub(crate) struct Bed {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) stand_in: StandIn,
}

impl Bed {
    pub(crate) async fn begin() -> Self {
        let path = std::env::var("BPMONITOR_TEST_KUBECONFIG")
            .unwrap_or_else(|_| lab::Lab::shared().variable("BPMONITOR_TEST_KUBECONFIG"));
        let kubeconfig = Kubeconfig::read_from(path).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        let client = Client::try_from(config).unwrap();
        let namespace = unique::name("strimzi");
        let object: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        Api::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        let settings = Settings::lab(&namespace, "bp-kafka");
        let stand_in = StandIn::start(client.clone(), settings).unwrap();
        Self { client, namespace, stand_in }
    }

    pub(crate) fn api(&self, kind: &str) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("kafka.strimzi.io", "v1", kind);
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::from_gvk(&kind))
    }

    /// Applies a resource of the cluster's; gives its generation.
    pub(crate) async fn apply(&self, kind: &str, name: &str, spec: Value) -> i64 {
        let labels = json!({"strimzi.io/cluster": "bp-kafka", "bpmonitor.dev/monitor": "ward-3"});
        let object = json!({
            "apiVersion": "kafka.strimzi.io/v1", "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec,
        });
        let parameters = PatchParams::apply("test").force();
        let applied = self.api(kind).patch(name, &parameters, &Patch::Apply(&object)).await.unwrap();
        applied.metadata.generation.unwrap()
    }

    /// Waits until the first condition of this generation is this one; gives the status.
    pub(crate) async fn says(&self, kind: &str, name: &str, generation: i64, wanted: (&str, &str)) -> Value {
        let begun = Instant::now();
        let mut status = Value::Null;
        while begun.elapsed() < PATIENCE {
            let object = self.api(kind).get(name).await.unwrap();
            status = object.data["status"].clone();
            let condition = &status["conditions"][0];
            if status["observedGeneration"] == generation
                && (&condition["type"], &condition["status"]) == (&wanted.0.into(), &wanted.1.into())
            {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{kind} {name} of generation {generation} does not say {wanted:?}, but {status}");
    }

    pub(crate) async fn is_ready(&self, kind: &str, name: &str, generation: i64) -> Value {
        self.says(kind, name, generation, ("Ready", "True")).await
    }

    /// An entry of a Secret.
    pub(crate) async fn entry(&self, secret: &str, key: &str) -> Option<String> {
        let secret =
            Api::<Secret>::namespaced(self.client.clone(), &self.namespace).get(secret).await.ok()?;
        String::from_utf8(secret.data?.get(key)?.0.clone()).ok()
    }

    /// Waits until a future says so.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        let begun = Instant::now();
        while !holds().await {
            assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn delete(&self, kind: &str, name: &str) {
        self.api(kind).delete(name, &DeleteParams::default()).await.unwrap();
        self.until("it is gone", || async { self.api(kind).get_opt(name).await.unwrap().is_none() }).await;
    }

    /// Removes all, while the stand-in still lets topics go.
    pub(crate) async fn end(self) {
        for kind in ["KafkaTopic", "KafkaUser", "Kafka"] {
            for object in self.api(kind).list(&ListParams::default()).await.unwrap() {
                self.delete(kind, &object.name_any()).await;
            }
        }
        let namespaces = Api::<Namespace>::all(self.client.clone());
        namespaces.delete(&self.namespace, &DeleteParams::background()).await.unwrap();
    }
}
