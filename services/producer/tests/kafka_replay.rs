//! FHIR files into Kafka: each record as it was received, once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Bed, good, murmur2, real_data, run};
use serde_json::{Value, json};

fn observation(number: u32, patient: &str) -> Value {
    let component = |code: &str, value: u32| {
        json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]},
               "valueQuantity": {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}})
    };
    json!({"resourceType": "Observation", "id": format!("replay-{number}"), "status": "final",
           "subject": {"reference": patient}, "effectiveDateTime": "2026-01-01T00:00:00Z",
           "component": [component("8480-6", 120), component("8462-4", 75)]})
}

fn bundle(observations: &[Value]) -> Value {
    let entries: Vec<Value> = observations.iter().map(|resource| json!({"resource": resource})).collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries})
}

/// A Bundle of one patient that is at least so large.
fn large_bundle(bytes: usize) -> Vec<u8> {
    let one = observation(0, "Patient/large").to_string().len() + 16;
    let observations: Vec<Value> =
        (0..).take(bytes / one + 1).map(|number| observation(number, "Patient/large")).collect();
    let text = bundle(&observations).to_string().into_bytes();
    assert!(text.len() >= bytes && text.len() < bytes + bytes / 10, "{}", text.len());
    text
}

#[test]
fn each_record_is_a_message_keyed_by_its_one_patient() {
    let bed = Bed::new();
    let pretty =
        serde_json::to_string_pretty(&bundle(&[observation(1, "Patient/a"), observation(2, "Patient/a")]))
            .unwrap();
    let mixed = bundle(&[observation(3, "Patient/a"), observation(4, "Patient/b")]).to_string();
    let single = observation(5, "Patient/b").to_string();
    let text = format!("{pretty}\n{mixed}\n\n{single}\r\nno FHIR\n{{\"resourceType\":\"Patient\"}}");
    let file = bed.write("mixed.ndjson", text.as_bytes());
    let said = good(&mut bed.files(&[&file]));
    assert!(said.contains("no FHIR"), "{said}");
    let mut found: Vec<(String, Option<String>)> = bed
        .records()
        .into_iter()
        .map(|record| {
            if let Some(key) = &record.key {
                assert_eq!(record.partition, murmur2::partition(key.as_bytes(), 3));
            }
            (String::from_utf8(record.payload).unwrap(), record.key)
        })
        .collect();
    found.sort_unstable();
    let patient = |name: &str| Some(format!("Patient/{name}"));
    let mut expected = vec![
        (pretty, patient("a")),
        (mixed, None),
        (single, patient("b")),
        ("no FHIR".to_owned(), None),
        (r#"{"resourceType":"Patient"}"#.to_owned(), None),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn a_file_is_published_once_and_what_is_appended_too() {
    let bed = Bed::new();
    let lines = |range: std::ops::Range<u32>| -> String {
        range.map(|number| observation(number, "Patient/a").to_string() + "\n").collect()
    };
    let file = bed.write("a.ndjson", lines(0..50).as_bytes());
    let other = bed.write("b.ndjson", lines(50..60).as_bytes());
    good(&mut bed.files(&[&file, &other]));
    assert_eq!(bed.count(), 60);
    let said = good(&mut bed.files(&[&file, &other]));
    assert!(said.contains("published to their end before"), "{said}");
    assert_eq!(bed.count(), 60);
    fs::write(&file, lines(0..70)).unwrap();
    good(&mut bed.files(&[&file, &other]));
    assert_eq!(bed.count(), 80);
    // Another file by the same name is published from its beginning.
    fs::write(&file, lines(100..200)).unwrap();
    good(&mut bed.files(&[&file]));
    assert_eq!(bed.count(), 180);
    // Nothing that is stored names a file.
    for record in bed.read(&bed.state_topic()) {
        assert!(!String::from_utf8(record.payload).unwrap().contains("ndjson"));
    }
}

#[test]
fn a_bundle_of_22_mb_passes_and_one_of_33_mib_is_left_out_and_named() {
    let bed = Bed::new();
    bed.remove(&[&bed.topic()]);
    common::until("the topic is gone", || {
        run(&mut bed.files(&["Cargo.toml"])).1.contains("there is no topic")
    });
    bed.make(&bed.topic(), &[("max.message.bytes", "33554432")]);
    let (passes, too_large) = (large_bundle(22_000_000), large_bundle(33 * 1024 * 1024));
    let single = observation(1, "Patient/a").to_string();
    let text =
        [single.as_bytes(), b"\n", &too_large, b"\n", &passes, b"\n", single.as_bytes(), b"\n"].concat();
    let file = bed.write("large.ndjson", &text);
    let (code, said) = run(&mut bed.files(&[&file]));
    assert_eq!(code, 1, "{said}");
    for part in
        ["large.ndjson, line 2", &too_large.len().to_string(), "33554432", "Split it", "max.message.bytes"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Patient/"), "{said}");
    let mut sizes: Vec<usize> = bed.records().iter().map(|record| record.payload.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [single.len(), single.len(), passes.len()]);
}

/// What the lab's topics take, in bytes.
const LARGEST: usize = 32 * 1024 * 1024;

/// The records of a file by the simplest means: whole documents, or lines.
fn expected(path: &PathBuf) -> Vec<Vec<u8>> {
    let content = fs::read(path).unwrap();
    if path.extension().is_some_and(|suffix| suffix == "ndjson") {
        let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        return lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect();
    }
    vec![content.trim_ascii().to_vec()]
}

#[test]
fn every_record_of_real_data_arrives_as_it_is() {
    let bed = Bed::new();
    let directories = [real_data().join("r4-examples"), real_data().join("synthea")];
    let files: Vec<PathBuf> =
        bpmonitor_pipeline::files::resolve(&directories).unwrap().iter().map(PathBuf::from).collect();
    assert!(files.len() > 100, "{}", files.len());
    // One of HL7's examples is a Bundle of 35 MB.
    let (code, said) = run(&mut bed.files(&directories));
    assert_eq!((code, said.matches("was left out").count()), (1, 1), "{said}");
    let mut found: Vec<Vec<u8>> = bed.records().into_iter().map(|record| record.payload).collect();
    let mut wanted: Vec<Vec<u8>> = files.iter().flat_map(expected).collect();
    wanted.retain(|record| record.len() < LARGEST);
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found.len(), wanted.len());
    assert!(found == wanted, "other records");
}
