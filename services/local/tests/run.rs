//! `bpmonitor run`: files into a ward, once, again, and with more.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use bpmonitor_test_support::observations::{CANARY, bundle_with_urls, lines, observation, with};
use common::repository;
use common::ward::{Ward, id};
use fastrand::Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn append(path: &Path, text: &str) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// HMAC of SHA-256 (RFC 2104), written out: nothing that the product uses but the hash.
fn hmac(key: &[u8], text: &str) -> String {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, of_key) in block.iter_mut().zip(key) {
            *byte ^= of_key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    hex::encode(Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
}

fn key(ward: &Ward) -> Vec<u8> {
    hex::decode(fs::read_to_string(ward.data().join("pseudonym.key")).unwrap().trim()).unwrap()
}

#[test]
fn every_entry_goes_where_it_belongs() {
    let ward = Ward::new();
    let input = ward.write(
        "in.ndjson",
        lines([
            observation("normal", "1", 118, 76).to_string(),
            observation("anomaly", "2", 150, 95).to_string(),
            "nonsense".to_owned(),
            json!({"resourceType": "Patient"}).to_string(),
            with(observation("taken-back", "1", 118, 76), &json!({"status": "entered-in-error"})).to_string(),
        ]),
    );
    let output = ward.run(&[&input]).good();
    let counts = ["entries", "anomalies", "normal", "withdrawn", "skipped", "rejected"];
    assert_eq!(counts.map(|name| output.count(name).unwrap()), [5, 1, 1, 1, 1, 1]);
    assert_eq!(output.err, "", "nothing is said where nobody watches");
    let held = ward.held();
    assert_eq!(held.anomalies().iter().map(|it| id(it)).collect::<Vec<_>>(), ["anomaly"]);
    assert_eq!(held.documents.len(), 2, "the withdrawal is a tombstone");
    let archived: Vec<String> = held.archive.iter().map(|line| id(&line["reading"])).collect();
    assert_eq!(archived, ["normal", ""], "the withdrawal is a marker");
    let letter = held.letters.values().next().unwrap();
    assert_eq!((letter.0.as_str(), letter.1, letter.2.as_slice()), ("not_json", 3, b"nonsense".as_slice()));
}

#[test]
fn a_document_says_what_was_measured_of_whom_and_by_whom() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "42", 150.50, 95).to_string());
    ward.run(&[&input]).good();
    let mut document = ward.tail().remove(0);
    assert!(document["processed_datetime"].take().is_string());
    let patient = hmac(&key(&ward), "Patient/42");
    assert_eq!(
        document,
        json!({
            "@timestamp": "2024-03-01T08:00:00Z", "effectiveDateTime": "2024-03-01T08:00:00Z", "observation_id": "o",
            "patient_id": patient, "systolic_pressure": 150.5, "diastolic_pressure": 95.0, "mean_arterial_pressure": 113.5,
            "pulse_pressure": 55.5, "category": "hypertension_stage2", "severity": "high", "anomalies": ["hypertension_stage2"],
            "reasons": ["systolic_hypertension", "diastolic_hypertension"], "flags": [], "monitor": "ward-3",
            "namespace": "default", "withdrawn": false, "processed_datetime": null,
        })
    );
}

#[test]
fn a_second_run_reads_nothing_twice_and_a_third_what_was_appended() {
    let ward = Ward::new();
    let input =
        ward.write("in.ndjson", lines((0..100).map(|n| observation(&format!("o{n}"), "1", 110 + n, 76))));
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(100));
    let first = ward.held();
    let again = ward.run(&[&input]).good();
    assert!(again.out.contains("nothing new"), "{again:#?}");
    assert_eq!(again.count("entries"), None);
    ward.held().assert_same(&first);
    append(&input, &lines([observation("more", "1", 118, 76), observation("more-2", "1", 150, 95)]));
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(2));
    let third = ward.held();
    assert_eq!(third.totals["anomaly"].as_u64().unwrap() + third.totals["normal"].as_u64().unwrap(), 102);
    assert_eq!(third.documents.len() + third.archive.len(), 102);
}

#[test]
fn a_last_line_without_an_end_is_read_once() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", observation("a", "1", 118, 76).to_string());
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(1));
    append(&input, &format!("\n{}", observation("b", "1", 118, 76)));
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(1));
    assert_eq!(ward.exported_ids(), ["a", "b"]);
    append(&input, "\nnonsense\n");
    ward.run(&[&input]).good();
    assert_eq!(ward.rejected()[0]["at"]["line"], 3);
}

#[test]
fn a_file_that_was_replaced_is_read_anew() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", lines([observation("a", "1", 118, 76)]));
    ward.run(&[&input]).good();
    fs::write(&input, lines([observation("b", "1", 118, 76), observation("c", "1", 118, 76)])).unwrap();
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(2));
    fs::write(&input, lines([observation("d", "1", 118, 76)])).unwrap();
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(1));
    assert_eq!(ward.exported_ids(), ["a", "b", "c", "d"]);
}

