//! An Elasticsearch of ECK's: from the resource that has nothing yet to the classifier's key, and what becomes of it when it is red,
//! refuses, or gets other Secrets.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_crds::BpMonitor;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_support::lab;
use common::eck::Eck;
use common::{PATIENCE, REPAIR, Ward, kubeconfig, strimzi, there, until};
use elasticsearch::http::Method;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

/// What the lab's Elasticsearch answers to the key in a Secret.
async fn ask(secret: &Secret, target: &str) -> Result<Value, Option<u16>> {
    let key = secret.data.as_ref().unwrap()["api-key"].0.clone();
    let authentication = Authentication::ApiKey(SecretSource::Value(String::from_utf8(key).unwrap()));
    let lab = lab::elasticsearch_secure();
    let connection = ElasticsearchConnection { url: lab.url, ca: Some(lab.ca.into()), authentication };
    let setup = ElasticsearchSetup::new(connection).unwrap();
    setup.ask(Method::Get, target, None, "asking").await.map_err(|error| error.status)
}

async fn checksum(ward: &Ward) -> String {
    let deployment = ward.api::<Deployment>().get("ward-3-classifier").await.unwrap();
    let template = deployment.spec.unwrap().template.metadata.unwrap();
    template.annotations.unwrap()["bpmonitor.dev/checksum"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_key_and_through_what_goes_wrong() {
    let ward = Ward::without_operator().await;
    let mut eck = Eck::begin(&ward).await;
    let operator = eck.operator(&ward, &kubeconfig());
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({})).await;

    let message = ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchNotReady").await;
    assert!(message.contains("bp-elasticsearch-es-http-certs-public"), "{message}");
    Eck::say_health(&ward, "red").await;
    eck.say_secrets(&ward, &eck.password).await;
    let message = ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchRed").await;
    assert!(message.contains("/bp-elasticsearch is red"), "{message}");
    let deployments = ward.api::<Deployment>();
    assert!(
        deployments.get_opt("ward-3-classifier").await.unwrap().is_none(),
        "it is not asked while it is red"
    );

    Eck::say_health(&ward, "green").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    let classifier = there(&deployments, "ward-3-classifier", PATIENCE).await;
    let pod = serde_json::to_string(&classifier.spec.unwrap().template).unwrap();
    assert!(pod.contains(&format!("https://bp-elasticsearch-es-http.{}.svc:9200", ward.namespace)));
    let secrets = ward.api::<Secret>();
    let secret = secrets.get("ward-3-elasticsearch").await.unwrap();
    assert_eq!(secret.data.as_ref().unwrap()["ca.crt"].0, eck.ca.as_bytes());
    assert_eq!(secret.owner_references()[0].kind, "BpMonitor");
    let index = format!("bp.{}.ward-3.anomalies", ward.namespace);
    assert_eq!(ask(&secret, &format!("{index}/_count")).await.unwrap()["count"], 0);
    assert_eq!(ask(&secret, "bp.other.ward.anomalies/_count").await, Err(Some(403)), "its own index alone");
    let before = checksum(&ward).await;

    // What runs is let alone while the cluster is red, or the operator is refused; and all is well again without anybody's help.
    Eck::say_health(&ward, "red").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchRed").await;
    Eck::say_health(&ward, "yellow").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    eck.say_secrets(&ward, "not the password").await;
    let message =
        ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchUnauthorized").await;
    assert!(!message.contains("not the password"), "{message}");
    assert_eq!(checksum(&ward).await, before);
    eck.say_secrets(&ward, &eck.password).await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    assert_eq!(checksum(&ward).await, before, "the key is the same still");

    // ECK renews its authority: for a while both stand in the Secret. The classifiers learn of it.
    eck.ca = format!("{0}{0}", eck.ca);
    eck.say_secrets(&ward, &eck.password).await;
    until("the classifiers are made anew with it", REPAIR, || async { checksum(&ward).await != before })
        .await;
    let copy = secrets.get("ward-3-elasticsearch").await.unwrap().data.unwrap();
    assert_eq!(copy["ca.crt"].0, eck.ca.as_bytes());
    assert_eq!(copy["api-key"], secret.data.as_ref().unwrap()["api-key"]);

    // The key goes with the monitor.
    let monitors = ward.api::<BpMonitor>();
    let annotation = json!({"metadata": {"annotations": {"bpmonitor.dev/delete-data": "true"}}});
    monitors.patch("ward-3", &PatchParams::default(), &Patch::Merge(annotation)).await.unwrap();
    monitors.delete("ward-3", &DeleteParams::default()).await.unwrap();
    until("the monitor is gone", PATIENCE, || async { monitors.get_opt("ward-3").await.unwrap().is_none() })
        .await;
    assert_eq!(ask(&secret, &format!("{index}/_count")).await, Err(Some(401)));
    drop(operator);
    ward.end_without_operator().await;
}
