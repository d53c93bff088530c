//! `bpmonitor run` without files: simulated patients, live, with a page that says what the store holds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::held::Held;
use common::page::Page;
use common::process::{Running, finish};
use common::until;
use common::ward::{Ward, id};
use fastrand::Rng;
use serde_json::{Value, json};

fn ward(spec: &Value) -> Ward {
    let ward = Ward::new();
    ward.set_spec(spec);
    ward
}

fn small() -> Value {
    json!({"patients": {"count": 20, "history": {"days": 3, "readingsPerDay": 4}}, "rate": {"perSecond": 20}})
}

/// Every reading that a stopped ward holds, by Observation id.
fn readings(ward: &Ward) -> BTreeMap<String, Value> {
    let anomalies = Held::of(ward.data()).anomalies().into_iter().cloned().collect::<Vec<_>>();
    let normal = ward.export("day").into_iter().flat_map(|(_, readings)| readings);
    let strip = |mut reading: Value| {
        reading.as_object_mut().unwrap().remove("processed_datetime");
        (id(&reading), reading)
    };
    anomalies.into_iter().chain(normal).map(strip).collect()
}

/// How often what is measured may be disturbed by what else the machine does.
const ATTEMPTS: usize = 3;

#[test]
fn the_first_readings_are_there_within_two_seconds() {
    let mut took = Vec::new();
    while took.len() < ATTEMPTS && took.iter().all(|took| *took >= Duration::from_secs(2)) {
        let ward = ward(&json!({}));
        let begun = Instant::now();
        let mut run = Running::start(&mut ward.live());
        let page = Page::of(&mut run);
        page.until("the first readings are there", "/overview?range=all", |overview| {
            overview["totals"]["readings"].as_u64() > Some(0)
        });
        took.push(begun.elapsed());
    }
    assert!(took.iter().any(|took| *took < Duration::from_secs(2)), "{took:?}");
}

#[test]
fn the_page_says_what_the_store_holds() {
    let ward = ward(&small());
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    page.until("live readings come", "/status", |status| {
        status["phase"] == "live" && status["entries"]["normal"].as_u64() > Some(150)
    });
    run.signal("STOP");
    let held = Held::of(ward.data());
    run.signal("CONT");
    assert!(!held.anomalies().is_empty());
    let ward_facts = page.get("/ward");
    assert_eq!(ward_facts["simulated"], json!({"patients": 20, "rate_per_second": 20.0, "seed": 42}));
    run.signal("INT");
    let output = run.wait().good();
    let stored = readings(&ward);
    assert_eq!(output.count("entries"), Some(stored.len() as u64), "{output:#?}");

    // The same store again, and nothing new: no patient is simulated while files are read.
    let none = ward.write("none.ndjson", "");
    let mut run = ward.follow(&[&none]);
    let page = Page::of(&mut run);
    let overview = page.get("/overview?range=all");
    let anomalies = stored.values().filter(|reading| reading["category"] != "normal").count();
    let critical = stored.values().filter(|reading| reading["severity"] == "critical").count();
    assert_eq!(overview["totals"]["readings"], stored.len());
    assert_eq!(overview["totals"]["anomalies"], anomalies);
    assert_eq!(overview["totals"]["critical"], critical);
    assert_eq!(overview["totals"]["patients"], 20);
    for category in overview["categories"].as_array().unwrap() {
        let expected = stored.values().filter(|reading| reading["category"] == category["category"]).count();
        assert_eq!(category["readings"], expected, "{category}");
    }
    let buckets = overview["severities"]["buckets"].as_array().unwrap();
    let sum = |name: &str| buckets.iter().map(|bucket| bucket[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("critical"), sum("none")), (critical as u64, (stored.len() - anomalies) as u64));
    run.signal("INT");
    run.wait().good();
}

