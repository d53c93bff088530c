//! What cannot be shows as a condition that says what to do, and nothing that runs is touched.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::strimzi::{Kafka, KafkaTopic, KafkaUser};
use bpmonitor_pipeline::cluster::kafka::{
    Authentication, KafkaConnection, TopicAdmin, TopicContent, Transport, WantedTopic,
};
use bpmonitor_test_support::lab;
use common::{PATIENCE, REPAIR, Ward, elastic, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_that_is_missing_and_then_comes() {
    let ward = Ward::begin().await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "KafkaMissing").await;
    assert!(message.contains("bp-kafka") && message.contains("spec.kafka.clusterRef"), "{message}");
    ward.condition_is("ward-3", "Ready", "False", "KafkaMissing").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    let events = ward.api::<Event>();
    until("an event tells of it", REPAIR, || async {
        let events = events.list(&ListParams::default()).await.unwrap();
        events.iter().any(|event| event.reason.as_deref() == Some("KafkaMissing"))
    })
    .await;

    let _strimzi = strimzi::begin(&ward).await;
    there(&ward.api::<Deployment>(), "ward-3-classifier", Duration::from_secs(10)).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;

    // What runs goes on while Kafka is not ready, and is still put back.
    let kafka = ward.api::<Kafka>().get("bp-kafka").await.unwrap();
    strimzi::say_cluster(&ward, kafka.metadata.generation.unwrap(), "NotReady").await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "KafkaNotReady").await;
    assert!(message.contains("as the test wants it"), "{message}");
    ward.api::<Deployment>().delete("ward-3-classifier", &DeleteParams::default()).await.unwrap();
    there(&ward.api::<Deployment>(), "ward-3-producer", REPAIR).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_listener_is_named_with_the_right_ones() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    let with = |listener: &str| {
        let kafka = json!({"clusterRef": {"name": "bp-kafka", "listener": listener}});
        json!({"elasticsearch": elasticsearch, "kafka": kafka})
    };
    ward.monitor("ward-3", with("tls")).await;
    let deployments = ward.api::<Deployment>();
    there(&deployments, "ward-3-classifier", PATIENCE).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    ward.settled().await;
    let before = deployments.get("ward-3-classifier").await.unwrap().metadata.generation;

    ward.monitor("ward-3", with("external")).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "ListenerMissing").await;
    assert!(message.contains("plain, tls"), "{message}");
    let after = deployments.get("ward-3-classifier").await.unwrap().metadata.generation;
    assert_eq!(after, before, "what runs is not touched");

    ward.monitor("ward-3", with("plain")).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    until("users and their Secrets are gone", REPAIR, || async {
        ward.api::<Secret>().get_opt("ward-3-kafka-producer").await.unwrap().is_none()
    })
    .await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thresholds_that_contradict_their_profile() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    // Each alone is in order; stage 2 of the profile begins at 140.
    let thresholds = json!({"stage1": {"systolic": 160}});
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "thresholds": thresholds})).await;
    let message = ward.condition_is("ward-3", "Ready", "False", "InvalidThresholds").await;
    assert!(message.contains("stage1.systolic") && message.contains("140"), "{message}");
    ward.condition_is("ward-3", "ClassifierAvailable", "False", "NotMadeYet").await;
    ward.monitor(
        "ward-3",
        json!({"elasticsearch": elasticsearch, "thresholds": {"stage1": {"systolic": 135}}}),
    )
    .await;
    there(&ward.api::<Deployment>(), "ward-3-classifier", PATIENCE).await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_belongs_to_the_first_monitor_that_names_it() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    let spec = json!({"elasticsearch": elasticsearch, "kafka": {"topic": {"name": "shared"}}});
    ward.monitor("first", spec.clone()).await;
    ward.condition_is("first", "KafkaReady", "True", "TopicsReady").await;
    // Times of creation are whole seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    ward.monitor("second", spec).await;
    let message = ward.condition_is("second", "KafkaReady", "False", "TopicTaken").await;
    assert!(message.contains("/first"), "{message}");
    ward.condition_is("first", "KafkaReady", "True", "TopicsReady").await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_missing_or_lack_something() {
    let ward = Ward::begin().await;
    let kafka = json!({
        "bootstrapServers": "127.0.0.1:1", "auth": {"secretRef": {"name": "kafka-login"}}, "insecure": true,
    });
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await, "kafka": kafka})).await;
    ward.condition_is("ward-3", "KafkaReady", "False", "SecretMissing").await;
    let secret = |data| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kafka-login"}, "stringData": data});
    ward.apply(secret(json!({"username": "u"}))).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "SecretIncomplete").await;
    assert!(message.contains("password"), "{message}");
    ward.apply(secret(json!({"username": "u", "password": "geheim"}))).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "KafkaUnreachable").await;
    assert!(message.contains("are the bootstrap servers right"), "{message}");
    let status = ward.api::<BpMonitor>().get("ward-3").await.unwrap().status.unwrap();
    assert!(!serde_json::to_string(&status).unwrap().contains("geheim"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_nothing_runs() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    let deployments = ward.api::<Deployment>();
    there(&deployments, "ward-3-producer", PATIENCE).await;
    let secrets = ward.api::<Secret>();
    let key = there(&secrets, "ward-3-pseudonyms", PATIENCE).await;
    assert!(key.owner_references().is_empty(), "it outlives the monitor");
    secrets.delete("ward-3-pseudonyms", &DeleteParams::default()).await.unwrap();
    let message = ward.condition_is("ward-3", "Ready", "False", "PseudonymKeyMissing").await;
    assert!(message.contains("ward-3-pseudonyms"), "{message}");
    until("nothing runs", REPAIR, || async {
        let replicas = async |name| deployments.get(name).await.unwrap().spec.unwrap().replicas;
        replicas("ward-3-classifier").await == Some(0) && replicas("ward-3-producer").await == Some(0)
    })
    .await;
    assert!(secrets.get_opt("ward-3-pseudonyms").await.unwrap().is_none(), "it is not made anew");
    let (name, data) = (key.name_any(), key.data.unwrap());
    ward.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data})).await;
    until("it runs again", REPAIR, || async {
        deployments.get("ward-3-classifier").await.unwrap().spec.unwrap().replicas == Some(1)
    })
    .await;
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_shows_and_ends() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch})).await;
    let deployments = ward.api::<Deployment>();
    there(&deployments, "ward-3-producer", PATIENCE).await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "paused": true})).await;
    ward.condition_is("ward-3", "Paused", "True", "Asked").await;
    ward.condition_is("ward-3", "Ready", "False", "Paused").await;
    let replicas = async || deployments.get("ward-3-classifier").await.unwrap().spec.unwrap().replicas;
    until("nothing runs", REPAIR, || async { replicas().await == Some(0) }).await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "paused": false})).await;
    until("it runs again", REPAIR, || async { replicas().await == Some(1) }).await;
    ward.end().await;
}

