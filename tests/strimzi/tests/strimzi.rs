//! The stand-in for Strimzi on the lab's API server and broker: what it does is there, and what it says is so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::kafka::{Authentication, KafkaConnection, Mechanism, TopicAdmin, Transport};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use bpmonitor_test_strimzi::{Acl, AclResource, rights};
use bpmonitor_test_support::{lab, unique};
use common::Bed;
use serde_json::json;

/// Whether somebody may see a topic.
async fn sees(servers: String, authentication: Authentication, topic: &str) -> bool {
    let ca = Some(lab::kafka_pki().join("ca.crt").into());
    let connection =
        KafkaConnection { bootstrap_servers: servers, transport: Transport::Tls { ca }, authentication };
    let admin = TopicAdmin::new(&connection, "test").unwrap();
    admin.find(topic).await.is_ok_and(|found| found.is_some())
}

fn password(username: &str, password: &str) -> Authentication {
    Authentication::Password {
        mechanism: Mechanism::ScramSha512,
        username: username.to_owned(),
        password: SecretSource::Value(password.to_owned()),
    }
}

/// With the certificate in a user's Secret.
async fn certificate(bed: &Bed, user: &str) -> Authentication {
    let certificate = Pem::Text(bed.entry(user, "user.crt").await.unwrap());
    Authentication::Certificate { certificate, key: Pem::Text(bed.entry(user, "user.key").await.unwrap()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_made_changed_and_removed() {
    let bed = Bed::begin().await;
    let name = unique::name("topic");
    let spec = |partitions, config| json!({"topicName": name, "partitions": partitions, "replicas": 1, "config": config});
    let both = json!({"retention.ms": 60_000, "cleanup.policy": "delete"});
    let generation = bed.apply("KafkaTopic", "ward", spec(2, both)).await;
    let status = bed.is_ready("KafkaTopic", "ward", generation).await;
    assert_eq!(status["topicName"], name.as_str());
    let settings = bed.stand_in.broker().own_settings(&name).await.unwrap();
    assert_eq!((&*settings["retention.ms"], settings.len()), ("60000", 2));

    // More partitions and another setting; what is not asked for goes.
    let generation = bed.apply("KafkaTopic", "ward", spec(3, json!({"retention.ms": "90000"}))).await;
    bed.is_ready("KafkaTopic", "ward", generation).await;
    let settings = bed.stand_in.broker().own_settings(&name).await.unwrap();
    assert_eq!((&*settings["retention.ms"], settings.len()), ("90000", 1));

    // What cannot be is said in Strimzi's words.
    let generation = bed.apply("KafkaTopic", "ward", spec(1, json!({"retention.ms": "90000"}))).await;
    let status = bed.says("KafkaTopic", "ward", generation, ("Ready", "False")).await;
    assert_eq!(status["conditions"][0]["reason"], "NotSupported");
    let generation = bed.apply("KafkaTopic", "ward", spec(3, json!({"retention.ms": "soon"}))).await;
    let status = bed.says("KafkaTopic", "ward", generation, ("Ready", "False")).await;
    let condition = &status["conditions"][0];
    assert_eq!(condition["reason"], "KafkaError");
    assert!(condition["message"].as_str().unwrap().contains("InvalidConfigurationException"), "{condition}");

    bed.delete("KafkaTopic", "ward").await;
    assert!(bed.stand_in.broker().own_settings(&name).await.is_err());
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_resources_of_one_topic_the_first_has_it() {
    let bed = Bed::begin().await;
    let spec = json!({"topicName": unique::name("topic"), "partitions": 1, "replicas": 1});
    let generation = bed.apply("KafkaTopic", "first", spec.clone()).await;
    bed.is_ready("KafkaTopic", "first", generation).await;
    let generation = bed.apply("KafkaTopic", "second", spec).await;
    let status = bed.says("KafkaTopic", "second", generation, ("Ready", "False")).await;
    assert_eq!(status["conditions"][0]["reason"], "ResourceConflict");
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_certificate_is_let_in_to_what_it_may() {
    let bed = Bed::begin().await;
    let (topic, user) = (unique::name("topic"), unique::name("user"));
    let generation = bed.apply("KafkaTopic", &topic, json!({"partitions": 1, "replicas": 1})).await;
    bed.is_ready("KafkaTopic", &topic, generation).await;
    let generation = bed.apply("KafkaUser", &user, json!({"authentication": {"type": "tls"}})).await;
    let status = bed.is_ready("KafkaUser", &user, generation).await;
    assert_eq!((&status["username"], &status["secret"]), (&json!(format!("CN={user}")), &json!(user)));
    let login = certificate(&bed, &user).await;
    assert!(!sees(lab::kafka_mtls(), login.clone(), &topic).await, "without rights");

    let acl = json!({"resource": {"type": "topic", "name": topic, "patternType": "literal"}, "operations": ["Describe", "DescribeConfigs"]});
    let authorization = json!({"type": "simple", "acls": [acl]});
    let spec = json!({"authentication": {"type": "tls"}, "authorization": authorization});
    let generation = bed.apply("KafkaUser", &user, spec).await;
    bed.is_ready("KafkaUser", &user, generation).await;
    assert!(sees(lab::kafka_mtls(), login.clone(), &topic).await);
    let expected = Acl {
        resource: AclResource { kind: "topic".to_owned(), name: Some(topic.clone()), pattern_type: None },
        operations: vec!["Describe".to_owned(), "DescribeConfigs".to_owned()],
        ..Acl::default()
    };
    let principal = format!("User:CN={user}");
    let granted = bed.stand_in.broker().granted(&principal).await.unwrap();
    assert_eq!(granted, rights(&[expected]).unwrap());

    // Another certificate, as after a renewal.
    let before = bed.entry(&user, "user.crt").await;
    bed.stand_in.renew(&user);
    bed.until("it is renewed", || async { bed.entry(&user, "user.crt").await != before }).await;
    let login = certificate(&bed, &user).await;
    assert!(sees(lab::kafka_mtls(), login, &topic).await);

    bed.delete("KafkaUser", &user).await;
    bed.until("its rights are gone", || async {
        bed.stand_in.broker().granted(&principal).await.unwrap().is_empty()
    })
    .await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_is_made_again_has_its_rights() {
    let bed = Bed::begin().await;
    let acl = json!({"resource": {"type": "topic", "name": "any"}, "operations": ["Describe"]});
    let spec = json!({"authentication": {"type": "tls"}, "authorization": {"type": "simple", "acls": [acl]}});
    let user = unique::name("user");
    for _ in 0..20 {
        let generation = bed.apply("KafkaUser", &user, spec.clone()).await;
        bed.is_ready("KafkaUser", &user, generation).await;
        bed.delete("KafkaUser", &user).await;
    }
    let generation = bed.apply("KafkaUser", &user, spec.clone()).await;
    bed.is_ready("KafkaUser", &user, generation).await;

    // Users are removed one after another: once a later one is, all those of before are.
    let later = unique::name("user");
    let generation = bed.apply("KafkaUser", &later, spec).await;
    bed.is_ready("KafkaUser", &later, generation).await;
    bed.delete("KafkaUser", &later).await;
    let granted = async |user: &str| bed.stand_in.broker().granted(&format!("User:CN={user}")).await.unwrap();
    bed.until("the later one's rights are gone", || async { granted(&later).await.is_empty() }).await;
    assert_eq!(granted(&user).await.len(), 1);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_password_is_let_in_until_it_is_renewed() {
    let bed = Bed::begin().await;
    let (topic, user) = (unique::name("topic"), unique::name("user"));
    let generation = bed.apply("KafkaTopic", &topic, json!({"partitions": 1, "replicas": 1})).await;
    bed.is_ready("KafkaTopic", &topic, generation).await;
    let acl = json!({"resource": {"type": "topic", "name": topic}, "operations": ["Describe"]});
    let authorization = json!({"type": "simple", "acls": [acl]});
    let spec = json!({"authentication": {"type": "scram-sha-512"}, "authorization": authorization});
    let generation = bed.apply("KafkaUser", &user, spec).await;
    let status = bed.is_ready("KafkaUser", &user, generation).await;
    assert_eq!(status["username"], user.as_str());
    let first = bed.entry(&user, "password").await.unwrap();
    assert!(bed.entry(&user, "sasl.jaas.config").await.unwrap().contains(&first));
    assert_eq!(bed.entry(&user, "username").await, None);
    assert!(sees(lab::kafka_scram(), password(&user, &first), &topic).await);
    assert!(!sees(lab::kafka_scram(), password(&user, "wrong"), &topic).await);

    bed.stand_in.renew(&user);
    bed.until("it is renewed", || async {
        bed.entry(&user, "password").await.is_some_and(|now| now != first)
    })
    .await;
    let second = bed.entry(&user, "password").await.unwrap();
    assert!(!sees(lab::kafka_scram(), password(&user, &first), &topic).await);
    assert!(sees(lab::kafka_scram(), password(&user, &second), &topic).await);
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_says_where_it_listens() {
    let bed = Bed::begin().await;
    bed.stand_in.make_kafka().await.unwrap();
    let status = bed.is_ready("Kafka", "bp-kafka", 1).await;
    let servers: Vec<_> = (0..3).map(|at| status["listeners"][at]["bootstrapServers"].clone()).collect();
    assert_eq!(servers, [lab::kafka(), lab::kafka_mtls(), lab::kafka_scram()].map(|address| json!(address)));
    let ca = std::fs::read_to_string(lab::kafka_pki().join("ca.crt")).unwrap();
    assert_eq!(bed.entry("bp-kafka-cluster-ca-cert", "ca.crt").await.as_ref(), Some(&ca));
    assert_eq!(status["listeners"][1]["certificates"], json!([ca]));

    bed.stand_in.refuse("Kafka", "bp-kafka", "UnforceableProblem", "a pod is missing");
    let status = bed.says("Kafka", "bp-kafka", 1, ("NotReady", "True")).await;
    assert_eq!(status["conditions"][0]["reason"], "UnforceableProblem");
    bed.stand_in.relent("Kafka", "bp-kafka");
    bed.is_ready("Kafka", "bp-kafka", 1).await;
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_late_and_refuses_when_a_test_wants_it() {
    let bed = Bed::begin().await;
    let late = Duration::from_secs(2);
    bed.stand_in.be_late(late);
    let begun = Instant::now();
    let user = unique::name("user");
    let generation =
        bed.apply("KafkaUser", &user, json!({"authentication": {"type": "scram-sha-512"}})).await;
    bed.is_ready("KafkaUser", &user, generation).await;
    assert!(begun.elapsed() >= late, "{:?}", begun.elapsed());

    bed.stand_in.be_late(Duration::ZERO);
    bed.stand_in.refuse("KafkaUser", &user, "InvalidResourceException", "as the test wants it");
    let status = bed.says("KafkaUser", &user, generation, ("NotReady", "True")).await;
    assert_eq!(status["conditions"][0]["message"], "as the test wants it");
    assert_eq!(status["secret"], json!(null));
    bed.end().await;
}
