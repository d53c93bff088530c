//! Kinds that others define may come while the operator runs.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::{PATIENCE, Ward, elastic, install, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ApiResource, DeleteParams, DynamicObject};
use kube::core::GroupVersionKind;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn pod_monitors_are_made_once_there_are_such() {
    let mut ward = Ward::without_operator().await;
    let definitions = Api::<CustomResourceDefinition>::all(ward.client.clone());
    let name = "podmonitors.monitoring.coreos.com";
    let _ = definitions.delete(name, &DeleteParams::default()).await;
    until("there is no such kind", PATIENCE, || async { definitions.get_opt(name).await.unwrap().is_none() })
        .await;
    ward.start();
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;

    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": name},
        "spec": {
            "group": "monitoring.coreos.com", "scope": "Namespaced",
            "names": {"kind": "PodMonitor", "plural": "podmonitors", "singular": "podmonitor"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    install(&ward.client, &serde_json::from_value(definition).unwrap()).await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PodMonitor"));
    let api = Api::<DynamicObject>::namespaced_with(ward.client.clone(), &ward.namespace, &kind);
    let took = until("the PodMonitor is there", Duration::from_secs(30), || async {
        api.get_opt("ward-3").await.is_ok_and(|object| object.is_some())
    })
    .await;
    println!("noticed after {took:?}");
    ward.end().await;
    definitions.delete(name, &DeleteParams::default()).await.unwrap();
}