/// A Kafka given by hand: wrong credentials, too few rights, no topic, then all of it; and what runs is kept from a login that fails.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_refuse_or_lack_the_topic() {
    let ward = Ward::begin().await;
    let elasticsearch = elastic::given(&ward).await;
    let ca = fs::read_to_string(lab::kafka_pki().join("ca.crt")).unwrap();
    let right = fs::read_to_string(lab::kafka_scram_password_file()).unwrap();
    let login = |password: &str| {
        let data = json!({"username": "pipeline", "password": password, "ca.crt": ca});
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kafka-login"}, "stringData": data})
    };
    let by_login = json!({"elasticsearch": elasticsearch, "kafka": {
        "bootstrapServers": lab::kafka_scram(),
        "tls": {"caSecretRef": {"name": "kafka-login"}},
        "auth": {"mechanism": "SCRAM-SHA-512", "secretRef": {"name": "kafka-login"}},
    }});
    ward.apply(login("not the password")).await;
    ward.monitor("ward-3", by_login.clone()).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "KafkaUnauthenticated").await;
    assert!(message.contains("password") && !message.contains("not the password"), "{message}");
    ward.apply(login(right.trim_end())).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "KafkaForbidden").await;
    assert!(message.contains("Read and Describe"), "{message}");
    let deployments = ward.api::<Deployment>();
    assert!(deployments.get_opt("ward-3-classifier").await.unwrap().is_none());

    let anybody = json!({"elasticsearch": elasticsearch, "kafka": {"bootstrapServers": lab::kafka(), "insecure": true}});
    ward.monitor("ward-3", anybody).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "TopicMissing").await;
    assert!(message.contains("bpmonitor prepare"), "{message}");
    make_topic(&format!("bp.{}.ward-3.observations", ward.namespace)).await;
    ward.condition_is("ward-3", "KafkaReady", "True", "ServersGiven").await;
    there(&deployments, "ward-3-producer", PATIENCE).await;
    ward.settled().await;

    let generation = async || deployments.get("ward-3-classifier").await.unwrap().metadata.generation;
    let before = generation().await;
    ward.apply(login("not the password")).await;
    ward.monitor("ward-3", by_login).await;
    ward.condition_is("ward-3", "KafkaReady", "False", "KafkaUnauthenticated").await;
    assert_eq!(generation().await, before, "what runs is not touched");
    ward.end().await;
}

