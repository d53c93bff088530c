//! A kill at any moment leaves nothing out and repeats nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::{Bed, Running, each_once, good, random};
use serde_json::json;

fn kills() -> u32 {
    std::env::var("BPMONITOR_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10)
}

/// Kills a publisher at random moments, of which half are while it begins.
fn kill_again_and_again(bed: &Bed, command: impl Fn() -> std::process::Command) {
    for round in 0..kills() {
        let running = Running::start(&mut command());
        if round % 2 == 0 {
            bed.until(bed.count() + 1 + random(3_000));
        }
        std::thread::sleep(Duration::from_millis(random(400)));
        running.kill();
    }
}

#[test]
fn each_observation_is_there_once_whenever_it_is_killed() {
    let bed = Bed::new();
    let spec = json!({"patients": {"count": 500, "history": {"days": 10, "readingsPerDay": 4}}, "rate": {"perSecond": 5000}});
    bed.manifest(&spec);
    kill_again_and_again(&bed, || bed.ward());
    good(bed.ward().args(["--count", "1000"]));
    assert!(each_once(&bed.records()) > 1_000);
}

#[test]
fn each_record_of_a_file_is_there_once_whenever_it_is_killed() {
    let bed = Bed::new();
    let line = |number: u32| format!("{{\"resourceType\":\"Basic\",\"id\":\"{number}\"}}\n");
    let content: Vec<String> = (0..200_000).map(line).collect();
    let file = bed.write("all.ndjson", content.concat().as_bytes());
    kill_again_and_again(&bed, || {
        let mut command = bed.files(&[&file]);
        command.args(["--rate", "20000"]);
        command
    });
    good(&mut bed.files(&[&file]));
    let mut found: Vec<Vec<u8>> = bed.records().into_iter().map(|record| record.payload).collect();
    let mut expected: Vec<Vec<u8>> = content.iter().map(|line| line.trim_end().as_bytes().to_vec()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected, "other records");
}