#[test]
fn a_replaced_files_rejections_stand_beside_those_of_the_one_before() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", "first nonsense\n");
    ward.run(&[&input]).good();
    fs::write(&input, "other nonsense, and longer\n").unwrap();
    ward.run(&[&input]).good();
    let originals: Vec<String> = ward
        .rejected()
        .iter()
        .map(|row| ward.does(&["rejected", "show", &row["number"].to_string()]).good().out)
        .collect();
    assert_eq!(originals, ["first nonsense\n", "other nonsense, and longer\n"]);
}

#[test]
fn directories_are_taken_apart_and_each_file_is_read_once() {
    let ward = Ward::new();
    fs::create_dir_all(ward.path("in/deeper")).unwrap();
    let one = ward.write("in/one.json", observation("a", "1", 118, 76).to_string());
    ward.write("in/deeper/two.ndjson", observation("b", "1", 118, 76).to_string());
    ward.write("in/readme.txt", "no FHIR");
    let output = ward.run(&[&ward.path("in"), &one, &ward.path("in/../in/one.json")]).good();
    assert_eq!(output.count("entries"), Some(2));
    assert_eq!(ward.exported_ids(), ["a", "b"]);
}

#[test]
fn bad_usage_ends_with_2_and_leaves_nothing() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("a", "1", 118, 76).to_string());
    ward.run(&[&ward.path("missing.json")]).failed(2, &["missing.json", "No such file"]);
    assert!(!ward.data().exists());
    fs::write(ward.manifest(), "apiVersion: v1\nkind: Pod\n").unwrap();
    ward.run(&[&input]).failed(2, &["ward.yaml", "BpMonitor"]);
    assert!(!ward.data().exists());
    ward.does(&["run"]).failed(2, &["--file"]);
}

#[test]
fn a_pseudonym_is_the_hmac_of_whatever_names_the_patient() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("a", "42", 118, 76).to_string());
    ward.set_spec(&json!({"source": {"baseUrl": "https://fhir.example/r4/"}}));
    ward.run(&[&input]).good();
    let pseudonym = |typed: &str| ward.does(&["pseudonym", typed]).good().out.trim().to_owned();
    for (typed, identity) in [
        ("42", "https://fhir.example/r4/Patient/42"),
        ("Patient/42", "https://fhir.example/r4/Patient/42"),
        (" Patient/42/_history/3 ", "https://fhir.example/r4/Patient/42"),
        ("https://fhir.example/r4/Patient/42/", "https://fhir.example/r4/Patient/42"),
        ("https://other.example/Patient/42", "https://other.example/Patient/42"),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"),
        ("urn:oid:1.2.3|0042", "urn:oid:1.2.3|0042"),
    ] {
        assert_eq!(pseudonym(typed), hmac(&key(&ward), identity), "{typed}");
    }
    assert_eq!(ward.export("patient")[0].0, format!("{}.jsonl", pseudonym("42")));
    for nobody in ["", "#p1", "Group/1", "|1"] {
        ward.does(&["pseudonym", nobody]).failed(2, &["names no patient"]);
    }
}

#[test]
fn per_patient_thresholds_hold_for_that_patient() {
    let ward = Ward::new();
    let input =
        ward.write("in.ndjson", lines([observation("a", "42", 145, 79), observation("b", "43", 145, 79)]));
    ward.run(&[&input]).good();
    let patient = ward.does(&["pseudonym", "42"]).good().out.trim().to_owned();
    ward.set_spec(&json!({"thresholds": {"profile": "simple-140-90", "perPatient": [{"patient": patient, "stage2": {"systolic": 150}}]}}));
    let more =
        ward.write("more.ndjson", lines([observation("c", "42", 145, 79), observation("d", "43", 145, 79)]));
    ward.run(&[&more]).good();
    assert_eq!(ward.exported_ids(), ["c"]);
    let stored: Vec<String> = ward.held().anomalies().iter().map(|it| id(it)).collect();
    assert_eq!(stored.len(), 3);
}

