//! Sections 2 to 6 of the clinical rules, row by row: an Observation in, what is understood of it out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use common::{
    BASE, Seen, bundle, component, loinc, merged, observation, quantity, read, read_one, read_one_from,
    source, with, with_quantities, with_values,
};
use serde_json::{Value, json};

fn check_outcomes(rows: &[(&str, Value, &str)]) {
    for (name, fields, expected) in rows {
        assert_eq!(read_one(&with(fields)).outcome, *expected, "{name}");
    }
}

/// Pressures of 150 and 95 under another code, or with other components.
fn sides() -> Value {
    observation()["component"].clone()
}

#[test]
fn what_is_a_blood_pressure() {
    let oid = json!({"coding": [
        {"system": "urn:oid:1.2.3", "code": "x", "display": "local"},
        {"code": "8480-6"},
        {"system": "urn:oid:2.16.840.1.113883.6.1", "code": "55284-4"}
    ]});
    let other = component("8867-4", &quantity(&json!(70)));
    let average = component("96608-5", &quantity(&json!(150)));
    let mean = component("8478-0", &quantity(&json!(110)));
    let local = json!({"coding": [{"system": "http://snomed.info/sct", "code": "8480-6"}]});
    check_outcomes(&[
        ("another type", json!({"resourceType": "Patient"}), "skipped not_observation"),
        ("average", json!({"code": loinc("96607-7")}), "skipped average"),
        ("average 2", json!({"code": loinc("96608-5")}), "skipped average"),
        ("average 3", json!({"code": loinc("96609-3")}), "skipped average"),
        ("panel", json!({}), "hypertension_stage2"),
        ("older panel, as OID, not first", json!({"code": oid}), "hypertension_stage2"),
        ("older panel 2", json!({"code": loinc("35094-2")}), "hypertension_stage2"),
        ("older panel 3", json!({"code": loinc("55417-0")}), "hypertension_stage2"),
        ("no code", json!({"code": null}), "hypertension_stage2"),
        ("another code", json!({"code": loinc("9999-9")}), "hypertension_stage2"),
        ("mean pressure with sides", json!({"code": loinc("8478-0")}), "hypertension_stage2"),
        ("panel of averages", json!({"component": [average, other]}), "skipped average"),
        ("panel of a mean pressure", json!({"component": [mean]}), "skipped mean_pressure"),
        ("of both", json!({"component": [mean, average]}), "skipped average"),
        (
            "of members",
            json!({"component": null, "hasMember": [{"reference": "Observation/2"}]}),
            "skipped members_only",
        ),
        (
            "of members, STU3",
            json!({"component": null, "related": [{"type": "has-member"}]}),
            "skipped members_only",
        ),
        ("of no members", json!({"component": null, "hasMember": [ ]}), "rejected incomplete"),
        ("of another component", json!({"component": [other]}), "rejected incomplete"),
        ("empty panel", json!({"component": null}), "rejected incomplete"),
        ("mean pressure", json!({"code": loinc("8478-0"), "component": null}), "skipped mean_pressure"),
        ("pulse", json!({"code": loinc("8867-4"), "component": null}), "skipped not_blood_pressure"),
        ("another system", json!({"code": local, "component": null}), "skipped not_blood_pressure"),
        ("no code nor side", json!({"code": null, "component": null}), "skipped not_blood_pressure"),
        ("empty code", json!({"code": {}, "component": [other]}), "skipped not_blood_pressure"),
    ]);
}

