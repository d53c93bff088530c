//! What cannot be read: each reason, Bundles as large as the topic allows, floods of garbage. The partition goes on behind it.
//!
//! `BPMONITOR_TEST_GARBAGE` says how many garbage messages (200,000 unless given).
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeSet;

use bpmonitor_test_support::observations::{bundle, observation, withdrawal};
use common::deployment::Deployment;
use common::mixture::{Mixture, Sent, garbage, wrong};
use common::{from_environment, seed, turn};
use serde_json::{Value, json};

/// What a classifier may take at most, in MiB.
const MEMORY: u64 = 128;

fn readings(seed: u64, count: usize) -> Vec<Value> {
    let plain = Mixture::plain(seed).take(count).into_iter();
    plain.map(|sent| serde_json::from_slice(&sent.payload.unwrap()).unwrap()).collect()
}

#[test]
fn every_reason_there_is() {
    let deployment = Deployment::new();
    let replica = deployment.start();
    let mut all = Vec::new();
    for reading in readings(seed(), 3) {
        let mut wrong = wrong(&reading);
        wrong.push(withdrawal("", "2024-03-01T08:00:00Z"));
        // Each alone, all in one Bundle, and each with a good one behind it in the same record.
        all.extend(wrong.iter().map(|wrong| Sent::json("one", wrong)));
        all.push(Sent::json("one", &bundle(&wrong)));
        all.extend(wrong.iter().map(|wrong| Sent::of("one", format!("{wrong}\n{reading}\n"))));
        all.push(Sent::json("one", &reading));
    }
    all.extend(garbage(7).into_iter().map(|payload| Sent { payload: Some(payload), ..Sent::default() }));
    deployment.publish(&all);
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    let accounts = deployment.account(&all);
    let met: BTreeSet<&str> = accounts.expected.tally.rejections.keys().map(String::as_str).collect();
    let missing: Vec<_> = [
        "not_json",
        "not_fhir",
        "too_deep",
        "no_status",
        "no_id",
        "ambiguous",
        "invalid_value",
        "invalid_unit",
        "comparator",
        "implausible",
        "incomplete",
        "no_subject",
        "invalid_time",
        "no_time",
        "future",
    ]
    .into_iter()
    .filter(|reason| !met.contains(reason))
    .collect();
    assert_eq!(missing, Vec::<&str>::new(), "reasons that this test does not meet");
}

#[test]
fn a_bundle_of_22_megabytes() {
    let _turn = turn();
    let deployment = Deployment::new();
    let replica = deployment.start();
    let seed = seed();
    let patient = |number: usize| {
        json!({"resourceType": "Patient", "id": number.to_string(), "birthDate": "1950-01-01",
        "text": {"div": "x".repeat(2_000)}})
    };
    let mut entries: Vec<Value> = (0..2_000).map(patient).collect();
    entries.extend(readings(seed, 19_000));
    // Some of it cannot be read, and becomes dead letters of its own.
    for number in 0..200 {
        entries.push(observation(&format!("bad-{number}"), &number.to_string(), 20, 10));
    }
    let large = bundle(&entries).to_string();
    println!("{} bytes", large.len());
    assert!((22_000_000..33_000_000).contains(&large.len()));
    let mut all = vec![Sent::of("large", large), Sent::json("large", &observation("behind", "1", 190, 100))];
    all.extend(Mixture::plain(seed + 1).take(500));
    deployment.publish(&all);
    deployment.settled();
    let (_, most) = replica.memory();
    println!("resident at most: {most} MiB");
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}

#[test]
fn a_record_of_22_megabytes_that_is_no_fhir() {
    let _turn = turn();
    let deployment = Deployment::new();
    let replica = deployment.start();
    let all =
        vec![Sent::of("x", "x".repeat(22_000_000)), Sent::json("x", &observation("behind", "1", 190, 100))];
    deployment.publish(&all);
    deployment.settled();
    println!("resident at most: {} MiB", replica.memory().1);
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}

#[test]
fn a_flood_of_garbage() {
    let _turn = turn();
    let deployment = Deployment::new();
    let seed = seed();
    let count = from_environment("BPMONITOR_TEST_GARBAGE", 200_000);
    let mut all = Mixture::new(seed).take(500);
    for number in 0..count {
        let kinds = garbage(number);
        let which = usize::try_from(number).unwrap() % kinds.len();
        all.push(Sent { payload: Some(kinds[which].clone()), ..Sent::default() });
    }
    all.extend(Mixture::new(seed + 1).take(500));
    deployment.publish(&all);
    let replica = deployment.start();
    deployment.settled();
    let (_, most) = replica.memory();
    println!("resident at most: {most} MiB");
    assert!(most < MEMORY, "{most} MiB");
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}
