//! `bpmonitor rejected` of a ward in Kafka: listed, shown, and published again after a fix, once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::HashMap;
use std::sync::Arc;

use bpmonitor_clinical::RejectionReason;
use bpmonitor_pipeline::cluster::kafka::{Authentication, DeadLetterTopic, KafkaConnection, Transport};
use bpmonitor_pipeline::{DeadLetter, DeadLetters as _, Origin};
use bpmonitor_test_support::lab;
use bpmonitor_test_support::observations::{CANARY, at, observation, with};
use common::cluster::{Cluster, Record, With};
use common::process::Running;
use common::until;
use jiff::Timestamp;
use serde_json::{Value, json};

/// When the originals were written.
const WRITTEN: &str = "2026-03-01T08:00:00Z";

fn ahead(id: &str) -> Value {
    at(observation(id, "1", 150, 95), "2100-01-01T00:00:00Z")
}

fn with_topics() -> Cluster {
    let cluster = Cluster::new();
    for topic in ["observations", "rejected", "state"] {
        cluster.make_topic(topic, 2, &[]);
    }
    cluster
}

fn letter(cluster: &Cluster, offset: u64, reason: RejectionReason, original: &str) -> DeadLetter {
    let topic = Arc::from(cluster.name("observations"));
    DeadLetter {
        origin: Origin { topic, partition: 1, offset, line: 0 },
        start: 0,
        entry: None,
        reason,
        time: WRITTEN.parse::<Timestamp>().unwrap(),
        original: original.as_bytes().to_vec(),
    }
}

/// Writes letters as the classifier does.
fn write(cluster: &Cluster, letters: &[DeadLetter]) {
    let connection = KafkaConnection {
        bootstrap_servers: lab::kafka(),
        transport: Transport::Insecure,
        authentication: Authentication::None,
    };
    let mut topic = DeadLetterTopic::new(&connection, &cluster.name("rejected")).unwrap();
    cluster.runtime().block_on(topic.write(letters)).unwrap();
}

fn list(cluster: &Cluster) -> Vec<Value> {
    let output = cluster.does(&["rejected", "list", "-o", "json"], With::Kafka).good();
    assert!(!output.out.contains(CANARY) && !output.err.contains(CANARY), "{output:#?}");
    output.rows()
}

fn reasons(cluster: &Cluster) -> Vec<Value> {
    list(cluster).iter().map(|row| json!([row["reason"], row["at"]["offset"], row["at"]["entry"]])).collect()
}

/// What a record replays.
fn replay_of(record: &Record) -> Option<&str> {
    record.header("bpmonitor-replay-of")
}

#[test]
fn a_list_says_where_and_why_and_one_is_shown() {
    let cluster = with_topics();
    let nonsense = format!("{CANARY} \u{e9}");
    let letters = [
        letter(&cluster, 7, RejectionReason::Future, &ahead("a").to_string()),
        letter(&cluster, 9, RejectionReason::NotJson, &nonsense),
        DeadLetter { entry: Some(3), start: 120, ..letter(&cluster, 11, RejectionReason::NoStatus, "{}") },
    ];
    write(&cluster, &letters);
    write(&cluster, &letters[..1]);
    let mut found = reasons(&cluster);
    found.sort_by_key(Value::to_string);
    assert_eq!(
        found,
        [json!(["future", 7, null]), json!(["no_status", 11, 3]), json!(["not_json", 9, null])]
    );
    let rows = list(&cluster);
    let row = rows.iter().find(|row| row["reason"] == "not_json").unwrap();
    assert_eq!(row["bytes"], nonsense.len());
    assert_eq!(row["at"]["topic"], cluster.name("observations"));
    assert!(row["message"].as_str().unwrap().contains("JSON"));
    let (number, key) = (row["number"].to_string(), row["key"].as_str().unwrap().to_owned());
    for id in [&number, &key] {
        assert_eq!(cluster.does(&["rejected", "show", id], With::Kafka).good().out, format!("{nonsense}\n"));
    }
    let table = cluster.does(&["rejected", "list", "-o", "table"], With::Kafka).good().out;
    assert!(table.contains(&key) && table.contains("no_status") && !table.contains(CANARY), "{table}");
    for unknown in ["0", "99999", "one", "bp/0/1/2"] {
        cluster.does(&["rejected", "show", unknown], With::Kafka).failed(2, &[unknown, "rejected list"]);
    }
}

