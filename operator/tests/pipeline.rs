//! From a monitor to classified readings, in the time that was promised: what the operator made is run as a kubelet would, against the
//! real broker, with the users and rights that Strimzi's stand-in gave it, and the real Elasticsearch.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use bpmonitor_crds::{BpMonitor, ObservationCounts};
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_strimzi::{Settings, StandIn};
use bpmonitor_test_support::lab;
use common::kubelet::Kubelet;
use common::{PATIENCE, Ward, elastic, until};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
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

/// Whether the one classifier that runs reads this threshold.
async fn classifies_by(kubelet: &Kubelet, stage1: u16) -> bool {
    let [directory] = &kubelet.mounted("classifier", "/etc/bpmonitor").await[..] else { return false };
    let text = fs::read_to_string(directory.join("manifest.yaml")).unwrap();
    let manifest: Value = serde_saphyr::from_str(&text).unwrap();
    manifest["spec"]["thresholds"]["stage1"]["systolic"] == stage1
}

/// Simulated readings become anomalies and archive lines, are counted in the status, and go on after a changed threshold.
async fn flows(listener: &str) {
    let mut ward = Ward::without_operator().await;
    ward.count_every = Duration::from_secs(1);
    let stand_in = StandIn::start(ward.client.clone(), Settings::lab(&ward.namespace, "bp-kafka")).unwrap();
    stand_in.make_kafka().await.unwrap();
    ward.start();
    let kubelet = Kubelet::begin(&ward);
    let elasticsearch = elastic::given(&ward).await;
    let begun = Instant::now();
    ward.monitor(NAME, spec(&elasticsearch, listener, 130)).await;
    ward.condition_is(NAME, "Ready", "True", "AllReady").await;
    let took = begun.elapsed();
    println!("ready {took:?} after it was applied");
    assert!(took < Duration::from_secs(15), "ready only after {took:?}");
    for (condition, reason) in [
        ("KafkaReady", "TopicsReady"),
        ("ElasticsearchReady", "IndexReady"),
        ("ProducerAvailable", "Available"),
        ("ClassifierAvailable", "Available"),
    ] {
        ward.condition_is(NAME, condition, "True", reason).await;
    }
    let publisher = ward.api::<Secret>().get(&format!("{NAME}-kafka-publisher")).await.unwrap();
    assert!(publisher.data.unwrap().contains_key("bootstrap-servers"), "whoever publishes is told where");
    until("readings are counted in the status", PATIENCE, || async {
        counts(&ward).await.is_some_and(|counts| counts.classified >= 400)
    })
    .await;

    // A changed threshold is another manifest, and so other pods.
    let begun = Instant::now();
    ward.monitor(NAME, spec(&elasticsearch, listener, 131)).await;
    ward.condition_is(NAME, "Ready", "True", "AllReady").await;
    let took = begun.elapsed();
    println!("a changed threshold has reached the classifier after {took:?}");
    assert!(classifies_by(&kubelet, 131).await, "ready says so of the pods that are new");
    assert!(took < Duration::from_secs(20), "ready again only after {took:?}");

    // Nobody is simulated any more, so that all can be compared.
    let mut without = spec(&elasticsearch, listener, 131);
    without["patients"]["count"] = json!(0);
    ward.monitor(NAME, without.clone()).await;
    ward.condition_is(NAME, "ProducerAvailable", "True", "NotNeeded").await;
    until("the producer has ended", PATIENCE, || async {
        kubelet.mounted("producer", "/etc/bpmonitor").await.is_empty()
    })
    .await;
    let so_far = counts(&ward).await.unwrap();
    until("nothing is left", PATIENCE, || async {
        counts(&ward).await.is_some_and(|counts| counts.lag == 0 && counts.classified >= so_far.classified)
    })
    .await;
    kubelet.stop().await;
    // The last batch is committed when the classifier ends.
    let sent = sent(&ward);
    until("all that was sent is counted", PATIENCE, || async {
        counts(&ward).await.is_some_and(|counts| counts.classified + counts.rejected == sent)
    })
    .await;
    let counts = counts(&ward).await.unwrap();
    let index = ward.api::<BpMonitor>().get(NAME).await.unwrap().status.unwrap().index.unwrap();
    assert_eq!((counts.rejected, counts.lag), (0, 0));
    // Elasticsearch shows what it has with its next refresh.
    until("each anomaly is a document", PATIENCE, || async { indexed(&index).await == counts.anomalies })
        .await;
    assert!(counts.classified > counts.anomalies, "some are normal");
    let archive = ward.claims.path().join(format!("{NAME}-archive")).read_dir().unwrap();
    assert!(archive.count() > 0, "the normal ones are in the archive");

    let monitor = ward.api::<BpMonitor>().get(NAME).await.unwrap();
    assert!(monitor.finalizers().iter().any(|finalizer| finalizer == "bpmonitor.dev/cleanup"));
    ward.apply(json!({
        "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor",
        "metadata": {"name": NAME, "annotations": {"bpmonitor.dev/delete-data": "true"}},
        "spec": without,
    }))
    .await;
    ward.end().await;
    drop(stand_in);
}

/// How many records the topic has.
fn sent(ward: &Ward) -> u64 {
    let topic = format!("bp.{}.{NAME}.observations", ward.namespace);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", lab::kafka())
        .set("group.id", "unused")
        .create()
        .unwrap();
    let limit = Duration::from_secs(10);
    let metadata = consumer.fetch_metadata(Some(&topic), limit).unwrap();
    let partitions = metadata.topics()[0].partitions().iter();
    let sent = partitions.map(|partition| {
        let (low, high) = consumer.fetch_watermarks(&topic, partition.id(), limit).unwrap();
        u64::try_from(high - low).unwrap()
    });
    sent.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_flow_with_client_certificates() {
    flows("tls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_flow_with_passwords() {
    flows("scram").await;
}
