//! A monitor that is deleted goes: with what is its own, without its data unless that is asked for, and whatever else is gone.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::strimzi::{Kafka, KafkaTopic, KafkaUser};
use common::{PATIENCE, Ward, elastic, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Event, Namespace, PersistentVolumeClaim, Secret};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

async fn count<K>(api: &Api<K>) -> usize
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    api.list_metadata(&ListParams::default()).await.unwrap().items.len()
}

async fn delete(ward: &Ward, limit: Duration) {
    let monitors = ward.api::<BpMonitor>();
    monitors.delete("ward-3", &DeleteParams::default()).await.unwrap();
    let gone = || async { monitors.get_opt("ward-3").await.unwrap().is_none() };
    let took = until("the monitor is gone", limit, gone).await;
    println!("gone after {took:?}");
}

async fn with_monitor() -> (Ward, strimzi::Strimzi) {
    let ward = Ward::begin().await;
    let strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    (ward, strimzi)
}

#[tokio::test(flavor = "multi_thread")]
async fn data_stays_unless_it_is_to_go() {
    let (ward, _strimzi) = with_monitor().await;
    delete(&ward, Duration::from_secs(10)).await;
    assert_eq!(count(&ward.api::<KafkaUser>()).await, 0);
    assert_eq!(count(&ward.api::<KafkaTopic>()).await, 3, "data stays");
    there(&ward.api::<PersistentVolumeClaim>(), "ward-3-archive", PATIENCE).await;
    let key = there(&ward.api::<Secret>(), "ward-3-pseudonyms", PATIENCE).await;

    // One of the same name goes on with it.
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    let same = ward.api::<Secret>().get("ward-3-pseudonyms").await.unwrap();
    assert_eq!(same.data, key.data);

    let annotation = json!({"metadata": {"annotations": {"bpmonitor.dev/delete-data": "true"}}});
    let monitors = ward.api::<BpMonitor>();
    monitors.patch("ward-3", &PatchParams::default(), &Patch::Merge(annotation)).await.unwrap();
    delete(&ward, Duration::from_secs(10)).await;
    assert_eq!(count(&ward.api::<KafkaTopic>()).await, 0);
    assert!(ward.api::<Secret>().get_opt("ward-3-pseudonyms").await.unwrap().is_none());
    let claim = ward.api::<PersistentVolumeClaim>().get_opt("ward-3-archive").await.unwrap();
    assert!(claim.is_none_or(|claim| claim.metadata.deletion_timestamp.is_some()));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_although_kafka_and_the_login_are_gone() {
    let (ward, strimzi) = with_monitor().await;
    drop(strimzi);
    ward.api::<Kafka>().delete("bp-kafka", &DeleteParams::default()).await.unwrap();
    ward.api::<Secret>().delete("elasticsearch", &DeleteParams::default()).await.unwrap();
    delete(&ward, Duration::from_secs(20)).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_although_elasticsearch_does_not_answer() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    // With data to be deleted there, it is tried for longer than this test is patient; so this one has none.
    ward.monitor("ward-3", json!({"elasticsearch": {"url": "http://127.0.0.1:1", "insecure": true}})).await;
    let message =
        ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchUnreachable").await;
    assert!(message.contains("is it running"), "{message}");
    delete(&ward, Duration::from_secs(20)).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_told_when_patience_ends() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": {"url": "http://127.0.0.1:1", "insecure": true}})).await;
    ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchUnreachable").await;
    let annotation = json!({"metadata": {"annotations": {"bpmonitor.dev/delete-data": "true"}}});
    let monitors = ward.api::<BpMonitor>();
    monitors.patch("ward-3", &PatchParams::default(), &Patch::Merge(annotation)).await.unwrap();
    delete(&ward, PATIENCE).await;
    let events = ward.api::<Event>().list(&ListParams::default()).await.unwrap();
    let left = events.iter().find(|event| event.reason.as_deref() == Some("LeftBehind"));
    let message = left.and_then(|event| event.message.clone()).unwrap();
    assert!(message.contains("by hand") && message.contains("is it running"), "{message}");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let (mut ward, _strimzi) = with_monitor().await;
    let namespaces = Api::<Namespace>::all(ward.client.clone());
    namespaces.delete(&ward.namespace, &DeleteParams::background()).await.unwrap();
    until("no monitor is left", PATIENCE, || async { count(&ward.api::<BpMonitor>()).await == 0 }).await;
    ward.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_was_deleted_while_no_operator_ran_goes_once_one_does() {
    let (mut ward, _strimzi) = with_monitor().await;
    ward.stop().await;
    let monitors = ward.api::<BpMonitor>();
    monitors.delete("ward-3", &DeleteParams::default()).await.unwrap();
    assert!(monitors.get("ward-3").await.unwrap().metadata.deletion_timestamp.is_some());
    ward.start();
    until("it is gone", PATIENCE, || async { monitors.get_opt("ward-3").await.unwrap().is_none() }).await;
    ward.end().await;
}