#[test]
fn identities_and_names_and_resources_are_stored_only_where_asked_for() {
    let ward = Ward::new();
    let subject = json!({"subject": {"reference": "Patient/known-as-42", "display": "Marie Dupont"}});
    let resource = with(observation("a", "x", 150, 95), &subject);
    let input = ward.write("in.json", resource.to_string());
    ward.run(&[&input]).good();
    for file in ["ward.db", "ward.db-wal"] {
        let bytes = fs::read(ward.data().join(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("known-as-42") && !text.contains("Dupont"), "{file}");
    }
    let open = Ward::new();
    open.set_spec(&json!({"privacy": {"pseudonymise": false, "storeNames": true, "storeResource": true}}));
    open.run(&[&input]).good();
    let document = open.tail().remove(0);
    assert_eq!(
        (&document["patient_id"], &document["patient_name"]),
        (&"Patient/known-as-42".into(), &"Marie Dupont".into())
    );
    assert_eq!(document["fhir_resource"], resource);
}

#[test]
fn nothing_of_the_content_shows_in_any_message() {
    let ward = Ward::new();
    let corpus = repository().join("tests/real-data/corpus");
    let inputs = ["tricky.ndjson", "bundle-pretty.json", "mixed.json"].map(|name| corpus.join(name));
    let inputs: Vec<&Path> = inputs.iter().map(AsRef::as_ref).collect();
    let output = ward.run(&inputs).good();
    assert!(!output.out.contains(CANARY) && !output.err.contains(CANARY), "{output:#?}");
    for format in ["json", "table"] {
        let list = ward.does(&["rejected", "list", "-o", format]).good();
        assert!(list.out.lines().count() > 100 && !list.out.contains(CANARY), "{list:#?}");
    }
    let replay = ward.does(&["rejected", "replay"]).good();
    assert!(!replay.out.contains(CANARY) && !replay.err.contains(CANARY), "{replay:#?}");
}

#[test]
fn what_classify_says_is_what_run_stores() {
    let ward = Ward::new();
    let corpus = repository().join("tests/real-data/corpus/tricky.ndjson");
    let classified = ward.does(&["classify", "-o", "summary", corpus.to_str().unwrap()]).good();
    let run = ward.run(&[&corpus]).good();
    let summary: Vec<&str> = run.out.lines().take_while(|line| !line.starts_with("in ")).collect();
    assert_eq!(summary.join("\n").trim(), classified.out.trim());
}

/// A line without the blanks of JSON around it.
fn trimmed(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r', rest @ ..] | [rest @ .., b' ' | b'\t' | b'\r'] = line {
        line = rest;
    }
    line
}

#[test]
fn random_bytes_are_kept_as_they_were() {
    let ward = Ward::new();
    let mut random = Rng::with_seed(11);
    let garbage: Vec<u8> = (0..100_000).map(|_| random.u8(..)).collect();
    let input = ward.write("garbage", &garbage);
    ward.run(&[&input]).good();
    let kept: usize = ward.held().letters.values().map(|letter| letter.2.len()).sum();
    let trimmed: usize = garbage.split(|byte| *byte == b'\n').map(|line| trimmed(line).len()).sum();
    assert_eq!(kept, trimmed);
}

#[test]
fn a_record_that_is_too_large_is_one_rejection_of_which_the_beginning_is_kept() {
    let ward = Ward::new();
    let good = observation("o", "1", 118, 76).to_string();
    let large = "x".repeat(257 * 1024 * 1024);
    let input =
        ward.write("in.ndjson", format!("{good}\n{large}\n{}\nnonsense\n", good.replace("\"o\"", "\"p\"")));
    drop(large);
    let check = || {
        let rows: Vec<Value> =
            ward.rejected().iter().map(|row| json!([row["reason"], row["at"]["line"]])).collect();
        assert_eq!(rows, [json!(["too_large", 2]), json!(["not_json", 4])]);
        let kept: Vec<usize> = ward.held().letters.values().map(|letter| letter.2.len()).collect();
        assert!(kept[0] > 1000 && kept[0] <= 1024 * 1024, "{kept:?} bytes are kept");
    };
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(4));
    check();
    assert_eq!(ward.exported_ids(), ["o", "p"]);
    ward.does(&["rejected", "replay"]).good();
    check();
}

#[test]
fn a_large_bundle_is_read_entry_by_entry() {
    let ward = Ward::new();
    let entries: Vec<(&str, Value)> =
        (0..40_000).map(|n| ("", observation(&format!("o{n}"), "1", 118, 76))).collect();
    let text = format!("{:#}\n", bundle_with_urls(&entries));
    assert!(text.len() > 33 * 1024 * 1024);
    let input = ward.write("bundle.json", text);
    assert_eq!(ward.run(&[&input]).good().count("normal"), Some(40_000));
}

#[test]
fn a_file_that_begins_like_the_one_before_is_another_file() {
    let ward = Ward::new();
    let same: Vec<_> = (0..20).map(|n| observation(&format!("same-{n}"), "1", 118, 76)).collect();
    let with = |id: &str| lines(same.iter().cloned().chain([observation(id, "1", 118, 76)]));
    let input = ward.write("export.ndjson", with("yesterday"));
    ward.run(&[&input]).good();
    ward.write("export.ndjson", with("today----"));
    assert_eq!(ward.run(&[&input]).good().count("entries"), Some(21));
}