async fn make_topic(name: &str) {
    let connection = KafkaConnection {
        bootstrap_servers: lab::kafka(),
        transport: Transport::Insecure,
        authentication: Authentication::None,
    };
    let content = TopicContent::Observations(Duration::from_secs(3600));
    let wanted = WantedTopic { name: name.to_owned(), content, partitions: 1, replicas: 1 };
    TopicAdmin::new(&connection, "test").unwrap().settle(&wanted).await.unwrap();
}

/// Who owns a Kafka says which namespaces may use it; what is made there is put back, and goes with the monitor but for its data.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_another_namespace_must_allow_it() {
    let owner = Ward::without_operator().await;
    let _strimzi = strimzi::begin(&owner).await;
    let mut ward = Ward::without_operator().await;
    ward.start_for(ward.client.clone(), vec![ward.namespace.clone(), owner.namespace.clone()]);
    let kafka = json!({"clusterRef": {"name": "bp-kafka", "namespace": owner.namespace}});
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await, "kafka": kafka})).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "NamespaceNotAllowed").await;
    assert!(message.contains(&format!("bpmonitor.dev/allow-namespaces: {}", ward.namespace)), "{message}");
    let (topics, users) = (owner.api::<KafkaTopic>(), owner.api::<KafkaUser>());
    assert!(topics.list(&ListParams::default()).await.unwrap().items.is_empty());

    let annotations = json!({"bpmonitor.dev/allow-namespaces": format!("other, {}", ward.namespace)});
    let allow = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    owner.api::<Kafka>().patch("bp-kafka", &PatchParams::default(), &allow).await.unwrap();
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.settled().await;
    let topic = format!("bp.{}.ward-3.state", ward.namespace);
    topics.delete(&topic, &DeleteParams::default()).await.unwrap();
    there(&topics, &topic, REPAIR).await;

    ward.api::<BpMonitor>().delete("ward-3", &DeleteParams::default()).await.unwrap();
    until("its users are gone", PATIENCE, || async {
        users.list(&ListParams::default()).await.unwrap().items.is_empty()
    })
    .await;
    assert_eq!(topics.list(&ListParams::default()).await.unwrap().items.len(), 3, "data stays");
    ward.end().await;
    owner.end_without_operator().await;
}

/// A copy of a Secret that somebody keeps, labels and all, is not taken for one that is no longer wanted.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_key_is_let_alone() {
    let ward = Ward::begin().await;
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    let secrets = ward.api::<Secret>();
    let key = there(&secrets, "ward-3-pseudonyms", PATIENCE).await;
    let copy = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "my-copy", "labels": key.labels()}, "data": key.data,
    });
    let uid = ward.apply(copy).await.uid();
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.settled().await;
    assert_eq!(secrets.get("my-copy").await.unwrap().uid(), uid);
    ward.end().await;
}
