//! The operator as a process: of two, one works; when it is killed, the other one does; SIGTERM ends it well; what it logs can be followed.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use common::replica::Replica;
use common::{PATIENCE, Ward, elastic, kubeconfig, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DeleteParams;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_works_and_the_other_takes_over() {
    let ward = Ward::without_operator().await;
    let _strimzi = strimzi::begin(&ward).await;
    let kubeconfig = kubeconfig();
    let mut first = Replica::start(&ward, &kubeconfig, &[]);
    until("the first one leads", PATIENCE, || first.leads()).await;
    first.is_ready().await;
    let mut second = Replica::start(&ward, &kubeconfig, &[]);
    second.is_ready().await;
    for path in ["/health", "/live"] {
        assert_eq!(second.get(path).await.unwrap().0, 200);
    }
    assert!(!second.leads().await);
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;

    first.child.kill().unwrap();
    let took = until("the second one leads", PATIENCE, || second.leads()).await;
    println!("took over after {took:?}");
    let maps = ward.api::<ConfigMap>();
    maps.delete("ward-3-manifest", &DeleteParams::default()).await.unwrap();
    there(&maps, "ward-3-manifest", Duration::from_secs(15)).await;

    let third = Replica::start(&ward, &kubeconfig, &[]);
    second.signal("-TERM");
    let begun = Instant::now();
    let ended = second.ended(Duration::from_secs(10)).await;
    assert_eq!((ended.code(), ended.signal()), (Some(0), None), "{}", second.last_lines());
    println!("ended after {:?}", begun.elapsed());
    // Whoever stands by looks again when the Lease that it saw would have ended.
    let took = until("the third one leads", PATIENCE, || third.leads()).await;
    println!("handed over after {took:?}");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_says_of_which_monitor_and_reconcile_it_is() {
    let ward = Ward::without_operator().await;
    let replica = Replica::start(&ward, &kubeconfig(), &["--no-leader-election"]);
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    ward.condition_is("ward-3", "KafkaReady", "False", "KafkaMissing").await;
    let is_told = |line: &Value| line["condition"] == "KafkaReady" && line["reason"] == "KafkaMissing";
    until("the log has it too", PATIENCE, || std::future::ready(replica.log().iter().any(is_told))).await;
    let log = replica.log();
    let line = log.iter().find(|line| is_told(line)).unwrap();
    assert_eq!(line["level"], "INFO");
    assert!(line["message"].as_str().unwrap().contains("spec.kafka.clusterRef"), "{line}");
    assert_eq!(line["span"]["monitor"], format!("{}/ward-3", ward.namespace));
    assert_eq!(line["span"]["id"].as_str().map(str::len), Some(16), "{line}");
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await, "paused": true})).await;
    let of = |condition: &str| {
        let log = replica.log();
        let line = log.iter().rfind(|line| line["condition"] == condition);
        line.map(|line| line["span"]["id"].clone())
    };
    until("another reconcile tells of the pause", PATIENCE, || std::future::ready(of("Paused").is_some()))
        .await;
    assert_ne!(of("Paused"), of("KafkaReady"), "each has an id of its own");
    ward.end().await;
}

/// An alert asks whether anybody does the work.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_nobody_leads() {
    let ward = Ward::without_operator().await;
    let alone = Replica::start(&ward, &kubeconfig(), &["--no-leader-election"]);
    until("it leads", PATIENCE, || alone.leads()).await;
    ward.end().await;
}