#[test]
fn a_code_that_is_a_side() {
    let systolic = |rest: Value| with(&merged(json!({"code": loinc("8480-6"), "component": null}), &rest));
    let of_value = |value: i64| quantity(&json!(value));
    for (name, text, values, outcome) in [
        ("alone", systolic(of_value(150)), "150/-", "hypertension_stage2"),
        ("with nothing", systolic(json!({})), "", "rejected incomplete"),
        (
            "beside a component",
            systolic(merged(of_value(150), &json!({"component": [sides()[1]]}))),
            "150/95",
            "hypertension_stage2",
        ),
        ("the components speak", systolic(json!({"component": sides()})), "150/95", "hypertension_stage2"),
        (
            "the same side twice",
            systolic(merged(of_value(150), &json!({"component": sides()}))),
            "",
            "rejected ambiguous",
        ),
        (
            "absent beside a component",
            systolic(json!({"dataAbsentReason": {}, "component": [sides()[1]]})),
            "-/95",
            "hypertension_stage2",
        ),
        (
            "absent beside itself",
            systolic(json!({"dataAbsentReason": {}, "component": [sides()[0]]})),
            "",
            "rejected ambiguous",
        ),
    ] {
        let seen = read_one(&text);
        assert_eq!((seen.values.as_str(), seen.outcome.as_str()), (values, outcome), "{name}");
    }
    let diastolic = with(&merged(json!({"code": loinc("8462-4"), "component": null}), &of_value(95)));
    assert_eq!(read_one(&diastolic).values, "-/95");
    let both = json!({"coding": [loinc("8480-6")["coding"][0], loinc("8462-4")["coding"][0]]});
    let both_sides = merged(json!({"code": both, "component": null}), &of_value(95));
    assert_eq!(read_one(&with(&both_sides)).outcome, "rejected ambiguous");
}