#[test]
fn what_a_changed_manifest_makes_readable_is_published_once_and_the_rest_stays() {
    let cluster = with_topics();
    let no_status = with(observation("no-status", "1", 118, 76), &json!({"status": null}));
    write(
        &cluster,
        &[
            letter(&cluster, 1, RejectionReason::Future, &ahead("one").to_string()),
            letter(&cluster, 2, RejectionReason::NoStatus, &no_status.to_string()),
            letter(&cluster, 3, RejectionReason::TooLarge, "{\"resourceType\":"),
            letter(&cluster, 4, RejectionReason::Future, &ahead("two").to_string()),
        ],
    );
    let replay = || cluster.does(&["rejected", "replay"], With::Kafka).good();
    let before = replay();
    assert_eq!((before.count("entries"), before.count("rejected")), (Some(3), Some(3)));
    assert!(before.out.contains("only their beginning was kept: 1"), "{}", before.out);
    assert_eq!((cluster.records("observations"), list(&cluster).len()), (vec![], 4));

    cluster.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    let after = replay();
    assert_eq!((after.count("anomalies"), after.count("rejected")), (Some(2), Some(1)), "{after:#?}");
    assert!(after.out.contains(": 2\n"), "{}", after.out);
    let records = cluster.records("observations");
    let mut payloads: Vec<_> = records.iter().map(|record| record.payload.clone().unwrap()).collect();
    payloads.sort();
    assert_eq!(payloads, [ahead("one").to_string(), ahead("two").to_string()]);
    for record in &records {
        assert_eq!(
            (record.header("bpmonitor-time"), record.key.as_deref()),
            (Some(WRITTEN), Some("Patient/1"))
        );
        assert!(replay_of(record).unwrap().starts_with(&format!("{}/1/", cluster.name("observations"))));
    }
    let mut left = reasons(&cluster);
    left.sort_by_key(Value::to_string);
    assert_eq!(left, [json!(["no_status", 2, null]), json!(["too_large", 3, null])]);
    replay();
    cluster.await_removal("state", WRITTEN.parse().unwrap());
    assert_eq!(cluster.records("observations").len(), 2, "what is replayed is kept as long as what is new");
}

#[test]
fn a_kill_in_the_middle_of_a_replay_leaves_out_and_doubles_nothing() {
    let cluster = with_topics();
    cluster.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    let count = 5000;
    let letters: Vec<_> = (0..count)
        .map(|n| letter(&cluster, n, RejectionReason::Future, &ahead(&format!("o{n}")).to_string()))
        .collect();
    write(&cluster, &letters);
    let mut killed = 0;
    for _ in 0..3 {
        let before = cluster.records("observations").len();
        let mut run = Running::start(&mut cluster.command(&["rejected", "replay"], With::Kafka));
        until("it publishes, or is done", || {
            cluster.records("observations").len() > before || !run.is_running()
        });
        killed += usize::from(run.is_running());
        run.kill();
    }
    cluster.does(&["rejected", "replay"], With::Kafka).good();
    let mut times: HashMap<String, usize> = HashMap::new();
    for record in cluster.records("observations") {
        *times.entry(replay_of(&record).unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(times.len() as u64, count, "killed {killed} times");
    assert!(times.values().all(|times| *times == 1), "killed {killed} times: {times:?}");
    assert_eq!(list(&cluster), Vec::<Value>::new());
}

#[test]
fn with_the_classifier_a_replay_arrives_once() {
    let cluster = Cluster::prepared();
    let unversioned = |resource| with(resource, &json!({"meta": null})).to_string();
    cluster
        .publish("observations", &[("1", &ahead("ahead").to_string()), ("1", &unversioned(ahead("good")))]);
    // The version of one that names none is when its record was written.
    let begun = Timestamp::now();
    until("time goes on", || Timestamp::now().as_millisecond() > begun.as_millisecond());
    cluster.publish("observations", &[("1", &unversioned(observation("good", "1", 212, 118)))]);
    let classifier = cluster.classifier();
    until("the good one is indexed", || cluster.documents().len() == 1);
    until("the others are rejected", || list(&cluster).len() == 2);
    classifier.stop().good();
    cluster.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    cluster.does(&["rejected", "replay"], With::Kafka).good();
    let classifier = cluster.classifier();
    until("it is indexed", || cluster.documents().len() == 2);
    cluster.does(&["rejected", "replay"], With::Kafka).good();
    classifier.stop().good();
    let found: Vec<_> = cluster
        .documents()
        .into_iter()
        .map(|(id, document)| (id, document["systolic_pressure"].clone()))
        .collect();
    let expected = [("ahead", 150.0), ("good", 212.0)].map(|(id, systolic)| (id.to_owned(), json!(systolic)));
    assert_eq!(found, expected, "an older version that is replayed changes nothing");
    assert_eq!((list(&cluster).len(), cluster.records("observations").len()), (0, 5));
}
