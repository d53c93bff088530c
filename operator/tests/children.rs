//! What is made for a monitor is there, stays as it is to be, and is let alone once it is.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::labels::MANAGED;
use bpmonitor_operator::strimzi::KafkaTopic;
use common::{PATIENCE, REPAIR, Ward, elastic, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

/// A ward with a monitor that is as ready as it can be without a node.
async fn with_monitor() -> (Ward, strimzi::Strimzi) {
    let ward = Ward::begin().await;
    let strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    (ward, strimzi)
}

/// All that the operator made for the monitor, with its kind and the way to it.
async fn made(ward: &Ward) -> Vec<(String, Api<DynamicObject>, DynamicObject)> {
    let mut made = Vec::new();
    for watched in bpmonitor_operator::kinds::watched() {
        let api =
            Api::<DynamicObject>::namespaced_with(ward.client.clone(), &ward.namespace, &watched.resource);
        // Not every kind is there.
        let Ok(objects) = api.list(&ListParams::default().labels(MANAGED)).await else { continue };
        made.extend(objects.into_iter().map(|object| (watched.resource.kind.clone(), api.clone(), object)));
    }
    made
}

/// What is to stay of an object, whoever writes to it.
fn managed(object: &DynamicObject) -> Value {
    let mut data = object.data.clone();
    data.as_object_mut().unwrap().remove("status");
    json!({"data": data, "labels": object.labels(), "owners": object.owner_references()})
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
async fn whatever_is_deleted_comes_back() {
    let (ward, _strimzi) = with_monitor().await;
    ward.settled().await;
    let mut kinds = BTreeSet::new();
    for (kind, api, object) in made(&ward).await {
        let (name, uid) = (object.name_any(), object.uid());
        // That one is never made anew.
        if name == "ward-3-pseudonyms" {
            continue;
        }
        api.delete(&name, &DeleteParams::background()).await.unwrap();
        let took = until(&format!("the {kind} {name} is back"), REPAIR, || async {
            api.get_opt(&name).await.is_ok_and(|object| object.is_some_and(|object| object.uid() != uid))
        })
        .await;
        println!("{kind} {name}: back after {took:?}");
        kinds.insert(kind);
    }
    let expected = [
        "ConfigMap",
        "Deployment",
        "KafkaTopic",
        "KafkaUser",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Secret",
        "Service",
        "ServiceAccount",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_changes_is_put_back() {
    let (ward, _strimzi) = with_monitor().await;
    ward.settled().await;
    let by_hand = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    for (kind, api, before) in made(&ward).await {
        let name = before.name_any();
        // A label that is taken away hides an object from whoever watches by labels.
        let label = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}});
        let edit = match kind.as_str() {
            "ConfigMap" => json!({"data": {"manifest.yaml": "something else"}}),
            "Deployment" => {
                json!({"spec": {"replicas": 7, "template": {"spec": {"terminationGracePeriodSeconds": 1}}}})
            }
            "KafkaTopic" => json!({"spec": {"config": {"max.message.bytes": "1"}}}),
            "KafkaUser" => json!({"spec": {"authorization": null}}),
            "NetworkPolicy" => json!({"spec": {"ingress": null}}),
            "PodDisruptionBudget" => json!({"spec": {"maxUnavailable": 5}}),
            "Service" => json!({"spec": {"selector": {"app.kubernetes.io/component": "another"}}}),
            "ServiceAccount" => json!({"automountServiceAccountToken": true}),
            "Secret" if name == "ward-3-kafka-ca" => json!({"stringData": {"ca.crt": "another"}}),
            "Secret" if name == "ward-3-pseudonyms" => continue,
            "Secret" => json!({"stringData": {"user.key": "another"}}),
            // Of a claim nothing else can be changed.
            _ => label.clone(),
        };
        for edit in [edit, label] {
            api.patch(&name, &by_hand, &Patch::Merge(edit)).await.unwrap();
            let took = until(&format!("the {kind} {name} is as it was"), REPAIR, || async {
                managed(&api.get(&name).await.unwrap()) == managed(&before)
            })
            .await;
            println!("{kind} {name}: as it was after {took:?}");
        }
    }
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
