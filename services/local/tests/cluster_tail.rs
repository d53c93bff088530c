//! `bpmonitor tail` from Kafka: the same rows as a ward in a directory gives.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;

use bpmonitor_test_support::observations::{CANARY, lines, observation, withdrawal};
use common::cluster::{Cluster, With};
use common::process::{Running, bpmonitor, finish};
use common::until;
use common::ward::Ward;
use serde_json::{Value, json};

fn some() -> Vec<String> {
    vec![
        observation("crisis", "1", 212, 118).to_string(),
        observation("normal", "2", 118, 76).to_string(),
        format!("{{\"{CANARY}\": 1}}"),
        withdrawal("crisis", "2024-03-02T08:00:00Z").to_string(),
    ]
}

fn with_topic() -> Cluster {
    let cluster = Cluster::new();
    cluster.make_topic("observations", 2, &[]);
    cluster
}

/// Without what differs between two runs.
fn comparable(mut rows: Vec<Value>) -> Vec<Value> {
    for row in &mut rows {
        let row = row.as_object_mut().unwrap();
        row.remove("kafka");
        row.remove("processed_datetime");
        row.remove("namespace");
        row.remove("monitor");
    }
    rows.sort_by_key(Value::to_string);
    rows
}

#[test]
fn rows_are_those_of_a_ward_in_a_directory() {
    let cluster = with_topic();
    cluster.publish("observations", &some().iter().map(|text| ("p", text.as_str())).collect::<Vec<_>>());
    let output = cluster.does(&["tail", "--all", "--once", "-o", "json"], With::Key).good();
    assert!(!output.err.contains(CANARY), "{}", output.err);
    let rows = output.rows();
    assert_eq!(rows.len(), 3, "{rows:#?}");
    assert!(rows.iter().all(|row| row["kafka"]["topic"] == cluster.name("observations")));

    let ward = Ward::new();
    fs::create_dir_all(ward.data()).unwrap();
    fs::copy(cluster.key(), ward.data().join("pseudonym.key")).unwrap();
    let mut stored = Vec::new();
    for text in some() {
        let input = ward.write("in.ndjson", lines([text]));
        ward.run(&[&input]).good();
        fs::remove_file(&input).unwrap();
        stored = ward.tail();
    }
    let crisis = rows
        .iter()
        .find(|row| row["withdrawn"] == false && row["category"] == "hypertensive_crisis")
        .unwrap();
    assert_eq!(crisis["patient_id"].as_str().unwrap().len(), 64);
    let kept: Vec<Value> = rows.iter().filter(|row| *row != crisis).cloned().collect();
    assert_eq!(comparable(kept), comparable(stored), "a ward keeps the newest version alone");
}

#[test]
fn what_comes_is_shown_as_it_comes() {
    let cluster = with_topic();
    cluster.publish("observations", &[("1", &observation("before", "1", 150, 95).to_string())]);
    let tail = Running::start(&mut cluster.command(&["tail", "-o", "table"], With::Key));
    until("it has begun", || tail.out().contains("MEASURED") || !tail.err().is_empty());
    let mut sent = 0;
    until("one is shown", || {
        sent += 1;
        cluster.publish(
            "observations",
            &[("1", &observation(&format!("later-{sent}"), "1", 162, 98).to_string())],
        );
        tail.out().contains("162.0/98.0")
    });
    assert!(!tail.out().contains("150.0/95.0"), "that was there before: {}", tail.out());
}

#[test]
fn nothing_that_is_there_is_shown_unless_asked_for() {
    let cluster = with_topic();
    cluster.publish("observations", &[("1", &observation("before", "1", 150, 95).to_string())]);
    assert_eq!(cluster.does(&["tail", "--once", "-o", "json"], With::Key).good().out, "");
}

#[test]
fn what_is_missing_is_said() {
    let cluster = Cluster::new();
    cluster.does(&["tail"], With::Kafka).failed(2, &["PseudonymKeyMissing", "--pseudonym-key-file"]);
    cluster
        .does(&["tail"], With::Key)
        .failed(1, &[&cluster.name("observations"), "no topic", "bpmonitor prepare"]);
    cluster.does(&["tail", "--data", "somewhere"], With::Key).failed(2, &["--data", "--bootstrap-servers"]);
    let of_directory = |args: &[&str]| finish(&mut bpmonitor(args));
    of_directory(&["tail", "--topic", "x"]).failed(2, &["--topic", "--kafka"]);
    of_directory(&["tail", "--kafka", "--topic", "x"]).failed(2, &["--bootstrap-servers"]);
    of_directory(&["tail", "-f", "ward.yaml", "--data", "x"]).failed(2, &["--kafka", "-f"]);
}

#[test]
fn the_environment_may_say_where_and_a_flag_is_stronger() {
    let cluster = with_topic();
    cluster.publish("observations", &[("1", &observation("o", "1", 150, 95).to_string())]);
    let mut command = bpmonitor(["tail", "--all", "--once", "-o", "json"]);
    command.env("BPMONITOR_KAFKA_BOOTSTRAP_SERVERS", bpmonitor_test_support::lab::kafka());
    command
        .env("BPMONITOR_KAFKA_INSECURE", "true")
        .env("BPMONITOR_KAFKA_TOPIC", cluster.name("observations"));
    command.env("BPMONITOR_PSEUDONYM_KEY_FILE", cluster.key());
    assert_eq!(finish(&mut command).good().rows().len(), 1);
    let ward = Ward::new();
    let input = ward.write("in.json", observation("local", "1", 118, 76).to_string());
    ward.run(&[&input]).good();
    let rows = finish(command.arg("--data").arg(ward.data())).good().rows();
    assert_eq!(rows.iter().map(|row| &row["observation_id"]).collect::<Vec<_>>(), [&json!("local")]);
}
