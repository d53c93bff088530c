//! `bpmonitor run --follow`: what is appended appears, and a stop loses nothing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use bpmonitor_test_support::observations::{lines, observation};
use common::held::offset;
use common::until;
use common::ward::{Ward, id};

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn one(id: &str) -> String {
    lines([observation(id, "1", 150, 95)])
}

/// The ids of the stored anomalies.
fn stored(ward: &Ward) -> Vec<String> {
    let documents = ward.documents();
    let mut ids: Vec<String> =
        documents.values().filter(|(_, it)| it["withdrawn"] == false).map(|(_, it)| id(it)).collect();
    ids.sort();
    ids
}

#[track_caller]
fn until_stored(ward: &Ward, ids: &[&str]) {
    until(&format!("{ids:?} are stored"), || {
        ward.data().join("ward.db").exists()
            && offset(ward.data(), &ward.path("in.ndjson")) > 0
            && stored(ward) == ids
    });
}

#[test]
fn appended_lines_appear_and_a_stop_ends_well() {
    for signal in ["TERM", "INT"] {
        let ward = Ward::new();
        let input = ward.write("in.ndjson", one("a"));
        let mut run = ward.follow(&[&input]);
        until_stored(&ward, &["a"]);
        append(&input, &one("b"));
        until_stored(&ward, &["a", "b"]);
        append(&input, &lines([observation("c", "1", 150, 95), observation("n", "1", 118, 76)]));
        until_stored(&ward, &["a", "b", "c"]);
        assert!(run.is_running());
        run.signal(signal);
        let output = run.wait().good();
        assert_eq!(output.count("entries"), Some(4), "{output:#?}");
        assert_eq!(ward.exported_ids(), ["n"]);
        assert!(ward.run(&[&input]).good().out.contains("nothing new"));
    }
}

#[test]
fn half_a_line_waits_for_its_rest() {
    let ward = Ward::new();
    let line = one("b");
    let (half, rest) = line.split_at(line.len() / 2);
    let input = ward.write("in.ndjson", one("a") + half);
    let mut run = ward.follow(&[&input]);
    until_stored(&ward, &["a"]);
    ward.until_looked_at(&mut run);
    assert_eq!(offset(ward.data(), &input), one("a").len() as u64);
    append(&input, rest);
    until_stored(&ward, &["a", "b"]);
    append(&input, half);
    ward.until_looked_at(&mut run);
    run.stop().good();
    assert_eq!(ward.held().letters.len(), 0);
    assert_eq!(stored(&ward), ["a", "b"]);
    // A run that does not follow takes the file as it is.
    ward.run(&[&input]).good();
    assert_eq!(ward.rejected()[0]["at"]["line"], 3);
}

#[test]
fn a_document_that_spans_lines_waits_for_its_end() {
    let ward = Ward::new();
    let document = format!("{:#}\n", observation("b", "1", 150, 95));
    let middle = document.find("component").unwrap();
    let input = ward.write("in.ndjson", one("a"));
    let mut run = ward.follow(&[&input]);
    until_stored(&ward, &["a"]);
    append(&input, &document[..middle]);
    ward.until_looked_at(&mut run);
    append(&input, &document[middle..]);
    until_stored(&ward, &["a", "b"]);
    run.stop().good();
    assert_eq!(ward.held().letters.len(), 0);
}

#[test]
fn a_file_without_a_last_line_end_is_read() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", one("a").trim_end());
    let run = ward.follow(&[&input]);
    until_stored(&ward, &["a"]);
    append(&input, &format!("\n{}", one("b").trim_end()));
    until_stored(&ward, &["a", "b"]);
    append(&input, "\nnonsense\n");
    until("the nonsense is rejected", || !ward.rejected().is_empty());
    assert_eq!(run.stop().good().count("entries"), Some(3));
    assert_eq!(ward.rejected()[0]["at"]["line"], 3);
}

#[test]
fn a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", one("a"));
    let run = ward.follow(&[&input]);
    until_stored(&ward, &["a"]);
    append(&input, &one("b"));
    fs::rename(&input, ward.path("in.ndjson.1")).unwrap();
    append(&ward.path("in.ndjson.1"), &one("c"));
    ward.write("new", one("d"));
    fs::rename(ward.path("new"), &input).unwrap();
    until_stored(&ward, &["a", "b", "c", "d"]);
    append(&input, &one("e"));
    until_stored(&ward, &["a", "b", "c", "d", "e"]);
    assert_eq!(run.stop().good().count("entries"), Some(5));
}

#[test]
fn half_a_line_at_the_end_of_a_rotated_file_is_a_rejection() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", one("a") + "half a line");
    let run = ward.follow(&[&input]);
    until_stored(&ward, &["a"]);
    ward.write("new", one("b"));
    fs::rename(ward.path("new"), &input).unwrap();
    until_stored(&ward, &["a", "b"]);
    run.stop().good();
    assert_eq!(ward.held().totals["rejected"], 1, "what stood in the file is lost without a word");
}

#[test]
fn a_truncated_file_is_read_anew() {
    for text in [one("b"), one("b") + &one("c"), one("b") + &one("c") + &one("d")] {
        let ward = Ward::new();
        let input = ward.write("in.ndjson", one("a") + &one("a2"));
        let mut run = ward.follow(&[&input]);
        until_stored(&ward, &["a", "a2"]);
        ward.until_looked_at(&mut run);
        // In place, and to a shorter, the same or a greater length before anybody looks.
        fs::write(&input, &text).unwrap();
        let mut expected = vec!["a", "a2"];
        expected.extend(["b", "c", "d"].iter().take(text.lines().count()));
        until_stored(&ward, &expected);
        append(&input, &one("z"));
        expected.push("z");
        until_stored(&ward, &expected);
        run.stop().good();
        assert_eq!(ward.held().letters.len(), 0);
    }
}

#[test]
fn several_files_are_followed() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", one("a"));
    let other = ward.write("other.ndjson", "");
    let run = ward.follow(&[&input, &other]);
    until_stored(&ward, &["a"]);
    for number in 0..5 {
        append(&other, &one(&format!("other-{number}")));
        append(&input, &one(&format!("b-{number}")));
    }
    until("all are stored", || stored(&ward).len() == 11);
    assert_eq!(run.stop().good().count("entries"), Some(11));
}

#[test]
fn a_kill_in_the_middle_of_following_loses_nothing() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", one("0"));
    for round in 0..10 {
        let mut run = ward.follow(&[&input]);
        append(&input, &one(&format!("{round}-before")));
        until("something is stored", || offset(ward.data(), &input) > 0);
        append(&input, &one(&format!("{round}-after")));
        run.kill();
    }
    ward.run(&[&input]).good();
    assert_eq!(stored(&ward).len(), 21);
    assert_eq!(ward.held().totals["anomaly"], 21);
}

#[test]
fn a_quiet_file_gets_its_turn_between_busy_ones() {
    let ward = Ward::new();
    let files = ["in.ndjson", "quiet", "third"].map(|name| ward.write(name, one(name)));
    let run = ward.follow(&[&files[0], &files[1], &files[2]]);
    until_stored(&ward, &["in.ndjson", "quiet", "third"]);
    append(&files[1], &one("heard"));
    let mut number = 0;
    until("the quiet one is heard", || {
        number += 1;
        append(&files[0], &one(&format!("a-{number}")));
        append(&files[2], &one(&format!("c-{number}")));
        stored(&ward).iter().any(|id| id == "heard")
    });
    run.stop().good();
}