#[test]
fn what_is_needed_must_have_its_type_and_be_there_once() {
    let wrong_component = json!([sides()[0], {"code": loinc("8462-4"), "valueQuantity": 95}]);
    let coding = |system: Value, code: Value| json!({"code": {"coding": [{"system": system, "code": code}]}, "component": null});
    check_outcomes(&[
        ("type", json!({"resourceType": 5}), "rejected not_fhir"),
        ("no type", json!({"resourceType": null}), "rejected not_fhir"),
        ("blank type", json!({"resourceType": " "}), "rejected not_fhir"),
        ("id", json!({"id": 5}), "rejected not_fhir"),
        ("status", json!({"status": ["final"]}), "rejected not_fhir"),
        ("code", json!({"code": "85354-9"}), "rejected not_fhir"),
        ("code, no sides", json!({"code": "85354-9", "component": null}), "rejected not_fhir"),
        ("coding", json!({"code": {"coding": {"code": "85354-9"}}, "component": null}), "rejected not_fhir"),
        ("a coding", json!({"code": {"coding": ["85354-9"]}, "component": null}), "rejected not_fhir"),
        ("LOINC code", coding(json!("http://loinc.org"), json!(85354)), "rejected not_fhir"),
        ("system", coding(json!(1), json!("85354-9")), "rejected not_fhir"),
        (
            "other code",
            coding(json!("http://snomed.info/sct"), json!(75_367_002)),
            "skipped not_blood_pressure",
        ),
        ("system, other code", coding(json!(1), json!("1")), "skipped not_blood_pressure"),
        ("component", json!({"component": {"0": {}}}), "rejected not_fhir"),
        ("a component", json!({"component": [sides()[0], sides()[1], "x"]}), "rejected not_fhir"),
        ("a component, members", json!({"component": ["x"], "hasMember": [{}]}), "rejected not_fhir"),
        ("a component's code", json!({"component": [sides()[0], {"code": "8462-4"}]}), "rejected not_fhir"),
        ("value", json!({"component": wrong_component}), "rejected not_fhir"),
        ("subject", json!({"subject": "Patient/42"}), "rejected not_fhir"),
        (
            "reference",
            json!({"subject": {"reference": 42, "identifier": {"system": "s", "value": "v"}}}),
            "rejected not_fhir",
        ),
        ("identifier", json!({"subject": {"identifier": "42"}}), "rejected not_fhir"),
        (
            "identifier's value",
            json!({"subject": {"identifier": {"system": "s", "value": 42}}}),
            "rejected not_fhir",
        ),
    ]);
    for twice in ["\"status\":\"final\"", "\"id\":\"2\"", "\"component\":[]", "\"subject\":{}", "\"code\":{}"]
    {
        let text = with(&json!({})).replacen('{', &format!("{{{twice},"), 1);
        assert_eq!(read_one(&text).outcome, "rejected not_fhir", "{twice} twice");
    }
    let twice = with_quantities(r#"{"value":150,"value":120}"#, r#"{"value":80}"#);
    assert_eq!(read_one(&twice).outcome, "rejected not_fhir");
}

#[test]
fn what_is_not_needed_never_fails() {
    let shapes = [json!(5), json!("x"), json!([[{}]]), json!({"a": {"b": []}}), json!(true), json!([null])];
    for name in [
        "category",
        "interpretation",
        "meta",
        "text",
        "contained",
        "extension",
        "performer",
        "issued",
        "comments",
    ] {
        for shape in &shapes {
            assert_eq!(
                read_one(&with(&json!({name: shape}))).outcome,
                "hypertension_stage2",
                "{name} {shape}"
            );
        }
    }
    for name in ["type", "display", "identifier", "extension"] {
        for shape in &shapes[2..] {
            let subject = json!({"reference": "Patient/42", name: shape});
            assert_eq!(
                read_one(&with(&json!({"subject": subject}))).outcome,
                "hypertension_stage2",
                "{name}"
            );
        }
    }
    let period = json!({"effectivePeriod": 5, "effectiveDateTime": "2026-03-01"});
    assert_eq!(read_one(&with(&period)).outcome, "hypertension_stage2");
    let odd = r#"{"reference":"Patient/42","display":"half a pair \ud83d","x":1e999}"#;
    let text = with(&json!({"subject": "ODD"})).replace("\"ODD\"", odd);
    assert_eq!(read_one(&text).outcome, "hypertension_stage2");
    let needed = text.replace("\"bp-1\"", "1e999");
    assert_eq!(read_one(&needed).outcome, "rejected not_fhir");
}

#[test]
fn every_status() {
    for (status, outcome, flags, is_correction) in [
        (json!("final"), "hypertension_stage2", "", false),
        (json!("amended"), "hypertension_stage2", "", true),
        (json!("corrected"), "hypertension_stage2", "", true),
        (json!("preliminary"), "hypertension_stage2", "preliminary", false),
        (json!("entered-in-error"), "withdrawn", "", false),
        (json!("cancelled"), "withdrawn", "", false),
        (json!(null), "rejected no_status", "", false),
        (json!(""), "rejected no_status", "", false),
        (json!("registered"), "skipped status", "", false),
        (json!("unknown"), "skipped status", "", false),
        (json!("on-hold"), "skipped status", "", false),
        (json!("Final"), "skipped status", "", false),
    ] {
        let seen = read_one(&with(&json!({"status": status})));
        let found = (seen.outcome.as_str(), seen.flags.as_str(), seen.is_correction);
        assert_eq!(found, (outcome, flags, is_correction), "{status}");
    }
}

#[test]
fn a_pressure_is_exact() {
    for (systolic, diastolic, values) in [
        ("120", "80", "120/80"),
        ("120.0", "80.00", "120.0/80.00"),
        ("1.45E2", "8e1", "145/80"),
        ("129.73979437732424", "80", "129.73979437732424/80"),
        ("139.9999999999999999999999999", "80", "139.9999999999999999999999999/80"),
        ("120.0000000000000000000000000000000000", "80", "120/80"),
        ("40", "20", "40/20"),
        ("300", "200", "300/200"),
        ("120.000000000000000000000001", "120", "120.000000000000000000000001/120"),
    ] {
        assert_eq!(read_one(&with_values(systolic, diastolic)).values, values);
    }
}

#[test]
fn a_unit_and_what_becomes_of_it() {
    for (quantity, values, flags) in [
        (r#"{"value":150,"unit":"mmHg"}"#, "150/95", ""),
        (r#"{"value":150,"unit":"mm Hg"}"#, "150/95", ""),
        (r#"{"value":150,"code":"mm[Hg]"}"#, "150/95", ""),
        (r#"{"value":150,"code":"mm[Hg]","unit":"millimeters of mercury"}"#, "150/95", ""),
        (r#"{"value":150,"code":"mmHg","unit":"mm[Hg]"}"#, "150/95", ""),
        (r#"{"value":20.0,"unit":"kPa"}"#, "150.012400/95", "unit_converted"),
        (r#"{"value":20,"code":"kPa","unit":"kilopascal"}"#, "150.01240/95", "unit_converted"),
        (
            r#"{"value":20.00000000000000000001,"code":"kPa"}"#,
            "150.0124000000000000000750062/95",
            "unit_converted",
        ),
        (r#"{"value":150}"#, "150/95", "unit_missing"),
        (r#"{"value":150,"unit":"","code":" "}"#, "150/95", "unit_missing"),
    ] {
        let seen = read_one(&with_quantities(quantity, r#"{"value":95,"code":"mm[Hg]"}"#));
        assert_eq!((seen.values.as_str(), seen.flags.as_str()), (values, flags), "{quantity}");
    }
}

#[test]
fn what_is_no_pressure() {
    for (quantity, reason) in [
        (r#"{"value":"150"}"#, "invalid_value"),
        (r#"{"value":-150}"#, "invalid_value"),
        (r#"{"value":true}"#, "invalid_value"),
        (r#"{"value":[150]}"#, "invalid_value"),
        (r#"{"value":"150","unit":"furlong","comparator":"~"}"#, "invalid_value"),
        ("[]", "not_fhir"),
        ("150", "not_fhir"),
        (r#"{"value":150.00000000000000000000000001}"#, "invalid_value"),
        (r#"{"value":20.000000000000000000001,"unit":"kPa"}"#, "invalid_value"),
        (r#"{"value":150,"code":"cm[H2O]"}"#, "invalid_unit"),
        (r#"{"value":150,"code":"x","unit":"mmHg"}"#, "invalid_unit"),
        (r#"{"value":150,"code":"mm[Hg]","unit":"kPa"}"#, "invalid_unit"),
        (r#"{"value":150,"unit":"mmhg"}"#, "invalid_unit"),
        (r#"{"value":150,"unit":"x","comparator":"~"}"#, "invalid_unit"),
        (r#"{"value":150,"comparator":"~"}"#, "comparator"),
        (r#"{"value":150,"comparator":""}"#, "comparator"),
        (r#"{"value":150,"comparator":5}"#, "not_fhir"),
        (r#"{"value":150,"unit":5}"#, "not_fhir"),
        (r#"{"value":150,"code":["mmHg"]}"#, "not_fhir"),
        (r#"{"value":1e999}"#, "implausible"),
        (r#"{"value":0}"#, "implausible"),
    ] {
        let seen = read_one(&with_quantities(quantity, r#"{"value":95}"#));
        assert_eq!(seen.outcome, format!("rejected {reason}"), "{quantity}");
    }
    for other in ["valueString", "valueInteger", "valueRange", "valueCodeableConcept", "valueAttachment"] {
        let component = json!([sides()[1], component("8480-6", &json!({other: "150"}))]);
        assert_eq!(
            read_one(&with(&json!({"component": component}))).outcome,
            "rejected invalid_value",
            "{other}"
        );
    }
}

#[test]
fn the_first_fault_on_the_page_decides_on_whatever_side() {
    let faults = [
        (r#"{"value":150,"unit":5}"#, "not_fhir"),
        (r#"{"value":"x"}"#, "invalid_value"),
        (r#"{"value":150,"unit":"x"}"#, "invalid_unit"),
        (r#"{"value":150,"comparator":"~"}"#, "comparator"),
        (r#"{"value":15}"#, "implausible"),
    ];
    for (at, (first, reason)) in faults.iter().enumerate() {
        for (second, _) in &faults[at..] {
            for text in [with_quantities(first, second), with_quantities(second, first)] {
                assert_eq!(read_one(&text).outcome, format!("rejected {reason}"), "{first} and {second}");
            }
        }
    }
    let twice = json!({"component": [sides()[0], component("8480-6", &quantity(&json!("x")))]});
    assert_eq!(read_one(&with(&twice)).outcome, "rejected ambiguous");
    let both = json!({"coding": [loinc("8480-6")["coding"][0], loinc("8462-4")["coding"][0]]});
    let as_both = json!({"component": [{"code": both}]});
    assert_eq!(read_one(&with(&as_both)).outcome, "rejected ambiguous");
}

#[test]
fn what_is_plausible() {
    for (systolic, diastolic, outcome, flags) in [
        ("39.99", "25", "rejected implausible", ""),
        ("40", "25", "hypotension", "suspect"),
        ("300", "120", "hypertensive_crisis", "suspect"),
        ("300.01", "120", "rejected implausible", ""),
        ("120", "19.99", "rejected implausible", ""),
        ("120", "20", "elevated", "suspect"),
        ("250", "200", "hypertensive_crisis", "suspect"),
        ("250", "200.01", "rejected implausible", ""),
        ("120", "120", "rejected implausible", ""),
        ("120", "121", "rejected implausible", ""),
        ("59.99", "40", "hypotension", "suspect"),
        ("60", "40", "hypotension", ""),
        ("260", "100", "hypertensive_crisis", ""),
        ("260.01", "100", "hypertensive_crisis", "suspect"),
        ("100", "29.99", "hypotension", "suspect"),
        ("100", "30", "hypotension", ""),
        ("200", "160", "hypertensive_crisis", ""),
        ("200", "160.01", "hypertensive_crisis", "suspect"),
        ("<110", "125", "rejected implausible", ""),
        ("<=125", ">125", "rejected implausible", ""),
        (">110", "125", "hypertensive_crisis", "comparator"),
        ("85", "<85", "rejected comparator", ""),
    ] {
        let seen = read_one(&with_values(systolic, diastolic));
        let found_flags = if seen.outcome.starts_with("rejected") { "" } else { seen.flags.as_str() };
        assert_eq!((seen.outcome.as_str(), found_flags), (outcome, flags), "{systolic}/{diastolic}");
    }
}

#[test]
fn a_missing_side_is_half_a_reading() {
    let half = |component: Value| {
        let seen = read_one(&with(&json!({"component": [component, sides()[1]]})));
        (seen.values, seen.outcome, seen.flags)
    };
    let missing = |rest: Value| component("8480-6", &rest);
    for component in [
        missing(json!({})),
        missing(json!({"valueQuantity": {}})),
        missing(json!({"valueQuantity": {"value": null, "unit": "mmHg"}})),
        missing(json!({"dataAbsentReason": {"text": "refused"}})),
        missing(merged(quantity(&json!(150)), &json!({"dataAbsentReason": {}}))),
        component("8867-4", &json!({})),
    ] {
        let expected = ("-/95".to_owned(), "hypertension_stage2".to_owned(), "incomplete".to_owned());
        assert_eq!(half(component.clone()), expected, "{component}");
    }
    let none = json!({"component": [missing(json!({}))]});
    assert_eq!(read_one(&with(&none)).outcome, "rejected incomplete");
}

fn subject(subject: &Value) -> Seen {
    read_one(&with(&json!({"subject": subject})))
}

#[test]
fn one_patient_has_one_key() {
    let here = "https://a.example/fhir/Patient/42";
    for (reference, key) in [
        ("Patient/42", here),
        ("Patient/42/", here),
        ("Patient/42/_history/3", here),
        ("https://a.example/fhir/Patient/42", here),
        ("https://a.example/fhir/Patient/42/_history/3", here),
        ("https://b.example/Patient/42", "https://b.example/Patient/42"),
        ("https://b.example/people/42", "https://b.example/people/42"),
        ("urn:uuid:0c3151bd", "urn:uuid:0c3151bd"),
        ("urn:oid:1.2.3", "urn:oid:1.2.3"),
    ] {
        assert_eq!(subject(&json!({"reference": reference})).patient.as_deref(), Some(key), "{reference}");
    }
    let identifier = json!({"system": "urn:oid:1.2", "value": "7"});
    assert_eq!(subject(&json!({"identifier": identifier})).patient.as_deref(), Some("urn:oid:1.2|7"));
    assert_eq!(
        subject(&json!({"reference": "Patient/42", "identifier": identifier})).patient.as_deref(),
        Some(here)
    );
    assert_eq!(
        subject(&json!({"reference": " ", "identifier": identifier})).patient.as_deref(),
        Some("urn:oid:1.2|7")
    );
}

#[test]
fn who_is_no_patient() {
    for reference in [
        "",
        "42",
        "#p1",
        "Group/1",
        "https://a.example/fhir/Device/9",
        "Patient/",
        "https://a.example/fhir/Patient/",
        "https://a.example/fhir/Patient",
        "Patient?identifier=http://a.example/ids|7",
        "Group?url=http://a.example/x",
    ] {
        assert_eq!(subject(&json!({"reference": reference})).outcome, "rejected no_subject", "{reference}");
    }
    for no_patient in [
        json!({}),
        json!({"display": "Ann"}),
        json!({"reference": "Patient/42", "type": "Group"}),
        json!({"reference": "#p1", "identifier": {"system": "s", "value": "v"}}),
        json!({"identifier": {"value": "7"}}),
        json!({"identifier": {"system": "s"}}),
        json!({"identifier": {"system": "s", "value": " "}}),
        json!({"identifier": {"system": "s", "value": "7"}, "type": "Device"}),
    ] {
        assert_eq!(subject(&no_patient).outcome, "rejected no_subject", "{no_patient}");
    }
    assert_eq!(read_one(&with(&json!({"subject": null}))).outcome, "rejected no_subject");
    let typed = json!({"reference": "Patient/42", "type": "http://hl7.org/fhir/StructureDefinition/Patient"});
    assert_eq!(subject(&typed).outcome, "hypertension_stage2");
}

fn identifiers(values: &[&str]) -> Value {
    values.iter().map(|value| json!({"system": "urn:s", "value": value})).collect()
}

#[test]
fn a_contained_patient_is_keyed_by_its_identifier() {
    let contained = |patient: Value| {
        let device = json!({"resourceType": "Device", "id": "p1", "name": [], "name2": 5});
        let fields = json!({"subject": {"reference": "#p1"}, "contained": [5, device, patient]});
        let seen = read_one(&with(&fields));
        (seen.patient.unwrap_or(seen.outcome), seen.name)
    };
    let patient = |rest: Value| merged(json!({"resourceType": "Patient", "id": "p1"}), &rest);
    let known = patient(
        json!({"identifier": identifiers(&["9", "10"]), "name": [{}, {"given": ["Ann", 5, "B."], "family": "C"}]}),
    );
    assert_eq!(contained(known), ("urn:s|10".to_owned(), Some("Ann B. C".to_owned())));
    assert_eq!(contained(patient(json!({}))).0, "rejected no_subject");
    assert_eq!(
        contained(patient(json!({"id": "p2", "identifier": identifiers(&["9"])}))).0,
        "rejected no_subject"
    );
}

#[test]
fn a_bundle_tells_who_its_patients_are() {
    let patient = |rest: Value| merged(json!({"resourceType": "Patient"}), &rest);
    let by_reference = |reference: &str| merged(observation(), &json!({"subject": {"reference": reference}}));
    let by_identifier = merged(observation(), &json!({"subject": {"identifier": identifiers(&["9"])[0]}}));
    let urn = "urn:uuid:1";
    let full_url = "https://b.example/r4/Observation/1";
    let versioned = "https://b.example/r4/Observation/1/_history/2";
    let both = json!({"id": "7", "identifier": identifiers(&["9", "9"])});
    for (name, entries, key) in [
        (
            "by id",
            vec![(urn, patient(json!({"id": "7"}))), ("", by_reference(urn))],
            "https://a.example/fhir/Patient/7",
        ),
        (
            "by its first identifier",
            vec![("", by_reference(urn)), (urn, patient(json!({"identifier": identifiers(&["9", "10"])})))],
            "urn:s|10",
        ),
        ("by the URN", vec![("", by_reference(urn)), (urn, patient(json!({})))], urn),
        ("no such Patient", vec![("", by_reference(urn)), ("urn:uuid:2", patient(json!({"id": "7"})))], urn),
        (
            "by its fullUrl",
            vec![
                ("https://b.example/r4/Patient/7", patient(json!({"id": "7"}))),
                (full_url, by_reference("Patient/7")),
            ],
            "https://b.example/r4/Patient/7",
        ),
        ("the entry's base", vec![(full_url, by_reference("Patient/7"))], "https://b.example/r4/Patient/7"),
        (
            "the entry's base, a version",
            vec![(versioned, by_reference("Patient/7"))],
            "https://b.example/r4/Patient/7",
        ),
        (
            "joined by identifier",
            vec![
                ("", by_identifier.clone()),
                ("", patient(json!({"id": "7", "identifier": identifiers(&["9"])}))),
            ],
            "https://a.example/fhir/Patient/7",
        ),
        (
            "one Patient, twice there",
            vec![("", patient(both.clone())), ("", patient(both.clone())), ("", by_identifier.clone())],
            "https://a.example/fhir/Patient/7",
        ),
        (
            "two Patients",
            vec![
                ("", patient(both.clone())),
                ("", patient(json!({"id": "8", "identifier": identifiers(&["9"])}))),
                ("", by_identifier),
            ],
            "urn:s|9",
        ),
        (
            "a reference is not joined",
            vec![("", patient(both)), ("", by_reference("Patient/8"))],
            "https://a.example/fhir/Patient/8",
        ),
    ] {
        let seen = read(bundle(&entries).as_bytes());
        let keys: Vec<_> = seen.iter().filter_map(|seen| seen.patient.as_deref()).collect();
        assert_eq!(keys, [key], "{name}");
    }
}

#[test]
fn a_urn_of_what_is_no_patient_is_no_subject() {
    let group = json!({"resourceType": "Group", "id": "1"});
    let observation = merged(observation(), &json!({"subject": {"reference": "urn:uuid:1"}}));
    let text = bundle(&[("urn:uuid:1", group), ("urn:uuid:2", observation)]);
    assert_eq!(read(text.as_bytes())[1].outcome, "rejected no_subject");
}

#[test]
fn a_patient_with_an_unreadable_name_is_still_that_patient() {
    let patient = json!({"resourceType": "Patient", "id": "7", "name": "NAME"});
    let text = bundle(&[
        ("urn:uuid:1", patient),
        ("", merged(observation(), &json!({"subject": {"reference": "urn:uuid:1"}}))),
    ]);
    for name in [r#"[{"text":"\ud83d"}]"#, "5", "[1e999]", r#"[{"text":"A","text":"B"}]"#] {
        let seen = read(text.replace("\"NAME\"", name).as_bytes());
        assert_eq!(seen[1].patient.as_deref(), Some("https://a.example/fhir/Patient/7"), "{name}");
    }
}

#[test]
fn without_a_base_a_key_has_none() {
    let unknown = bpmonitor_clinical::Source::default();
    assert_eq!(read_one_from(&with(&json!({})), &unknown).patient.as_deref(), Some("Patient/42"));
    let slash = bpmonitor_clinical::Source { base_url: format!("{BASE}/"), ..source() };
    assert_eq!(read_one_from(&with(&json!({})), &slash).patient, read_one(&with(&json!({}))).patient);
}

#[test]
fn when_it_was_measured() {
    for (fields, effective, flags) in [
        (json!({}), "2026-03-01T10:20:30Z", ""),
        (json!({"effectiveDateTime": "2026-03-01T12:20:30.25+02:00"}), "2026-03-01T10:20:30.25Z", ""),
        (json!({"effectiveDateTime": "2026-03-01T10:20:60Z"}), "2026-03-01T10:20:59Z", ""),
        (json!({"effectiveDateTime": "2026-03-01T10:20:30"}), "2026-03-01T10:20:30Z", "timezone_missing"),
        (json!({"effectiveDateTime": "2026-02-28"}), "2026-02-28T00:00:00Z", "time_imprecise"),
        (json!({"effectiveDateTime": "2026-02"}), "2026-02-01T00:00:00Z", "time_imprecise"),
        (json!({"effectiveDateTime": "2026"}), "2026-01-01T00:00:00Z", "time_imprecise"),
        (json!({"effectiveInstant": "2025-01-01T00:00:00Z"}), "2026-03-01T10:20:30Z", ""),
        (
            json!({"effectiveDateTime": null, "effectiveInstant": "2025-01-01T00:00:00Z"}),
            "2025-01-01T00:00:00Z",
            "",
        ),
        (
            json!({"effectiveDateTime": null, "effectivePeriod": {"start": "2025-01-01T00:00:00Z", "end": "2025-01-01T00:05:00Z"}}),
            "2025-01-01T00:05:00Z",
            "",
        ),
        (
            json!({"effectiveDateTime": null, "effectivePeriod": {"start": "2025-01-01T00:00:00Z"}}),
            "2025-01-01T00:00:00Z",
            "",
        ),
        (
            json!({"effectiveDateTime": null, "effectivePeriod": {}, "issued": "2025-01-01T00:00:00Z"}),
            "2025-01-01T00:00:00Z",
            "time_from_issued",
        ),
        (
            json!({"effectiveDateTime": null, "issued": "2025-01-01"}),
            "2025-01-01T00:00:00Z",
            "time_imprecise time_from_issued",
        ),
        (json!({"effectiveDateTime": "2026-03-03T00:00:00Z"}), "2026-03-03T00:00:00Z", ""),
    ] {
        let seen = read_one(&with(&fields));
        let time = seen.effective.map(|time| time.to_string());
        assert_eq!((time.as_deref(), seen.flags.as_str()), (Some(effective), flags), "{fields}");
    }
}

#[test]
fn what_is_no_time() {
    for (fields, reason) in [
        (json!({"effectiveDateTime": null}), "no_time"),
        (json!({"effectiveDateTime": null, "effectivePeriod": {}}), "no_time"),
        (json!({"effectiveDateTime": null, "effectiveTiming": {}}), "no_time"),
        (json!({"effectiveDateTime": "yesterday", "issued": "2026-03-01T00:00:00Z"}), "invalid_time"),
        (json!({"effectiveDateTime": ""}), "invalid_time"),
        (json!({"effectiveDateTime": 2026}), "not_fhir"),
        (json!({"effectiveDateTime": "0000"}), "invalid_time"),
        (json!({"effectiveDateTime": null, "effectivePeriod": "2026"}), "not_fhir"),
        (json!({"effectiveDateTime": null, "effectivePeriod": {"end": 5, "start": "2026"}}), "not_fhir"),
        (json!({"effectiveDateTime": null, "issued": "x"}), "invalid_time"),
        (json!({"effectiveDateTime": "2026-03-03T00:00:00.000000001Z"}), "future"),
        (json!({"effectiveDateTime": "2026-03-03T00:00:01"}), "future"),
        (json!({"effectiveDateTime": "9999-12-31T23:59:59Z"}), "future"),
        (json!({"effectiveDateTime": "9999-12-31"}), "future"),
    ] {
        assert_eq!(read_one(&with(&fields)).outcome, format!("rejected {reason}"), "{fields}");
    }
    let strict = bpmonitor_clinical::Source { max_skew: jiff::SignedDuration::ZERO, ..source() };
    let ahead = with(&json!({"effectiveDateTime": "2026-03-02T00:00:01Z"}));
    assert_eq!(read_one_from(&ahead, &strict).outcome, "rejected future");
}

#[test]
fn no_message_says_anything_of_the_content() {
    let canary = "CANARY-4711";
    for text in [
        with(&json!({"subject": {"reference": canary}})),
        with(&json!({"effectiveDateTime": canary})),
        with_quantities(&format!(r#"{{"value":"{canary}"}}"#), "{}"),
        format!("{{\"{canary}\": "),
    ] {
        bpmonitor_clinical::read_all(text.as_bytes(), &common::context(&source()), &mut |entry| {
            let bpmonitor_clinical::Finding::Rejected(reason) = entry.finding else { panic!("{text}") };
            assert!(!format!("{reason} {reason:?} {}", reason.code()).contains(canary));
        });
    }
}
