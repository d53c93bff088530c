//! What is made for a monitor is there, stays as it is to be, and is let alone once it is.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::strimzi::{KafkaTopic, KafkaUser};
use common::{PATIENCE, REPAIR, Ward, elastic, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

/// A ward with a monitor that is as ready as it can be without a node.
async fn with_monitor() -> (Ward, strimzi::Strimzi) {
    let ward = Ward::begin().await;
    let strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    (ward, strimzi)
}

async fn comes_back<K>(ward: &Ward, name: &str)
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = ward.api();
    let uid = there(&api, name, PATIENCE).await.uid();
    api.delete(name, &DeleteParams::background()).await.unwrap();
    let took = until(&format!("the {} {name} is back", K::kind(&())), REPAIR, || async {
        api.get_opt(name).await.is_ok_and(|object| object.is_some_and(|object| object.uid() != uid))
    })
    .await;
    println!("{} {name}: back after {took:?}", K::kind(&()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_gets_all_that_it_needs_and_says_so() {
    let (ward, _strimzi) = with_monitor().await;
    there(&ward.api::<KafkaTopic>(), &format!("bp.{}.ward-3.observations", ward.namespace), PATIENCE).await;
    let secret = there(&ward.api::<Secret>(), "ward-3-kafka-publisher", PATIENCE).await;
    let data = secret.data.unwrap();
    let text = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
    assert_eq!(text("ca.crt"), "a certificate authority", "not that of clients");
    assert_eq!(text("topic"), format!("bp.{}.ward-3.observations", ward.namespace));
    let classifier = there(&ward.api::<Deployment>(), "ward-3-classifier", PATIENCE).await;
    assert_eq!(classifier.owner_references()[0].kind, "BpMonitor");

    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    // There is no node, so nothing runs, and that is what is said.
    ward.condition_is("ward-3", "ProducerAvailable", "False", "NotAvailable").await;
    ward.condition_is("ward-3", "Ready", "False", "NotAvailable").await;
    ward.condition_is("ward-3", "Paused", "False", "Running").await;
    let status = ward.api::<BpMonitor>().get("ward-3").await.unwrap().status.unwrap();
    assert_eq!(status.index.unwrap(), format!("bp.{}.ward-3.anomalies", ward.namespace));
    assert!(status.classifier.unwrap().selector.contains("app.kubernetes.io/component=classifier"));
    assert_eq!(status.thresholds.unwrap().crisis.unwrap().systolic, Some(180));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_comes_back() {
    let (ward, _strimzi) = with_monitor().await;
    comes_back::<ConfigMap>(&ward, "ward-3-manifest").await;
    comes_back::<ServiceAccount>(&ward, "ward-3-classifier").await;
    comes_back::<Service>(&ward, "ward-3-producer").await;
    comes_back::<NetworkPolicy>(&ward, "ward-3-classifier").await;
    comes_back::<PodDisruptionBudget>(&ward, "ward-3-classifier").await;
    comes_back::<Deployment>(&ward, "ward-3-classifier").await;
    comes_back::<Secret>(&ward, "ward-3-kafka-ca").await;
    comes_back::<KafkaTopic>(&ward, &format!("bp.{}.ward-3.state", ward.namespace)).await;
    comes_back::<KafkaUser>(&ward, &format!("bp.{}.ward-3.producer", ward.namespace)).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changes_is_put_back() {
    let (ward, _strimzi) = with_monitor().await;
    ward.settled().await;
    let by_hand = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };

    let deployments = ward.api::<Deployment>();
    let image = json!({"spec": {"replicas": 7, "template": {"spec": {"containers": [{"name": "classifier", "image": "other:1"}]}}}});
    deployments.patch("ward-3-classifier", &by_hand, &Patch::Strategic(image)).await.unwrap();
    let took = until("the Deployment is as it was", REPAIR, || async {
        let spec = deployments.get("ward-3-classifier").await.unwrap().spec.unwrap();
        let image = spec.template.spec.unwrap().containers[0].image.clone();
        spec.replicas == Some(1) && image.as_deref() == Some("bpmonitor-classifier:test")
    })
    .await;
    println!("Deployment: as it was after {took:?}");

    let maps = ward.api::<ConfigMap>();
    let before = maps.get("ward-3-manifest").await.unwrap();
    let key = before.data.as_ref().unwrap().keys().next().unwrap().clone();
    let (data, labels) = (json!({key: "something else"}), json!({"bpmonitor.dev/monitor": null}));
    let patch = json!({"data": data, "metadata": {"labels": labels}});
    maps.patch("ward-3-manifest", &by_hand, &Patch::Merge(patch)).await.unwrap();
    until("the ConfigMap is as it was", REPAIR, || async {
        let map = maps.get("ward-3-manifest").await.unwrap();
        map.data == before.data && map.labels() == before.labels()
    })
    .await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_settled_is_let_alone() {
    let (mut ward, _strimzi) = with_monitor().await;
    ward.settled().await;
    // The API server writes a volume claim once more when it is applied for the second time, though nothing of it changes.
    ward.stop().await;
    ward.start();
    let before = ward.settled().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ward.versions().await, before);
    // Another operator finds it as it is to be, too.
    ward.stop().await;
    ward.start();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ward.versions().await, before);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_wanted_goes() {
    let (ward, _strimzi) = with_monitor().await;
    let elasticsearch = elastic::given(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "patients": {"count": 0}})).await;
    let deployments = ward.api::<Deployment>();
    until("the producer is gone", PATIENCE, || async {
        deployments.get_opt("ward-3-producer").await.unwrap().is_none()
    })
    .await;
    ward.condition_is("ward-3", "ProducerAvailable", "True", "NotNeeded").await;
    there(&deployments, "ward-3-classifier", REPAIR).await;
    there(&ward.api::<PersistentVolumeClaim>(), "ward-3-archive", REPAIR).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_renewed_reaches_the_pods() {
    let (ward, _strimzi) = with_monitor().await;
    let deployments = ward.api::<Deployment>();
    let checksum = || async {
        let template = deployments.get("ward-3-classifier").await.unwrap().spec.unwrap().template;
        template.metadata.unwrap().annotations.unwrap()["bpmonitor.dev/checksum"].clone()
    };
    let before = checksum().await;
    ward.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "bp-kafka-cluster-ca-cert"},
        "stringData": {"ca.crt": "another one"},
    }))
    .await;
    until("the pods are to be made anew", REPAIR, || async { checksum().await != before }).await;
    let copy = ward.api::<Secret>().get("ward-3-kafka-ca").await.unwrap();
    assert_eq!(copy.data.unwrap()["ca.crt"].0, b"another one");
    ward.end().await;
}
