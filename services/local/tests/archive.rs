//! `bpmonitor tail` and `bpmonitor archive export`: what is stored, as people read it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use bpmonitor_test_support::observations::{at, lines, observation, updated, with, withdrawal};
use common::held::{segment_files, segment_text};
use common::process::Running;
use common::until;
use common::ward::{Ward, id};
use serde_json::{Value, json};

fn ids(readings: &[Value]) -> Vec<String> {
    readings.iter().map(id).collect()
}

/// Two patients on two days, with a correction, a late older version and a withdrawal among them.
fn some() -> String {
    lines([
        at(observation("a", "1", 118, 76), "2024-03-01T23:59:59Z"),
        at(observation("b", "1", 117, 76), "2024-03-02T01:30:00+02:00"),
        at(observation("c", "2", 116, 76), "2024-03-02T08:00:00Z"),
        at(observation("d", "2", 115, 76), "2024-03-02T07:00:00Z"),
        at(observation("e", "2", 150, 95), "2024-03-02T07:00:00Z"),
        withdrawal("d", "2024-04-01T00:00:00Z"),
        updated(
            at(observation("c", "2", 114, 76), "2024-03-02T08:00:00Z"),
            "2024-04-01T00:00:00Z",
            "amended",
        ),
        updated(at(observation("c", "2", 113, 76), "2024-03-02T08:00:00Z"), "2024-02-01T00:00:00Z", "final"),
        updated(
            at(observation("a", "1", 160, 76), "2024-03-01T23:59:59Z"),
            "2024-02-01T00:00:00Z",
            "amended",
        ),
    ])
}

#[test]
fn an_export_by_day_or_patient_has_the_newest_versions_in_order_of_time() {
    for compression in ["zstd", "none"] {
        let ward = Ward::new();
        ward.set_spec(&json!({"archive": {"compression": compression}}));
        let input = ward.write("in.ndjson", some());
        ward.run(&[&input]).good();
        let segments = segment_files(ward.data());
        let suffix = if compression == "zstd" { ".jsonl.zst" } else { ".jsonl" };
        assert!(segments.len() == 1 && segments[0].to_str().unwrap().ends_with(suffix), "{segments:?}");
        let days = ward.export("day");
        let found: Vec<(&str, Vec<String>)> =
            days.iter().map(|(name, readings)| (name.as_str(), ids(readings))).collect();
        assert_eq!(
            found,
            [("2024-03-01.jsonl", vec!["b".into(), "a".into()]), ("2024-03-02.jsonl", vec!["c".into()])]
        );
        assert_eq!(days[1].1[0]["systolic_pressure"].as_f64(), Some(114.0));
        let mut by_patient: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, readings) in ward.export("patient") {
            assert!(
                readings
                    .iter()
                    .all(|reading| name == format!("{}.jsonl", reading["patient_id"].as_str().unwrap()))
            );
            by_patient.insert(name, ids(&readings));
        }
        let mut groups: Vec<Vec<String>> = by_patient.into_values().collect();
        groups.sort();
        assert_eq!(groups, [vec!["b".to_owned(), "a".to_owned()], vec!["c".to_owned()]]);
    }
}

#[test]
fn an_export_is_in_order_within_a_second_too() {
    let ward = Ward::new();
    let times = ["00.9", "00", "00.25", "00.1", "01", "00.123456"];
    let input = ward.write(
        "in.ndjson",
        lines(
            times
                .iter()
                .map(|second| at(observation(second, "1", 118, 76), &format!("2024-03-01T08:00:{second}Z"))),
        ),
    );
    ward.run(&[&input]).good();
    assert_eq!(ids(&ward.export("day")[0].1), ["00", "00.1", "00.123456", "00.25", "00.9", "01"]);
}

#[test]
fn patients_of_any_name_are_exported() {
    let ward = Ward::new();
    ward.set_spec(&json!({"privacy": {"pseudonymise": false}}));
    let long = format!("urn:example:{}", "x".repeat(2000));
    let other_long = format!("urn:example:{}y", "x".repeat(2000));
    let references = [
        "https://a.example/x/../Patient/1",
        "urn:quote\"backslash\\new\nline",
        "urn:ümläut",
        &long,
        &other_long,
    ];
    let resources = references.iter().enumerate().map(|(number, reference)| {
        with(observation(&number.to_string(), "", 118, 76), &json!({"subject": {"reference": reference}}))
    });
    let input = ward.write("in.ndjson", lines(resources));
    ward.run(&[&input]).good();
    let files = ward.export("patient");
    assert_eq!(files.len(), references.len(), "{:?}", files.iter().map(|(name, _)| name).collect::<Vec<_>>());
    let mut found: Vec<&str> =
        files.iter().map(|(_, readings)| readings[0]["patient_id"].as_str().unwrap()).collect();
    let mut expected = references.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn an_export_goes_into_an_empty_directory_only() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", some());
    ward.run(&[&input]).good();
    let target = ward.path("deep/er/out");
    let export = || ward.does(&["archive", "export", "--by", "day", target.to_str().unwrap()]);
    let first = export().good();
    assert!(first.out.contains("3 readings in 2 files"), "{first:#?}");
    // Else a reading that is withdrawn by now would still lie there.
    export().failed(1, &["is not empty"]);
}

