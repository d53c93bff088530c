//! The simulated ward in Kafka: each Observation once, keyed by its patient, when it is due.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::{Duration, Instant};

use bpmonitor_test_support::{lab, unique};
use common::{Bed, Running, each_once, good, murmur2, run, until};
use serde_json::{Value, json};

fn small() -> Value {
    json!({"patients": {"count": 20, "history": {"days": 3, "readingsPerDay": 4}}, "rate": {"perSecond": 50}})
}

fn without_history(rate: f64) -> Value {
    json!({"patients": {"count": 20, "history": {"days": 0}}, "rate": {"perSecond": rate}})
}

#[test]
fn as_many_as_asked_for_each_once_and_keyed_as_java_does() {
    let bed = Bed::new();
    bed.manifest(&small());
    good(bed.ward().args(["--count", "300"]));
    let records = bed.records();
    assert_eq!(each_once(&records), 300);
    for record in &records {
        let observation: Value = serde_json::from_slice(&record.payload).unwrap();
        let subject = observation["subject"]["reference"].as_str().unwrap();
        assert_eq!(record.key.as_deref(), Some(subject));
        assert_eq!(record.partition, murmur2::partition(subject.as_bytes(), 3), "{subject}");
    }
    assert!((0..3).all(|partition| records.iter().any(|record| record.partition == partition)));
}

#[test]
fn the_history_comes_first_and_live_readings_when_they_are_due() {
    let bed = Bed::new();
    bed.manifest(&small());
    let begun = Instant::now();
    let running = Running::start(&mut bed.ward());
    bed.until(240);
    assert!(begun.elapsed() < Duration::from_secs(30), "the history takes {:?}", begun.elapsed());
    bed.until(300);
    running.signal("TERM");
    let (code, text) = running.wait();
    assert_eq!(code, 0, "{text}");
    let records = bed.records();
    assert!(each_once(&records) >= 300);
    // A patient's records are in order of time.
    for partition in 0..3 {
        let times: Vec<String> = records
            .iter()
            .filter(|record| record.partition == partition)
            .map(|record| {
                serde_json::from_slice::<Value>(&record.payload).unwrap()["effectiveDateTime"].to_string()
            })
            .collect();
        assert!(times.is_sorted());
    }
    // The same again goes on from there.
    good(bed.ward().args(["--count", "100"]));
    assert_eq!(each_once(&bed.records()), records.len() as u64 + 100);
}

#[test]
fn a_rate_is_held() {
    for (rate, arguments) in [(2_000.0, &[][..]), (1.0, &["--interval", "20ms"][..])] {
        let bed = Bed::new();
        bed.manifest(&without_history(rate));
        let rate = if arguments.is_empty() { rate } else { 50.0 };
        let running = Running::start(bed.ward().args(arguments));
        bed.until(1);
        let mut found = vec![measured(&bed)];
        let is_held = |found: &f64| (found / rate - 1.0).abs() < 0.02 + 2.0 / (rate * MEASURED.as_secs_f64());
        while found.len() < ATTEMPTS && !found.iter().any(is_held) {
            found.push(measured(&bed));
        }
        drop(running);
        assert!(found.iter().any(is_held), "{found:?}/s in place of {rate}/s");
    }
}

/// How long a rate is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// How often: a busy machine disturbs a measurement now and then.
const ATTEMPTS: usize = 3;

/// How many records come each second.
fn measured(bed: &Bed) -> f64 {
    let (begun, first) = (Instant::now(), bed.count());
    std::thread::sleep(MEASURED);
    let (count, seconds) = (bed.count() - first, begun.elapsed().as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = count as f64;
    count / seconds
}

#[test]
fn a_missing_topic_is_named_and_made_on_request() {
    let bed = Bed::bare(lab::kafka());
    bed.manifest(&small());
    let (code, text) = run(&mut bed.ward());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains(&bed.topic()) && text.contains("--create-topics"), "{text}");
    good(bed.ward().args(["--create-topics", "--count", "10"]));
    assert_eq!(each_once(&bed.records()), 10);
    assert_eq!(bed.records().iter().map(|record| record.partition).max(), Some(2));
}

#[test]
fn another_seed_or_start_is_another_ward() {
    let bed = Bed::new();
    bed.manifest(&small());
    good(bed.ward().args(["--count", "10", "--start", "2026-01-01T00:00:00Z"]));
    let (code, text) = run(bed.ward().args(["--start", "2026-01-02T00:00:00Z"]));
    assert_eq!((code, text.contains("leave --start out")), (2, true), "{text}");
    let (code, text) = run(bed.ward().args(["--topic", &bed.state_topic()]));
    assert_eq!(code, 2, "{text}");
    let other = unique::name("other");
    bed.make(&other, &[]);
    let (code, text) = run(bed.ward().args(["--topic", &other, "--count", "1"]));
    bed.remove(&[&other]);
    assert_eq!((code, text.contains("name another --state-topic")), (2, true), "{text}");
    let mut spec = small();
    spec["patients"]["seed"] = json!(43);
    bed.manifest(&spec);
    let (code, text) = run(&mut bed.ward());
    assert_eq!((code, text.contains("keep the seed")), (2, true), "{text}");
    assert_eq!(each_once(&bed.records()), 10);
}

#[test]
fn a_topic_that_is_made_anew_is_gone_on_with() {
    let bed = Bed::new();
    bed.manifest(&small());
    good(bed.ward().args(["--count", "100"]));
    bed.remove(&[&bed.topic()]);
    until("the topic is gone", || {
        let (code, text) = run(bed.ward().args(["--count", "0"]));
        code == 1 && text.contains("there is no topic")
    });
    bed.make(&bed.topic(), &[]);
    good(bed.ward().args(["--count", "50"]));
    assert_eq!(
        common::indices(&bed.records()).into_keys().collect::<Vec<_>>(),
        (100..150).collect::<Vec<_>>()
    );
}

#[test]
fn another_rate_holds_from_where_it_was_left() {
    let bed = Bed::new();
    bed.manifest(&without_history(500.0));
    let running = Running::start(&mut bed.ward());
    bed.until(600);
    running.kill();
    bed.manifest(&without_history(20.0));
    let before = bed.count();
    let begun = Instant::now();
    good(bed.ward().args(["--count", "20"]));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert!(each_once(&bed.records()) >= before + 20);
}

#[test]
fn nobody_to_simulate_is_said() {
    let bed = Bed::bare("127.0.0.1:1".to_owned());
    for (spec, said) in
        [(json!({"paused": true}), "spec.paused"), (json!({"patients": {"count": 0}}), "patients.count is 0")]
    {
        bed.manifest(&spec);
        assert!(good(&mut bed.ward()).contains(said));
    }
}

#[test]
fn mistakes_are_bad_usage() {
    let bed = Bed::bare("127.0.0.1:1".to_owned());
    bed.manifest(&json!({"rate": {"perSecond": -1}, "patients": {"locale": "xx"}, "unknown": 1}));
    let (code, text) = run(&mut bed.ward());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("spec.rate.perSecond") && text.contains("spec.unknown"), "{text}");
    bed.manifest(&small());
    for arguments in [&["--interval", "5"][..], &["--count", "-1"], &["--input", "/nowhere"], &["--unknown"]]
    {
        let (code, text) = run(bed.ward().args(arguments));
        assert_eq!(code, 2, "{arguments:?}: {text}");
    }
}
