//! `bpmonitor import`: files into a ward, running or not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use bpmonitor_test_support::observations::{lines, observation};
use common::held::offset;
use common::page::{Page, importing, quiet};
use common::process::{Running, bpmonitor, finish};
use common::until;
use common::ward::Ward;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn many(prefix: &str, count: u32) -> String {
    lines((0..count).map(|n| observation(&format!("{prefix}{n}"), &(n % 50).to_string(), 100 + n % 70, 76)))
}

fn begun() -> Ward {
    let ward = Ward::new();
    let input = ward.write("first.ndjson", lines([observation("first", "1", 118, 76)]));
    ward.run(&[&input]).good();
    ward
}

fn entries(totals: &Value) -> u64 {
    ["anomaly", "normal", "rejected", "skipped", "withdrawn"]
        .iter()
        .map(|of| totals[of].as_u64().unwrap())
        .sum()
}

/// Every Observation once, in the totals as in the store.
#[track_caller]
fn check_held(ward: &Ward, count: u64) {
    let held = ward.held();
    assert_eq!(entries(&held.totals), count);
    assert_eq!((held.documents.len() + held.archive.len()) as u64, count);
    let requests: Vec<_> = fs::read_dir(ward.data().join("inbox")).unwrap().collect();
    assert!(requests.is_empty(), "{requests:?}");
}

#[test]
fn into_a_ward_that_nobody_runs() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 1000) + "nonsense\n");
    let output = ward.import(&[&file]).good();
    assert_eq!((output.count("entries"), output.count("rejected")), (Some(1001), Some(1)), "{output:#?}");
    assert!(output.out.contains(file.to_str().unwrap()) && output.out.contains("not_json"));
    assert_eq!(entries(&ward.held().totals), 1002);
}

#[test]
fn twice_reads_once() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 100));
    ward.import(&[&file]).good();
    let first = ward.held();
    assert_eq!(ward.import(&[&file, &file]).good().count("entries"), Some(100));
    ward.held().assert_same(&first);
    check_held(&ward, 101);
}

#[test]
fn a_ward_begins_where_a_manifest_is_given() {
    let ward = Ward::new();
    let file = ward.write("more.ndjson", many("m", 10));
    ward.import(&[&file]).failed(1, &["holds no ward"]);
    assert!(!ward.data().exists());
    finish(ward.importing(&[&file]).arg("-f").arg(ward.manifest())).good();
    check_held(&ward, 10);
}

#[test]
fn a_missing_file_ends_with_2_before_anything_is_asked_for() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 10));
    ward.import(&[&file, &ward.path("missing.json")]).failed(2, &["missing.json"]);
    check_held(&ward, 1);
    finish(bpmonitor(["import"]).arg(&file)).failed(2, &["--into"]);
}

#[test]
fn into_a_running_ward() {
    let ward = begun();
    let mut run = ward.follow(&[&ward.path("first.ndjson")]);
    ward.until_looked_at(&mut run);
    let files = ["one.ndjson", "two.ndjson"].map(|name| ward.write(name, many(name, 20_000)));
    let files: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    let output = Running::start(&mut ward.importing(&files)).wait().good();
    let counts: Vec<&str> = output.out.lines().filter(|line| line.starts_with("entries")).collect();
    assert!(counts.len() == 2 && counts.iter().all(|line| line.ends_with(" 20,000")), "{output:#?}");
    assert_eq!(run.stop().good().count("entries"), Some(40_000));
    check_held(&ward, 40_001);
}

#[test]
fn of_the_file_that_is_being_followed() {
    let ward = begun();
    let followed = ward.write("followed.ndjson", many("f", 60_000));
    let mut run = ward.follow(&[&followed]);
    ward.until_taken_by(&mut run);
    let output = Running::start(&mut ward.importing(&[&followed])).wait().good();
    assert_eq!(output.count("entries"), Some(60_000), "{output:#?}");
    run.stop().good();
    check_held(&ward, 60_001);
}

#[test]
fn of_the_file_that_is_being_read() {
    let ward = begun();
    let read = ward.write("read.ndjson", many("r", 60_000));
    let mut run = Running::start(&mut ward.running(&[&read]));
    ward.until_taken_by(&mut run);
    let imports: Vec<Running> = (0..3).map(|_| Running::start(&mut ward.importing(&[&read]))).collect();
    run.wait().good();
    for import in imports {
        assert_eq!(import.wait().good().count("entries"), Some(60_000));
    }
    check_held(&ward, 60_001);
}

#[test]
fn restarted_after_a_kill() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 60_000));
    let length = fs::metadata(&file).unwrap().len();
    let mut kills = 0;
    for part in 1..4 {
        let mut import = Running::start(&mut ward.importing(&[&file]));
        until("a part is read", || offset(ward.data(), &file) >= length * part / 5 || !import.is_running());
        if import.is_running() {
            kills += 1;
        }
        import.kill();
    }
    assert!(kills > 0, "no kill hit in the middle of work");
    assert_eq!(ward.import(&[&file]).good().count("entries"), Some(60_000));
    check_held(&ward, 60_001);
}

#[test]
fn a_request_outlives_a_kill_of_the_one_who_asked_and_of_the_ward() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 60_000));
    let length = fs::metadata(&file).unwrap().len();
    let mut run = ward.follow(&[&ward.path("first.ndjson")]);
    ward.until_taken_by(&mut run);
    let mut import = Running::start(&mut ward.importing(&[&file]));
    until("a part is read", || offset(ward.data(), &file) > 0);
    import.kill();
    run.kill();
    assert!(offset(ward.data(), &file) < length, "the kill came too late");
    let run = ward.follow(&[&ward.path("first.ndjson")]);
    until("all is read", || offset(ward.data(), &file) == length);
    run.stop().good();
    check_held(&ward, 60_001);
}

