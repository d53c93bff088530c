//! `bpmonitor rejected`: what could not be read, and reading it again after a fix.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_test_support::observations::{at, lines, observation, with};
use common::ward::{Ward, id};
use serde_json::{Value, json};

/// A second ahead of any clock, an Observation without a status, nonsense, and a Bundle with a bad entry in it.
fn some() -> String {
    let bad = with(observation("no-status", "1", 118, 76), &json!({"status": null}));
    let ahead = at(observation("ahead", "1", 118, 76), "2100-01-01T00:00:00Z");
    let bundle = json!({"resourceType": "Bundle", "entry": [
        {"fullUrl": "https://one.example/Observation/good", "resource": observation("good", "1", 118, 76)},
        {"fullUrl": "https://one.example/Observation/ahead-2", "resource": at(observation("ahead-2", "1", 150, 95), "2100-01-01T00:00:00Z")},
    ]});
    format!("{bad}\n{ahead}\nnonsense\n{bundle:#}\n")
}

fn begun() -> Ward {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", some());
    assert_eq!(ward.run(&[&input]).good().count("rejected"), Some(4));
    ward
}

fn reasons(ward: &Ward) -> Vec<Value> {
    ward.rejected().iter().map(|row| json!([row["reason"], row["at"]["line"], row["at"]["entry"]])).collect()
}

#[test]
fn the_list_says_where_and_why() {
    let ward = begun();
    assert_eq!(
        reasons(&ward),
        [
            json!(["no_status", 1, null]),
            json!(["future", 2, null]),
            json!(["not_json", 3, null]),
            json!(["future", 4, 1])
        ]
    );
    let row = ward.rejected().remove(2);
    assert_eq!(row["bytes"], 8);
    assert_eq!(row["at"]["file"].as_str(), ward.path("in.ndjson").canonicalize().unwrap().to_str());
    assert!(row["message"].as_str().unwrap().contains("JSON"));
    let table = ward.does(&["rejected", "list", "-o", "table"]).good().out;
    assert!(table.contains("in.ndjson:4 entry 1") && table.contains("no_status"), "{table}");
}

#[test]
fn one_is_shown_as_it_was_received() {
    let ward = begun();
    let number = ward.rejected()[2]["number"].to_string();
    assert_eq!(ward.does(&["rejected", "show", &number]).good().out, "nonsense\n");
    ward.does(&["rejected", "show", "999"]).failed(2, &["999", "rejected list"]);
    ward.does(&["rejected", "show", "0"]).failed(2, &["rejected list"]);
    ward.does(&["rejected", "show", "-9223372036854775808"]).failed(2, &[]);
    ward.does(&["rejected", "show", "one"]).failed(2, &["one"]);
}

#[test]
fn what_a_changed_manifest_makes_readable_is_stored_and_the_rest_stays() {
    let ward = begun();
    let replay = ward.does(&["rejected", "replay"]).good();
    assert_eq!((replay.count("entries"), replay.count("rejected")), (Some(4), Some(4)));
    assert_eq!(reasons(&ward).len(), 4);

    ward.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    let replay = ward.does(&["rejected", "replay", "-f", ward.manifest().to_str().unwrap()]).good();
    let counts = ["entries", "anomalies", "normal", "rejected"].map(|name| replay.count(name).unwrap());
    assert_eq!(counts, [4, 1, 1, 2]);
    assert_eq!(reasons(&ward), [json!(["no_status", 1, null]), json!(["not_json", 3, null])]);
    assert_eq!(ward.exported_ids(), ["ahead", "good"]);
    assert_eq!(ward.held().anomalies().iter().map(|it| id(it)).collect::<Vec<_>>(), ["ahead-2"]);
    let replay = ward.does(&["rejected", "replay"]).good();
    assert_eq!((replay.count("entries"), replay.count("rejected")), (Some(2), Some(2)));
}

#[test]
fn an_entry_of_a_bundle_keeps_its_place_and_its_server() {
    let ward = begun();
    ward.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    let replay = ward.does(&["rejected", "replay", "-f", ward.manifest().to_str().unwrap()]).good();
    assert_eq!(replay.count("anomalies"), Some(1));
    // The same document, were the Bundle read anew with the new manifest.
    let anew = Ward::new();
    anew.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    let anew = anew.with_key_of(&ward);
    anew.run(&[&ward.path("in.ndjson")]).good();
    assert_eq!(ward.held().documents, anew.held().documents);
}

#[test]
fn nothing_rejected_is_said_so() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "1", 118, 76).to_string());
    ward.run(&[&input]).good();
    assert!(ward.does(&["rejected", "replay"]).good().out.contains("nothing is rejected"));
    assert_eq!(ward.does(&["rejected", "list"]).good().out, "");
}

#[test]
fn many_are_all_listed_and_replayed() {
    let ward = Ward::new();
    let count = 3000;
    let ahead = |n| at(observation(&format!("o{n}"), "1", 118, 76), "2100-01-01T00:00:00Z");
    let mut text = lines((0..count).map(ahead));
    text += &"nonsense\n".repeat(1500);
    let input = ward.write("in.ndjson", text);
    ward.run(&[&input]).good();
    assert_eq!(ward.rejected().len(), 4500);
    ward.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    ward.does(&["rejected", "replay", "-f", ward.manifest().to_str().unwrap()]).good();
    assert_eq!(ward.rejected().len(), 1500);
    assert_eq!(ward.exported_ids().len(), count);
}

#[test]
fn a_number_is_never_given_again() {
    let ward = begun();
    let before: Vec<i64> = ward.rejected().iter().map(|row| row["number"].as_i64().unwrap()).collect();
    ward.set_spec(&json!({"source": {"maxSkew": "40000d"}}));
    ward.does(&["rejected", "replay", "-f", ward.manifest().to_str().unwrap()]).good();
    ward.does(&["erase", "--patient", "1"]).good();
    let input = ward.write("more.ndjson", "more nonsense\n");
    ward.run(&[&input]).good();
    let rows = ward.rejected();
    let newest = rows.last().unwrap();
    assert!(newest["at"]["file"].as_str().unwrap().ends_with("more.ndjson"));
    assert!(newest["number"].as_i64() > before.iter().max().copied(), "{before:?} {rows:#?}");
}

#[test]
fn a_bundle_in_a_bundle_that_is_rejected_again_stays() {
    let ward = Ward::new();
    let inner = json!({"resourceType": "Bundle", "entry": {}});
    let outer = json!({"resourceType": "Bundle", "entry": [{"resource": inner}]});
    let input = ward.write("in.ndjson", format!("{outer}\n"));
    ward.run(&[&input]).good();
    let before = reasons(&ward);
    assert_eq!(before, [json!(["not_fhir", 1, 0])]);
    assert_eq!(ward.does(&["rejected", "replay"]).good().count("rejected"), Some(1));
    assert_eq!(reasons(&ward), before);
}
