//! `bpmonitor import` into Kafka: each record once, whatever happens on the way.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use bpmonitor_test_support::lab;
use bpmonitor_test_support::observations::{CANARY, lines, observation};
use common::cluster::Cluster;
use common::process::{Output, Running, bpmonitor, finish};
use common::until;

fn with_topics() -> Cluster {
    let cluster = Cluster::new();
    let size = ("max.message.bytes", "33554432");
    cluster.make_topic("observations", 3, &[size]);
    cluster.make_topic("state", 3, &[size, ("cleanup.policy", "compact")]);
    cluster
}

fn importing(cluster: &Cluster, file: &Path) -> Command {
    let mut command = bpmonitor(["import", "--kafka-insecure", "--into"]);
    command.arg(format!("kafka://{}", lab::kafka())).arg("-f").arg(cluster.manifest()).arg(file);
    command
}

fn import(cluster: &Cluster, file: &Path) -> Output {
    finish(&mut importing(cluster, file))
}

/// How many records were published, by what the command says.
fn published(output: &Output) -> u64 {
    let line = output.out.lines().find_map(|line| line.strip_prefix("published to ")).unwrap();
    line.split_whitespace().nth(1).unwrap().replace(',', "").parse().unwrap()
}

#[test]
fn each_record_is_published_once_and_what_will_be_rejected_is_counted() {
    let cluster = with_topics();
    let mut text = lines((0..50).map(|n| observation(&format!("o{n}"), &format!("p{}", n % 7), 118, 76)));
    text.push_str(CANARY);
    text.push('\n');
    let file = cluster.path("in.ndjson");
    std::fs::write(&file, text).unwrap();
    let first = import(&cluster, &file).good();
    assert_eq!(
        (first.count("entries"), first.count("normal"), first.count("rejected")),
        (Some(51), Some(50), Some(1))
    );
    assert!(
        first.out.contains("not_json") && !first.out.contains(CANARY) && !first.err.contains(CANARY),
        "{first:#?}"
    );
    assert_eq!(published(&first), 51);
    let records = cluster.records("observations");
    assert_eq!(records.len(), 51);
    for patient in 0..7 {
        let key = format!("Patient/p{patient}");
        let its: HashSet<i32> = records
            .iter()
            .filter(|record| record.key.as_deref() == Some(&key))
            .map(|record| record.partition)
            .collect();
        assert_eq!(its.len(), 1, "one patient's records are in one partition");
    }
    let again = import(&cluster, &file).good();
    assert_eq!(published(&again), 0);
    assert!(again.out.contains("1 file was published"), "{}", again.out);
    assert_eq!(cluster.records("observations").len(), 51);
}

#[test]
fn a_kill_in_the_middle_loses_and_doubles_nothing() {
    let cluster = with_topics();
    let count = 30_000;
    let file = cluster.path("in.ndjson");
    std::fs::write(
        &file,
        lines((0..count).map(|n| observation(&format!("o{n}"), &format!("p{}", n % 97), 118, 76))),
    )
    .unwrap();
    let mut killed = 0;
    for _ in 0..3 {
        let before = cluster.records("observations").len();
        let mut run = Running::start(&mut importing(&cluster, &file));
        until("it publishes, or is done", || {
            cluster.records("observations").len() > before || !run.is_running()
        });
        killed += usize::from(run.is_running());
        run.kill();
    }
    import(&cluster, &file).good();
    let records = cluster.records("observations");
    let payloads: HashSet<&str> = records.iter().map(|record| record.payload.as_deref().unwrap()).collect();
    assert_eq!((payloads.len(), records.len()), (count, count), "killed {killed} times");
}

#[test]
fn a_record_that_is_too_large_is_left_out_and_named() {
    let cluster = with_topics();
    let file = cluster.path("in.ndjson");
    let large = format!("{{\"resourceType\":\"Bundle\",\"id\":\"{}\"}}", "x".repeat(33 * 1024 * 1024));
    std::fs::write(&file, format!("{}\n{large}\n", observation("o", "1", 118, 76))).unwrap();
    let output = import(&cluster, &file).failed(1, &["left out"]);
    assert!(output.out.contains("line 2") && output.out.contains("max.message.bytes"), "{}", output.out);
    assert_eq!(cluster.records("observations").len(), 1);
}

#[test]
fn what_is_missing_or_contradicts_itself_is_said() {
    let cluster = Cluster::new();
    let file = cluster.path("in.json");
    std::fs::write(&file, observation("o", "1", 118, 76).to_string()).unwrap();
    import(&cluster, &file).failed(1, &[&cluster.name("observations"), "no topic"]);
    let twice = finish(importing(&cluster, &file).args(["--bootstrap-servers", "a:1"]));
    twice.failed(2, &["--into", "--bootstrap-servers"]);
    let file = file.to_str().unwrap();
    let wrong = |args: &[&str]| finish(&mut bpmonitor(args));
    wrong(&["import", file, "--into", "kafka://nowhere"]).failed(2, &["kafka://HOST:PORT"]);
    wrong(&["import", file, "--into", "kafka://a:1/x", "--kafka-insecure"])
        .failed(2, &["-f", "--state-topic"]);
    wrong(&["import", file]).failed(2, &["--into"]);
    wrong(&["import", file, "--into", "ward", "--kafka"]).failed(2, &["--into", "--kafka"]);
}