#[test]
fn a_run_reads_what_was_asked_for_before_it_started() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 10));
    let request = ward.data().join("inbox/by-hand.json");
    fs::write(&request, json!({"path": file.canonicalize().unwrap()}).to_string()).unwrap();
    fs::write(ward.data().join("inbox/nonsense.json"), "nonsense").unwrap();
    ward.run(&[&ward.path("first.ndjson")]).good();
    check_held(&ward, 11);
}

#[test]
fn an_import_of_a_file_that_vanishes_ends() {
    let ward = begun();
    let mut run = ward.follow(&[&ward.path("first.ndjson")]);
    ward.until_looked_at(&mut run);
    run.signal("STOP");
    let file = ward.write("more.ndjson", many("m", 10));
    let import = Running::start(&mut ward.importing(&[&file]));
    until("the request is there", || {
        fs::read_dir(ward.data().join("inbox"))
            .unwrap()
            .any(|it| it.unwrap().path().extension().is_some_and(|it| it == "json"))
    });
    fs::remove_file(&file).unwrap();
    run.signal("CONT");
    let output = import.wait();
    assert!(output.code.is_some(), "{output:#?}");
    assert!(run.is_running(), "{}", run.err());
    run.stop().good();
    check_held(&ward, 1);
}

#[test]
fn a_file_that_vanishes_behind_another_does_not_end_the_ward() {
    let ward = begun();
    let mut run = ward.follow(&[&ward.path("first.ndjson")]);
    ward.until_looked_at(&mut run);
    run.signal("STOP");
    let files = ["one.ndjson", "two.ndjson"].map(|name| ward.write(name, many(name, 60_000)));
    let import = Running::start(&mut ward.importing(&[&files[0], &files[1]]));
    until("both are asked for", || {
        let entries = fs::read_dir(ward.data().join("inbox")).unwrap();
        entries.filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|it| it == "json")).count()
            == 2
    });
    run.signal("CONT");
    until("one is begun", || files.iter().any(|file| offset(ward.data(), file) > 0) || !run.is_running());
    let other = files.iter().find(|file| offset(ward.data(), file) == 0).unwrap();
    fs::remove_file(other).unwrap();
    import.wait();
    ward.until_looked_at(&mut run);
    run.stop().good();
    check_held(&ward, 60_001);
}

#[test]
fn a_relative_directory_is_as_good_as_another() {
    let ward = Ward::new();
    ward.write("more.ndjson", many("m", 10));
    let mut import = bpmonitor(["import", "more.ndjson", "--into", "data", "-f", "ward.yaml"]);
    finish(import.current_dir(ward.path("."))).good();
    check_held(&ward, 10);
}

#[test]
fn nothing_is_asked_of_the_ward_of_another_monitor() {
    let ward = begun();
    let file = ward.write("more.ndjson", many("m", 10));
    let other = ward.write("other.yaml", common::ward::manifest("ward-4", &json!({})));
    let mut import = ward.importing(&[&file]);
    finish(import.arg("-f").arg(other)).failed(1, &["belongs to the monitor default/ward-3"]);
    check_held(&ward, 1);
}

#[test]
fn the_same_content_is_read_once_whatever_it_is_called_and_whoever_gives_it() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let text = lines((0..5000).map(|n| observation(&format!("o{n}"), "1", 150, 95))) + "nonsense\n";
    let (one, other) = (ward.write("one.ndjson", &text), ward.write("other.ndjson", &text));
    let imports: Vec<Running> = [&one, &other, &one]
        .into_iter()
        .map(|file| Running::start(&mut importing(page.origin(), file)))
        .collect();
    for import in imports {
        assert_eq!(import.wait().good().count("anomalies"), Some(5000));
    }
    let status = page.get("/status");
    assert_eq!((&status["entries"]["anomaly"], &status["entries"]["rejected"]), (&json!(5000), &json!(1)));
}

/// The second one was on its way before the first was kept, and arrives after that was read and tidied away.
#[test]
fn the_same_content_under_another_name_that_took_long() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let text = many("m", 100);
    let file = ward.write("one.ndjson", &text);
    let digest = hex::encode(Sha256::digest(&text));
    let mut late = page.connect();
    let head = format!("PUT /api/v1/imports/{digest}?name=other.ndjson HTTP/1.1\r\nhost: localhost\r\n");
    write!(late, "{head}content-length: {}\r\nconnection: close\r\n\r\n{}", text.len(), &text[..10]).unwrap();
    let uploads = ward.data().join("uploads");
    let entries = |prefix: &str| {
        let names = fs::read_dir(&uploads).into_iter().flatten().map(|it| it.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(prefix)).count()
    };
    until("the second is on its way", || entries(".part-") == 1);
    finish(&mut importing(page.origin(), &file)).good();
    until("the first is tidied away", || entries(&digest) == 0);
    late.write_all(&text.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("\"state\":\"done\""), "{answer}");
    run.stop().good();
    check_held(&ward, 100);
}

#[test]
fn what_is_given_over_http_does_not_stay_behind() {
    let (ward, mut run) = quiet();
    let page = Page::of(&mut run);
    let file = ward.write("in.ndjson", lines([observation("a", "tour", 150, 95)]));
    finish(&mut importing(page.origin(), &file)).good();
    let uploads = ward.data().join("uploads");
    fs::write(uploads.join("stray"), "of somebody else").unwrap();
    run.signal("INT");
    run.wait().good();
    let left: Vec<_> = fs::read_dir(&uploads).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["stray"]);
    finish(ward.live().args(["--for", "1s"])).good();
}
