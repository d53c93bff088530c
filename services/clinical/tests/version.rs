//! Section 8 of the clinical rules: which version is the newest, which document it is, and what takes one back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_clinical::{PseudonymKey, Source};
use common::{
    BASE, WRITTEN, bundle, component, loinc, merged, observation, quantity, read, read_one, read_one_from,
    source, with, with_quantities,
};
use serde_json::{Value, json};

fn by_content() -> Source {
    Source { unique_ids: false, ..source() }
}

fn version(fields: &Value) -> i64 {
    read_one(&with(fields)).version.unwrap().0
}

#[test]
fn a_version_is_when_it_was_written() {
    let millisecond = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_millisecond() * 1_000_000;
    let updated = "2026-03-01T11:00:00.250Z";
    let issued = "2026-03-01T10:30:00Z";
    for (fields, expected) in [
        (json!({"meta": {"lastUpdated": updated}, "issued": issued}), millisecond(updated)),
        (json!({"meta": {"lastUpdated": updated, "versionId": "7"}}), millisecond(updated) + 7),
        (json!({"meta": {"lastUpdated": updated, "versionId": "9999999"}}), millisecond(updated) + 999_999),
        (json!({"meta": {"lastUpdated": "x"}, "issued": issued}), millisecond(issued)),
        (json!({"meta": {"versionId": "abc"}, "issued": issued}), millisecond(issued)),
        (json!({"issued": issued}), millisecond(issued)),
        (json!({"issued": 5}), millisecond(WRITTEN)),
        (json!({}), millisecond(WRITTEN)),
        (json!({"meta": {"lastUpdated": "9999-12-31T00:00:00Z"}}), i64::MAX),
        (json!({"meta": {"lastUpdated": "1950"}}), 0),
    ] {
        assert_eq!(version(&fields), expected, "{fields}");
    }
}

#[test]
fn a_correction_says_so() {
    for (fields, is_correction) in [
        (json!({}), false),
        (json!({"status": "corrected"}), true),
        (json!({"status": "amended"}), true),
        (json!({"meta": {"versionId": "1"}}), false),
        (json!({"meta": {"versionId": "2"}}), true),
    ] {
        assert_eq!(read_one(&with(&fields)).is_correction, is_correction, "{fields}");
    }
}

#[test]
fn one_id_at_one_base_is_one_document() {
    let first = read_one(&with(&json!({}))).document;
    for fields in [
        json!({"status": "corrected", "component": [component("8480-6", &quantity(&json!(190)))]}),
        json!({"status": "entered-in-error"}),
        json!({"status": "cancelled", "code": null, "component": null, "subject": null, "effectiveDateTime": null}),
        json!({"subject": {"reference": "Patient/43"}}),
    ] {
        assert_eq!(read_one(&with(&fields)).document, first, "{fields}");
    }
    let slash = Source { base_url: format!("{BASE}/"), ..source() };
    assert_eq!(read_one_from(&with(&json!({})), &slash).document, first);
    let in_bundle = |url: &str| read(bundle(&[(url, observation())]).as_bytes())[0].document;
    for url in [
        "",
        "urn:uuid:1",
        "https://a.example/fhir/Observation/bp-1",
        "https://a.example/fhir/Observation/bp-1/_history/2",
    ] {
        assert_eq!(in_bundle(url), first, "{url}");
    }
    assert_ne!(in_bundle("https://b.example/fhir/Observation/bp-1"), first);
    assert_ne!(read_one(&with(&json!({"id": "bp-2"}))).document, first);
    let elsewhere = Source { base_url: "https://b.example/fhir".to_owned(), ..source() };
    assert_ne!(read_one_from(&with(&json!({})), &elsewhere).document, first);
}