#[test]
fn one_patient_and_some_categories_can_be_asked_for() {
    let ward = ward(&small());
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    page.until("the history is there", "/status", |status| status["phase"] == "live");
    let patients = page.until("all patients are there", "/patients", |patients| patients["total"] == 20);
    let patient = patients["patients"][0]["patient"].as_str().unwrap();
    let of_patient = page.get(&format!("/patients/{patient}/readings?range=all"));
    let times: Vec<&str> = of_patient["readings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["effective"].as_str().unwrap())
        .collect();
    assert!(times.len() >= 12 && times.is_sorted(), "{of_patient}");
    assert_eq!(of_patient["limits"]["crisis"]["systolic"], json!({"mmhg": 180, "inclusive": false}));
    let some = page.get(&format!("/overview?range=all&patient={patient}&category=normal,elevated"));
    assert_eq!(some["totals"]["critical"], 0);
    assert!(some["totals"]["readings"].as_u64() <= Some(times.len() as u64 + 20));

    for (path, status, says) in [
        ("/overview?range=2h", 400, "1h, 6h, 24h, 7d, 30d or all"),
        ("/overview?category=high", 400, "hypertensive_crisis, hypertension_stage2"),
        ("/patients/nobody/readings", 404, "no such patient"),
        ("/nothing", 404, "no such answer"),
        ("/imports/abc", 400, "SHA-256"),
    ] {
        let (found, body) = page.answer(path);
        assert_eq!(found, status, "{path}: {body}");
        assert!(body["error"]["message"].as_str().unwrap().contains(says), "{path}: {body}");
    }
}

#[test]
fn a_killed_ward_goes_on_where_it_was() {
    let spec = json!({"patients": {"count": 50, "history": {"days": 100, "readingsPerDay": 8}}, "rate": {"perSecond": 500}});
    let start = "2024-01-01T00:00:00Z";
    let ward = ward(&spec);
    let mut random = Rng::with_seed(u64::from(std::process::id()));
    for _ in 0..8 {
        let mut run = Running::start(ward.live().args(["--start", start]));
        std::thread::park_timeout(Duration::from_millis(100 + random.u64(..600)));
        assert!(run.is_running(), "{}", run.err());
        run.kill();
    }
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    page.until("live readings come", "/status", |status| {
        status["phase"] == "live" && status["lag_seconds"].as_f64() < Some(1.0)
    });
    run.signal("TERM");
    run.wait().good();
    let found = readings(&ward);

    let count = found.len();
    assert!(count > 40_000, "{count}");
    let numbers: Vec<u64> = (0..count as u64).collect();
    let mut indexes: Vec<u64> =
        found.keys().map(|id| id.strip_prefix("sim-42-").unwrap().parse().unwrap()).collect();
    indexes.sort_unstable();
    assert!(indexes == numbers, "an Observation is missing or there twice");

    // The history is what an undisturbed simulation prints.
    let again = ward_of_simulation(&ward, start, 40_000);
    let expected = readings(&again);
    assert_eq!(expected.len(), 40_000);
    for (id, reading) in &expected {
        assert_eq!(found.get(id), Some(reading));
    }
}

/// Another ward with the same key, that has read what `simulate` prints.
fn ward_of_simulation(ward: &Ward, start: &str, count: usize) -> Ward {
    let other = Ward::new().with_key_of(ward);
    std::fs::copy(ward.manifest(), other.manifest()).unwrap();
    let mut simulate = common::process::bpmonitor(["simulate", "--start", start, "--count"]);
    let printed = finish(simulate.arg(count.to_string()).arg("-f").arg(ward.manifest())).good();
    let file = other.write("simulated.ndjson", printed.out);
    other.run(&[&file]).good();
    other
}

#[test]
fn the_same_seed_and_start_print_the_same_bytes() {
    let ward = ward(&small());
    let print = |start: &str| {
        let args = ["simulate", "--start", start, "--count", "2000", "-f"];
        finish(common::process::bpmonitor(args).arg(ward.manifest())).good().out
    };
    let one = print("2026-01-01T00:00:00Z");
    assert_eq!(one.lines().count(), 2000);
    assert!(one == print("2026-01-01T00:00:00Z"));
    assert!(one != print("2026-01-02T00:00:00Z"));
    ward.set_spec(&json!({"patients": {"count": 20, "seed": 7}}));
    assert!(one != print("2026-01-01T00:00:00Z"));
}

#[test]
fn the_rate_is_held() {
    let seconds: u64 = std::env::var("BPMONITOR_TEST_RATE_SECONDS").map_or(10, |text| text.parse().unwrap());
    let ward = ward(&json!({"patients": {"count": 20, "history": {"days": 0}}, "rate": {"perSecond": 200}}));
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    let entries = || {
        let status = page.get("/status");
        let count = |name: &str| status["entries"][name].as_f64().unwrap();
        (Instant::now(), count("anomaly") + count("normal"))
    };
    until("it has begun", || entries().1 > 0.0);
    let rate = || {
        let (from, before) = entries();
        std::thread::sleep(Duration::from_secs(seconds));
        let (to, after) = entries();
        (after - before) / (to - from).as_secs_f64()
    };
    // What is under way when the clock is read is a batch of 20 ms, here and there.
    let tolerance = 0.01 + 0.1 / Duration::from_secs(seconds).as_secs_f64();
    let is_held = |rate: &f64| (rate / 200.0 - 1.0).abs() < tolerance;
    let mut rates = vec![rate()];
    while rates.len() < ATTEMPTS && !rates.iter().any(is_held) {
        rates.push(rate());
    }
    assert!(rates.iter().any(is_held), "{rates:?} a second");
}

#[test]
fn it_stops_after_the_time_asked_for() {
    let ward = ward(&small());
    let begun = Instant::now();
    let output = finish(ward.live().args(["--for", "2s"])).good();
    assert!((2.0..10.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    assert!(output.count("entries") > Some(240), "{output:#?}");
    assert!(output.out.contains("not a medical device"));
}

#[test]
fn bad_input_is_said_before_anything_is_touched() {
    let ward = ward(&small());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = |address: &str| finish(ward.live().args(["--listen", address]));
    listen(&address).failed(2, &[&address, "taken by another program", "--listen"]);
    listen("nowhere").failed(2, &["nowhere", "--listen 127.0.0.1:8080"]);
    finish(ward.live().args(["--start", "2999-01-01T00:00:00Z"])).failed(2, &["--start", "future"]);
    finish(ward.live().args(["--for", "soon"])).failed(2, &["30s"]);
    finish(ward.live().arg("--follow")).failed(2, &["--input"]);
    let input = ward.write("in.ndjson", "");
    let start = ["--start", "2024-01-01T00:00:00Z"];
    finish(ward.running(&[&input]).args(start)).failed(2, &["--start", "--input"]);
    for (spec, says) in [
        (json!({"patients": {"locale": "xx"}}), "spec.patients.locale"),
        (json!({"rate": {"perSecond": 0}}), "spec.rate.perSecond"),
        (json!({"patients": {"mix": {"normal": -1}}}), "spec.patients.mix"),
        (json!({"paused": true}), "spec.paused"),
    ] {
        ward.set_spec(&spec);
        finish(&mut ward.live()).failed(2, &[says]);
    }
    assert!(Held::of(ward.data()).documents.is_empty());
}

#[test]
fn another_seed_is_another_ward() {
    let ward = ward(&small());
    finish(ward.live().args(["--for", "1s"])).good();
    let held = Held::of(ward.data());
    ward.set_spec(&json!({"patients": {"count": 20, "seed": 7}}));
    finish(&mut ward.live()).failed(2, &["seed", "42", "7", "--data"]);
    ward.set_spec(&small());
    finish(ward.live().args(["--start", "2024-01-01T00:00:00Z"])).failed(2, &["--start", "--data"]);
    held.assert_same(&Held::of(ward.data()));
}

#[test]
fn another_rate_goes_on_from_there() {
    let ward = ward(&small());
    finish(ward.live().args(["--for", "1s"])).good();
    let before = readings(&ward).len();
    let mut spec = small();
    spec["rate"]["perSecond"] = json!(100);
    spec["patients"]["count"] = json!(30);
    spec["patients"]["mix"] =
        json!({"normal": 0, "elevated": 0, "stage1": 0, "stage2": 0, "crisis": 1, "hypotension": 0});
    ward.set_spec(&spec);
    finish(ward.live().args(["--for", "2s"])).good();
    let after = readings(&ward);
    let new = after.len() - before;
    // What was due between the runs is made up for.
    assert!((150..=2000).contains(&new), "{new}");
    let critical = after.values().filter(|reading| reading["severity"] == "critical").count();
    assert!(critical >= new, "{critical} of {new}");
}

#[test]
fn whoever_is_seldom_measured_is_gone_on_with() {
    let ward = ward(&json!({"patients": {"count": 1, "history": {"days": 0}}, "rate": {"perSecond": 0.001}}));
    finish(ward.live().args(["--for", "1s"])).good();
    let database = common::held::open(&ward.data().join("ward.db"));
    let position =
        || -> String { database.query_row("SELECT state FROM positions", [], |row| row.get(0)).unwrap() };
    let before = position();
    finish(ward.live().args(["--for", "1s"])).good();
    assert_eq!(before, position());
}

#[test]
fn nothing_more_to_simulate_is_said() {
    let ward = ward(&json!({"patients": {"count": 1, "history": {"days": 0}}, "rate": {"perSecond": 1e-13}}));
    let mut simulate = common::process::bpmonitor(["simulate", "--count", "1", "-f"]);
    finish(simulate.arg(ward.manifest())).failed(2, &["spec.rate.perSecond"]);
}
