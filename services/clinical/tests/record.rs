//! Section 1 of the clinical rules: from bytes to entries.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_clinical::Source;
use common::{bundle, observation, outcomes, read, read_from, read_incrementally, source, with};
use serde_json::{Value, json};

const READ: &str = "hypertension_stage2";

fn one_line() -> String {
    with(&json!({}))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn pretty_bundle() -> String {
    pretty(
        &serde_json::from_str(&bundle(&[("", observation()), ("", json!({"resourceType": "Patient"}))]))
            .unwrap(),
    )
}

/// `levels` arrays in one another.
fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn a_line_is_a_resource() {
    let line = one_line();
    let lines = |text: String| outcomes(text.as_bytes());
    assert_eq!(lines(line.clone()), [READ]);
    assert_eq!(lines(format!("{line}\n{line}\n")), [READ, READ]);
    assert_eq!(lines(format!("{line}\r\n\r\n \t\n\u{feff}\n\u{feff}{line}\r\n")), [READ, READ]);
    assert_eq!(lines(format!("\u{feff}  {line}  ")), [READ]);
    assert_eq!(lines("\n\r\n  \n\u{feff}".to_owned()), [""; 0]);
    assert_eq!(outcomes(b""), [""; 0]);
}

#[test]
fn a_bad_line_costs_one_line() {
    for (bad, outcome) in [
        ("x", "rejected not_json"),
        ("{", "rejected not_json"),
        ("[", "rejected not_json"),
        ("{\"resourceType\":", "rejected not_json"),
        ("{\"resourceType\":\"Observation", "rejected not_json"),
        ("{\"resourceType\":\"Observation\",", "rejected not_json"),
        ("}", "rejected not_json"),
        ("{},", "rejected not_json"),
        ("{'a':1}", "rejected not_json"),
        ("tru", "rejected not_json"),
        ("\u{0}", "rejected not_json"),
        ("\u{c}", "rejected not_json"),
        ("\u{a0}", "rejected not_json"),
        ("{}", "rejected not_fhir"),
        ("[]", "rejected not_fhir"),
        ("null", "rejected not_fhir"),
        ("1e999", "rejected not_fhir"),
        ("\"Observation\"", "rejected not_fhir"),
        ("{\"id\":1,\"id\":2}", "rejected not_fhir"),
        ("{\"resourceType\":\"Patient\"}", "skipped not_observation"),
    ] {
        let line = one_line();
        assert_eq!(outcomes(bad.as_bytes()), [outcome], "{bad}");
        assert_eq!(outcomes(format!("{line}\n{bad}\n{line}\n").as_bytes()), [READ, outcome, READ], "{bad}");
        assert_eq!(
            outcomes(format!("{bad}\r\n{}", pretty(&observation())).as_bytes()),
            [outcome, READ],
            "{bad}"
        );
    }
    assert_eq!(outcomes(b"\xff\n{\"a\":\"\xff\"}\n[\"\xff\",\n1]\n"), ["rejected not_json"; 4]);
}

#[test]
fn a_document_may_span_lines() {
    let document = pretty(&observation());
    let mixed =
        format!("{}\n{document}\n{}\n\u{feff}{document}", one_line(), pretty_bundle().replace('\n', "\r\n"));
    assert_eq!(outcomes(mixed.as_bytes()), [READ, READ, READ, "skipped not_observation", READ]);
    let seen = read(format!("{document}\n").as_bytes());
    assert_eq!(seen[0].raw, document.as_bytes());
    assert_eq!(seen[0].id.as_deref(), Some("bp-1"));
    assert_eq!(outcomes(b"[\n1,\n2\n]\n"), ["rejected not_fhir"]);
}

#[test]
fn a_document_that_is_broken_costs_its_lines() {
    let broken = format!("{{\n\"a\": 1\n\"b\": 2}}\n{}\n", one_line());
    assert_eq!(
        outcomes(broken.as_bytes()),
        ["rejected not_json", "rejected not_json", "rejected not_json", READ]
    );
    let trailing = format!("{{\n}} x\n{}\n", one_line());
    assert_eq!(outcomes(trailing.as_bytes()), ["rejected not_json", "rejected not_json", READ]);
}

#[test]
fn entries_of_a_bundle_stand_for_themselves() {
    let inner: Value = serde_json::from_str(&bundle(&[("", observation()), ("", observation())])).unwrap();
    let empty = json!({"resourceType": "Bundle", "type": "searchset"});
    let mut outer: Value =
        serde_json::from_str(&bundle(&[("", observation()), ("", inner), ("", empty), ("", observation())]))
            .unwrap();
    let odd = [
        json!(null),
        json!(5),
        json!({}),
        json!({"resource": null}),
        json!({"resource": 5}),
        json!({"resource": {}}),
    ];
    outer["entry"].as_array_mut().unwrap().extend(odd);
    let seen = read(outer.to_string().as_bytes());
    let found: Vec<_> = seen.iter().map(|seen| (seen.index, seen.outcome.as_str())).collect();
    let expected = [
        READ,
        READ,
        READ,
        "skipped empty_bundle",
        READ,
        "skipped not_observation",
        "rejected not_fhir",
        "skipped not_observation",
        "skipped not_observation",
        "rejected not_fhir",
        "rejected not_fhir",
    ];
    let expected: Vec<_> = (0..).map(Some).zip(expected).collect();
    assert_eq!(found, expected);
    assert_eq!(seen[0].raw, observation().to_string().as_bytes());
    assert_eq!(seen[6].raw, b"5");
}

#[test]
fn one_bad_entry_costs_one_entry() {
    let resource = one_line();
    for bad in [
        r#"{"fullUrl":1e999}"#.to_owned(),
        r#"{"fullUrl":"\ud83d"}"#.to_owned(),
        r#"{"resource":{},"resource":{}}"#.to_owned(),
        format!(r#"{{"resource":{resource},"fullUrl":"a","fullUrl":"b"}}"#),
        r#"{"resource":{"resourceType":"Observation","status":1e999}}"#.to_owned(),
    ] {
        let text = format!(
            r#"{{"resourceType":"Bundle","entry":[{{"resource":{resource}}},{bad},{{"resource":{resource}}}]}}"#
        );
        assert_eq!(outcomes(text.as_bytes()), [READ, "rejected not_fhir", READ], "{bad}");
    }
}

#[test]
fn a_bundle_without_entries_is_one_entry() {
    for (fields, outcome) in [
        (json!({}), "skipped empty_bundle"),
        (json!({"entry": null}), "skipped empty_bundle"),
        (json!({"entry": []}), "skipped empty_bundle"),
        (json!({"entry": {}}), "rejected not_fhir"),
        (json!({"entry": "x"}), "rejected not_fhir"),
    ] {
        let text = common::merged(json!({"resourceType": "Bundle"}), &fields).to_string();
        let seen = read(text.as_bytes());
        assert_eq!((seen.len(), seen[0].index, seen[0].outcome.as_str()), (1, None, outcome), "{fields}");
    }
}

#[test]
fn nesting_has_an_end() {
    let deep = |levels: usize| one_line().replacen('{', &format!("{{\"x\":{},", nested(levels - 1)), 1);
    assert_eq!(outcomes(deep(128).as_bytes()), [READ]);
    assert_eq!(outcomes(deep(129).as_bytes()), ["rejected too_deep"]);
    assert_eq!(outcomes(nested(128).as_bytes()), ["rejected not_fhir"]);
    assert_eq!(outcomes(nested(129).as_bytes()), ["rejected too_deep"]);
    let in_a_string = one_line().replacen('{', &format!("{{\"x\":\"\\\"{}\",", nested(500)), 1);
    assert_eq!(outcomes(in_a_string.as_bytes()), [READ]);
}

#[test]
fn an_entry_that_is_too_deep_costs_one_entry() {
    let entries = |levels: usize| {
        let deep = one_line().replacen('{', &format!("{{\"x\":{},", nested(levels - 1)), 1);
        let entry = format!("{{\"resource\":{}}}", one_line());
        format!("{{\"resourceType\":\"Bundle\",\"entry\":[{entry},{{\"resource\":{deep}}},{entry}]}}")
    };
    assert_eq!(outcomes(entries(125).as_bytes()), [READ, READ, READ]);
    assert_eq!(outcomes(entries(126).as_bytes()), [READ, "rejected too_deep", READ]);
}

#[test]
fn bundles_in_bundles_have_an_end() {
    let bundles = |levels: usize| {
        let wrap =
            |inner: String| format!("{{\"resourceType\":\"Bundle\",\"entry\":[{{\"resource\":{inner}}}]}}");
        (0..levels).fold(r#"{"resourceType":"Patient"}"#.to_owned(), |inner, _| wrap(inner))
    };
    assert_eq!(outcomes(bundles(42).as_bytes()), ["skipped not_observation"]);
    assert_eq!(outcomes(bundles(43).as_bytes()), ["rejected too_deep"]);
    assert_eq!(outcomes(bundles(5000).as_bytes()), ["rejected too_deep"]);
}

#[test]
fn it_does_not_matter_how_the_input_arrives() {
    let small = json!({"resourceType": "Observation", "id": "é\n"});
    let inputs = [
        format!(
            "\u{feff}{small}\r\n\n{{\n \"resourceType\" : \"Patient\"\r\n}}\r\n[\n[\n{small}\n]\nx\n{{\"a\":\n{small}"
        ),
        format!("{{\n}} {{\n}}\n{small}\n[1,\n2]   \n\n{{\"resourceType\": \"Bundle\"\n}}  "),
        format!("{}\n{}\n{}", pretty(&small), "{\"a\": [\"\\u12\nx", pretty(&small)),
    ];
    for input in inputs {
        let input = input.as_bytes();
        let whole = read(input);
        let line_ends = memchr::memchr_iter(b'\n', input).count();
        for first in 0..=input.len() {
            for growth in [1, 7, 64] {
                let (seen, lines) = read_incrementally(input, first, growth);
                assert_eq!(seen, whole, "{first} bytes, then {growth}: {}", String::from_utf8_lossy(input));
                assert_eq!(lines, line_ends);
            }
        }
    }
}

/// What is read from a source whose records may have this many bytes.
fn outcomes_up_to(most: usize, input: &str) -> Vec<String> {
    let source = Source { max_record_bytes: most, ..source() };
    read_from(input.as_bytes(), &source).into_iter().map(|seen| seen.outcome).collect()
}

#[test]
fn a_line_that_is_too_large_costs_one_line() {
    let padding = "x".repeat(5000);
    let input = format!("{{\"a\":\"{padding}\"}}\n{}\n", one_line());
    assert_eq!(outcomes_up_to(5000, &input), ["rejected too_large", READ]);
}

#[test]
fn a_record_has_a_limit_and_an_input_has_none() {
    let most = 5000;
    let with_padding =
        |bytes: usize| format!("{{\"resourceType\":\n\"Patient\",\"x\":\"{}\"}}", " ".repeat(bytes));
    let frame = with_padding(0).len();
    let largest = with_padding(most - frame - 1);
    assert_eq!(
        outcomes_up_to(most, &format!("{largest}\n{}\n{largest}\n", one_line())),
        ["skipped not_observation", READ, "skipped not_observation"]
    );
    let larger = with_padding(most - frame + 1);
    let found = outcomes_up_to(most, &format!("{larger}\n{}\n", one_line()));
    assert_eq!(found, ["rejected too_large", "rejected not_json", READ]);
}

#[test]
fn a_document_may_begin_where_another_ends() {
    let (line, document) = (one_line(), pretty(&serde_json::from_str(&one_line()).unwrap()));
    for input in [
        format!("{line}{line}"),
        format!("{line} \t{line}\n"),
        format!("{document}{document}\n"),
        format!("{document}{line}"),
        format!("{line}{document}\n"),
    ] {
        assert_eq!(outcomes(input.as_bytes()), [READ, READ], "{input}");
    }
    assert_eq!(outcomes(format!("{line}x\n{line}").as_bytes()), ["rejected not_json", READ]);
    assert_eq!(outcomes(format!("{line}{{x\n{line}").as_bytes()), [READ, "rejected not_json", READ]);
}

#[test]
fn input_that_opens_values_on_every_line_takes_no_time() {
    let lines = 20_000;
    for (line, last) in [("[\n", ""), ("{\"a\":\n", ""), ("[\n", "x"), ("[1,\n", "]")] {
        let input = line.repeat(lines) + last;
        let started = std::time::Instant::now();
        assert!(read(input.as_bytes()).len() >= lines);
        assert!(started.elapsed().as_secs() < 10, "{line:?}");
    }
}

#[test]
fn an_array_of_what_is_no_component_is_read_through() {
    // Elements are not kept: one component takes a hundred times the memory of the two bytes that this one has.
    let numbers = "1,".repeat(1_000_000) + "1";
    let components = with(&json!({"component": "NUMBERS"})).replace("\"NUMBERS\"", &format!("[{numbers}]"));
    assert_eq!(outcomes(components.as_bytes()), ["rejected not_fhir"]);
}

#[test]
fn an_entry_taken_out_of_its_bundle_is_the_same_entry() {
    let urn = |number: usize| format!("urn:uuid:00000000-0000-4000-8000-00000000000{number}");
    let patient = |id: &str| {
        json!({"resourceType": "Patient", "id": id, "birthDate": "2020-01-01",
        "identifier": [{"system": "urn:s", "value": format!("value of {id}")}]})
    };
    let of = |subject: Value| {
        let mut observation = observation();
        observation["subject"] = subject;
        observation
    };
    let input = bundle(&[
        (&urn(1), patient("one")),
        (&urn(2), patient("two")),
        (&urn(3), of(json!({"reference": urn(1)}))),
        ("https://b.example/Observation/4", of(json!({"reference": "Patient/two"}))),
        ("", of(json!({"identifier": {"system": "urn:s", "value": "value of two"}}))),
        ("", json!("no resource")),
        ("", json!({"resourceType": "Bundle", "entry": {}})),
    ]);
    let source = source();
    let mut apart = Vec::new();
    bpmonitor_clinical::read_all(input.as_bytes(), &common::context(&source), &mut |entry| {
        apart.push((common::see(&entry), entry.standalone()));
    });
    assert_eq!(apart.len(), 7);
    for (seen, alone) in apart {
        let first = read(&alone).remove(0);
        assert_eq!(common::Seen { index: seen.index, ..first }, seen, "{}", String::from_utf8_lossy(&alone));
    }
}