#[test]
fn without_an_id_the_content_is_the_document() {
    let document = |fields: &Value| {
        let without = read_one(&with(&merged(fields.clone(), &json!({"id": " "})))).document;
        assert_eq!(read_one_from(&with(fields), &by_content()).document, without, "{fields}");
        without
    };
    let first = document(&json!({}));
    let side = |code: &str, value: &str| {
        merged(
            component(code, &json!({})),
            &serde_json::from_str(&format!(r#"{{"valueQuantity":{{"value":{value}}}}}"#)).unwrap(),
        )
    };
    let of = |systolic: &str, diastolic: &str| json!({"component": [side("8462-4", diastolic), side("8480-6", systolic)]});
    for same in [
        of("150.0", "95.00"),
        json!({"status": "corrected", "meta": {"lastUpdated": "2026-03-01T11:00:00Z"}}),
        json!({"effectiveDateTime": "2026-03-01T11:20:30+01:00"}),
        json!({"subject": {"reference": "https://a.example/fhir/Patient/42/_history/1"}}),
    ] {
        assert_eq!(document(&same), first, "{same}");
    }
    for other in [
        of("150.01", "95"),
        of("150", "95.01"),
        json!({"effectiveDateTime": "2026-03-01T10:20:30.001Z"}),
        json!({"subject": {"reference": "Patient/43"}}),
    ] {
        assert_ne!(document(&other), first, "{other}");
    }
    let half =
        |code: &str| with(&json!({"id": null, "component": [component(code, &quantity(&json!(150)))]}));
    assert_ne!(read_one(&half("8480-6")).document, read_one(&half("8462-4")).document);
}

#[test]
fn a_withdrawal_needs_an_id_or_the_content() {
    let content = read_one_from(&with(&json!({})), &by_content()).document;
    let withdrawn = json!({"status": "entered-in-error"});
    let seen = read_one_from(&with(&withdrawn), &by_content());
    assert_eq!((seen.outcome.as_str(), seen.document), ("withdrawn", content));
    let without_id = read_one(&with(&json!({"status": "entered-in-error", "id": null})));
    assert_eq!((without_id.outcome.as_str(), without_id.document), ("withdrawn", content));
    for missing in ["component", "subject", "effectiveDateTime"] {
        let fields = json!({"status": "entered-in-error", "id": null, missing: null});
        assert_eq!(read_one(&with(&fields)).outcome, "rejected no_id", "{missing}");
    }
}

#[test]
fn what_can_be_taken_back() {
    let blank = |rest: Value| {
        let blank = json!({"resourceType": "Observation", "id": "bp-1", "status": "entered-in-error"});
        read_one(&merged(blank, &rest).to_string())
    };
    let seen = blank(json!({}));
    assert_eq!((seen.outcome.as_str(), seen.patient), ("withdrawn", None));
    let known = blank(json!({"subject": {"reference": "Patient/42"}}));
    assert_eq!(known.patient.as_deref(), Some("https://a.example/fhir/Patient/42"));
    for (rest, outcome) in [
        (json!({"code": {}}), "withdrawn"),
        (json!({"code": {"text": ""}}), "withdrawn"),
        (json!({"code": loinc("85354-9")}), "withdrawn"),
        (json!({"code": loinc("8480-6")}), "withdrawn"),
        (json!({"subject": "x", "effectiveDateTime": 5}), "withdrawn"),
        (json!({"code": {"text": "pulse"}}), "skipped not_blood_pressure"),
        (json!({"code": loinc("8867-4")}), "skipped not_blood_pressure"),
        (json!({"code": loinc("96607-7")}), "skipped average"),
        (json!({"id": 5}), "rejected not_fhir"),
        (json!({"id": null}), "rejected no_id"),
        (json!({"status": "final"}), "skipped not_blood_pressure"),
    ] {
        assert_eq!(blank(rest.clone()).outcome, outcome, "{rest}");
    }
    let twice = with_quantities(r#"{"value":"x"}"#, "{}").replace("\"final\"", "\"entered-in-error\"");
    assert_eq!(read_one(&twice).outcome, "withdrawn");
}

#[test]
fn a_document_id_by_content_needs_the_key() {
    let id = |secret: u8| {
        let (text, source, mut id) = (with(&json!({"id": null})), source(), None);
        bpmonitor_clinical::read_all(text.as_bytes(), &common::context(&source), &mut |entry| {
            if let bpmonitor_clinical::Finding::Reading(reading) = &entry.finding {
                id = Some(bpmonitor_clinical::DocumentId::of_reading(
                    reading,
                    &PseudonymKey::new(&[secret; 32]),
                ));
            }
        });
        id.unwrap()
    };
    assert_eq!(id(1), id(1));
    assert_ne!(id(1), id(2));
    assert_eq!(id(1).to_string().len(), 32);
}