#[test]
fn compression_may_change_on_the_way() {
    let ward = Ward::new();
    for (number, compression) in ["zstd", "none", "none", "zstd"].iter().enumerate() {
        ward.set_spec(&json!({"archive": {"compression": compression}}));
        let input = ward.write(&number.to_string(), lines([observation(&number.to_string(), "1", 118, 76)]));
        ward.run(&[&input]).good();
    }
    assert_eq!(ward.exported_ids(), ["0", "1", "2", "3"]);
    let text: String = segment_files(ward.data()).iter().map(|path| segment_text(path)).collect();
    assert_eq!(text.lines().count(), 4);
    assert_eq!(ids(&ward.tail()), ["0", "1", "2", "3"]);
}

#[test]
fn tail_shows_what_there_is_and_what_comes() {
    let ward = Ward::new();
    let input =
        ward.write("in.ndjson", lines([observation("a", "1", 118, 76), observation("b", "1", 150, 95)]));
    ward.run(&[&input]).good();
    let mut all = ids(&ward.tail());
    all.sort();
    assert_eq!(all, ["a", "b"]);
    assert_eq!(ward.does(&["tail", "--once"]).good().out, "");
    let table = ward.does(&["tail", "--all", "--once", "-o", "table"]).good().out;
    assert!(
        table.contains("MEASURED") && table.contains("150") && table.contains("hypertension_stage2"),
        "{table}"
    );

    let mut tail = Running::start(ward.command(&["tail", "-o", "json"]).arg("--all"));
    until("what there is is shown", || tail.out().lines().count() == 2);
    let run = ward.follow(&[&input]);
    for (number, name) in ["c", "d", "e"].iter().enumerate() {
        let mut text = fs::read_to_string(&input).unwrap();
        text += &lines([observation(name, "1", 117 + 20 * u32::try_from(number).unwrap(), 76)]);
        fs::write(&input, text).unwrap();
        until("a new reading is shown", || tail.out().lines().count() == 3 + number);
    }
    run.stop().good();
    assert!(tail.is_running());
    let shown: Vec<String> =
        tail.out().lines().map(|line| id(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(shown[2..], ["c", "d", "e"]);
    assert_eq!(tail.err(), "");
}

#[test]
fn tail_goes_on_over_an_erasure() {
    let ward = Ward::new();
    let input = ward.write(
        "in.ndjson",
        lines([
            observation("a", "1", 118, 76),
            observation("b", "2", 117, 76),
            observation("c", "1", 150, 95),
            observation("d", "1", 151, 95),
        ]),
    );
    ward.run(&[&input]).good();
    let tail = Running::start(&mut ward.command(&["tail", "--all", "-o", "json"]));
    until("what there is is shown", || tail.out().lines().count() == 4);
    ward.does(&["erase", "--patient", "1"]).good();
    let more =
        ward.write("more.ndjson", lines([observation("e", "2", 116, 76), observation("f", "2", 160, 95)]));
    ward.run(&[&more]).good();
    until("what came after is shown", || tail.out().contains("\"e\"") && tail.out().contains("\"f\""));
    let shown: Vec<String> =
        tail.out().lines().map(|line| id(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(shown.len(), 6, "{shown:?}");
}

#[test]
fn without_a_ward_each_command_says_how_to_begin_one() {
    let ward = Ward::new();
    let target = ward.path("out");
    for command in [
        &["tail", "--once"][..],
        &["archive", "export", "--by", "day", target.to_str().unwrap()],
        &["rejected", "list"],
        &["rejected", "show", "1"],
        &["rejected", "replay"],
        &["pseudonym", "42"],
        &["erase", "--patient", "42"],
    ] {
        let output = ward.does(command).failed(1, &["holds no ward", "bpmonitor run -f", "--data"]);
        assert_eq!(output.out, "");
    }
    assert!(!ward.data().exists() && !target.exists());
}
