//! `bpmonitor erase`: a patient goes, stays away, and nobody else is touched.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::Path;

use bpmonitor_test_support::observations::{at, lines, observation, updated, with, withdrawal};
use common::ward::{Ward, id};
use serde_json::{Value, json};

/// What tells the erased patient's readings from others in any file.
const TRACE: &str = "erased-trace";

/// Readings of two patients, anomalies and normal ones, corrected and withdrawn.
fn some() -> String {
    lines([
        observation(&format!("{TRACE}-1"), "42", 118, 76),
        observation(&format!("{TRACE}-2"), "42", 150, 95),
        observation(&format!("{TRACE}-3"), "42", 151, 95),
        updated(observation(&format!("{TRACE}-3"), "42", 117, 76), "2024-05-01T00:00:00Z", "amended"),
        with(
            withdrawal(&format!("{TRACE}-4"), "2024-05-01T00:00:00Z"),
            &json!({"subject": {"reference": "Patient/42"}}),
        ),
        observation("other-1", "43", 118, 76),
        observation("other-2", "43", 150, 95),
    ])
}

fn begun(spec: &Value) -> Ward {
    let ward = Ward::new();
    ward.set_spec(spec);
    let input = ward.write("in.ndjson", some());
    ward.run(&[&input]).good();
    ward
}

/// Every file of the ward in which this text stands, compressed or not.
fn found_in(directory: &Path, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(found_in(&path, text));
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|suffix| suffix == "zst") {
            bytes = zstd::decode_all(bytes.as_slice()).unwrap();
        }
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            names.push(path.display().to_string());
        }
    }
    names
}

#[test]
fn nothing_of_the_patient_is_left_in_any_file() {
    for compression in ["zstd", "none"] {
        let ward = begun(&json!({"archive": {"compression": compression}}));
        assert!(found_in(ward.data(), TRACE).len() >= 2, "in the database and in the archive");
        let pseudonym = ward.does(&["pseudonym", "42"]).good().out.trim().to_owned();
        let others =
            ward.tail().into_iter().filter(|document| id(document).starts_with("other")).collect::<Vec<_>>();
        let output = ward.does(&["erase", "--patient", "42"]).good();
        assert!(output.out.contains(&pseudonym), "{output:#?}");
        assert_eq!(found_in(ward.data(), TRACE), Vec::<String>::new(), "{compression}");
        let database = ward.data().join("ward.db").display().to_string();
        // The record that keeps replays out is all that names the patient.
        assert!(found_in(ward.data(), &pseudonym).iter().all(|name| *name == database));
        assert!(ward.held().documents.values().all(|(_, document)| document["patient_id"] != *pseudonym));
        assert_eq!(ward.tail(), others);
        assert_eq!(ward.exported_ids(), ["other-1"]);
    }
}

#[test]
fn what_comes_in_again_is_skipped() {
    let ward = begun(&json!({}));
    ward.does(&["erase", "--patient", "Patient/42"]).good();
    let again = ward.write(
        "again.ndjson",
        some() + &lines([at(observation(&format!("{TRACE}-9"), "42", 118, 76), "2024-06-01T00:00:00Z")]),
    );
    let output = ward.run(&[&again]).good();
    assert!(output.out.contains("erased 5"), "{output:#?}");
    assert_eq!(found_in(ward.data(), TRACE), Vec::<String>::new());
    assert_eq!(ward.exported_ids(), ["other-1"]);
    assert_eq!(ward.held().anomalies().len(), 1);
}

#[test]
fn a_pseudonym_names_the_patient_in_either_case() {
    for upper in [false, true] {
        let ward = begun(&json!({}));
        let pseudonym = ward.does(&["pseudonym", "42"]).good().out.trim().to_owned();
        let typed = if upper { pseudonym.to_uppercase() } else { pseudonym };
        ward.does(&["erase", "--patient", &typed]).good();
        assert_eq!(found_in(ward.data(), TRACE), Vec::<String>::new());
    }
}

#[test]
fn identities_are_erased_where_they_are_stored() {
    let ward = begun(&json!({"privacy": {"pseudonymise": false, "storeResource": true, "storeNames": true}}));
    ward.does(&["erase", "--patient", "42"]).good();
    assert_eq!(found_in(ward.data(), TRACE), Vec::<String>::new());
    assert_eq!(ward.exported_ids(), ["other-1"]);
}

#[test]
fn again_changes_nothing_and_a_stranger_is_no_mistake() {
    let ward = begun(&json!({}));
    ward.does(&["erase", "--patient", "42"]).good();
    let before = ward.held();
    ward.does(&["erase", "--patient", "42"]).good();
    ward.does(&["erase", "--patient", "nobody"]).good();
    ward.held().assert_same(&before);
    ward.does(&["erase", "--patient", ""]).failed(2, &["names no patient"]);
    ward.does(&["erase"]).failed(2, &["--patient"]);
}

#[test]
fn a_running_ward_is_left_alone() {
    let ward = begun(&json!({}));
    let mut run = ward.follow(&[&ward.path("in.ndjson")]);
    common::until("the ward is taken", || {
        fs::read_to_string(ward.data().join("lock")).unwrap() == run.id().to_string()
    });
    ward.does(&["erase", "--patient", "42"]).failed(1, &["in use", &run.id().to_string()]);
    assert!(run.is_running() && !found_in(ward.data(), TRACE).is_empty());
    run.stop().good();
}

#[test]
fn the_archive_can_be_appended_to_afterwards() {
    for compression in ["zstd", "none"] {
        let ward = begun(&json!({"archive": {"compression": compression}}));
        for round in 0..3 {
            ward.does(&["erase", "--patient", &format!("{}", 42 + 100 * round)]).good();
            let name = format!("more-{round}");
            let input =
                ward.write(&name, lines([observation(&name, &format!("{}", 142 + 100 * round), 118, 76)]));
            ward.run(&[&input]).good();
        }
        assert_eq!(ward.exported_ids(), ["more-2", "other-1"]);
    }
}

#[test]
fn a_kill_leaves_the_patient_there_or_gone() {
    let ward = Ward::new();
    ward.set_spec(&json!({"archive": {"compression": "none"}}));
    let patient = |n: u32| (n % 7).to_string();
    let text = lines((0..30_000).map(|n| observation(&format!("o{n}"), &patient(n), 110 + n % 60, 76)));
    let input = ward.write("in.ndjson", text);
    ward.run(&[&input]).good();
    let all = ward.exported_ids().len();
    let mut random = fastrand::Rng::with_seed(3);
    for number in 0..6 {
        let mut erase =
            common::process::Running::start(&mut ward.command(&["erase", "--patient", &number.to_string()]));
        std::thread::park_timeout(std::time::Duration::from_millis(random.u64(..250)));
        erase.kill();
    }
    let killed = ward.exported_ids().len();
    assert!(killed <= all);
    for number in 0..6 {
        ward.does(&["erase", "--patient", &number.to_string()]).good();
    }
    let left = ward.tail();
    let only = ward.does(&["pseudonym", "6"]).good().out.trim().to_owned();
    assert!(left.iter().all(|document| document["patient_id"] == *only));
    assert_eq!(left.len(), 30_000 / 7);
}
