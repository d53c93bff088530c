//! From a monitor to classified readings: what the operator made is run as a kubelet would, against the real broker, with the users
//! and rights that Strimzi's stand-in gave it, and the real Elasticsearch.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use bpmonitor_crds::{BpMonitor, ObservationCounts};
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_strimzi::{Settings, StandIn};
use bpmonitor_test_support::lab;
use common::{PATIENCE, Ward, elastic, kubelet, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};

const NAME: &str = "ward-3";

fn spec(elasticsearch: &Value, listener: &str, stage1: u16) -> Value {
    json!({
        "patients": {"count": 20, "history": {"days": 0}},
        "rate": {"perSecond": 200},
        "kafka": {"clusterRef": {"name": "bp-kafka", "listener": listener}},
        "elasticsearch": elasticsearch,
        "thresholds": {"stage1": {"systolic": stage1}},
    })
}

async fn counts(ward: &Ward) -> Option<ObservationCounts> {
    ward.api::<BpMonitor>().get(NAME).await.ok()?.status?.observations
}

/// How many anomalies Elasticsearch has.
async fn indexed(index: &str) -> u64 {
    let secure = lab::elasticsearch_secure();
    let password = SecretSource::Value(secure.password);
    let connection = ElasticsearchConnection {
        url: secure.url,
        ca: Some(secure.ca.into()),
        authentication: Authentication::Password { username: "elastic".to_owned(), password },
    };
    let setup = ElasticsearchSetup::new(connection).unwrap();
    setup.count(index).await.unwrap()
}

async fn checksum(ward: &Ward, component: &str) -> String {
    let deployment = ward.api::<Deployment>().get(&format!("{NAME}-{component}")).await.unwrap();
    let template = deployment.spec.unwrap().template.metadata.unwrap();
    template.annotations.unwrap()["bpmonitor.dev/checksum"].clone()
}

/// Simulated readings become anomalies and archive lines, are counted in the status, and go on after a changed threshold.
async fn flows(listener: &str) {
    let mut ward = Ward::without_operator().await;
    ward.count_every = Duration::from_secs(1);
    let stand_in = StandIn::start(ward.client.clone(), Settings::lab(&ward.namespace, "bp-kafka")).unwrap();
    stand_in.make_kafka().await.unwrap();
    ward.start();
    let elasticsearch = elastic::given(&ward).await;
    ward.monitor(NAME, spec(&elasticsearch, listener, 130)).await;
    for component in ["producer", "classifier"] {
        there(&ward.api::<Deployment>(), &format!("{NAME}-{component}"), PATIENCE).await;
    }
    ward.condition_is(NAME, "KafkaReady", "True", "TopicsReady").await;
    ward.condition_is(NAME, "ElasticsearchReady", "True", "IndexReady").await;
    let publisher = ward.api::<Secret>().get(&format!("{NAME}-kafka-publisher")).await.unwrap();
    assert!(publisher.data.unwrap().contains_key("bootstrap-servers"), "whoever publishes is told where");

    let mut classifier = kubelet::run(&ward, &format!("{NAME}-classifier")).await;
    let mut producer = kubelet::run(&ward, &format!("{NAME}-producer")).await;
    classifier.is_ready().await;
    producer.is_ready().await;
    until("readings are counted in the status", PATIENCE, || async {
        counts(&ward).await.is_some_and(|counts| counts.classified >= 400)
    })
    .await;

    // A changed threshold is another manifest, and so other pods.
    let before = checksum(&ward, "classifier").await;
    ward.monitor(NAME, spec(&elasticsearch, listener, 131)).await;
    let took = until("the classifier's pods are to be made anew", Duration::from_secs(20), || async {
        checksum(&ward, "classifier").await != before
    })
    .await;
    println!("a changed threshold is in the Deployment after {took:?}");
    classifier.stop().await;
    producer.stop().await;
    let so_far = counts(&ward).await.unwrap();
    let mut classifier = kubelet::run(&ward, &format!("{NAME}-classifier")).await;
    classifier.is_ready().await;
    until("nothing is left", PATIENCE, || async {
        counts(&ward).await.is_some_and(|counts| counts.lag == 0 && counts.classified >= so_far.classified)
    })
    .await;
    let counts = counts(&ward).await.unwrap();
    let index = ward.api::<BpMonitor>().get(NAME).await.unwrap().status.unwrap().index.unwrap();
    assert_eq!(counts.rejected, 0);
    // Elasticsearch shows what it has with its next refresh.
    until("each anomaly is a document", PATIENCE, || async { indexed(&index).await == counts.anomalies })
        .await;
    assert!(counts.classified > counts.anomalies, "some are normal");
    let archive = classifier.mounted("/var/lib/bpmonitor").read_dir().unwrap();
    assert!(archive.count() > 0, "the normal ones are in the archive of the classifier that is left");
    classifier.stop().await;

    let monitor = ward.api::<BpMonitor>().get(NAME).await.unwrap();
    assert!(monitor.finalizers().iter().any(|finalizer| finalizer == "bpmonitor.dev/cleanup"));
    ward.apply(json!({
        "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor",
        "metadata": {"name": NAME, "annotations": {"bpmonitor.dev/delete-data": "true"}},
        "spec": spec(&elasticsearch, listener, 131),
    }))
    .await;
    ward.end().await;
    drop(stand_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_flow_with_client_certificates() {
    flows("tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_flow_with_passwords() {
    flows("scram").await;
}
