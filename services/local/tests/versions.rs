//! Guarantee 3: an Observation is one document, its newest version holds, corrections and withdrawals replace it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_test_support::observations::{at, lines, observation, updated, with, withdrawal};
use common::ward::{Ward, id};
use serde_json::{Value, json};

const MARCH: &str = "2024-03-01T08:00:00Z";
const APRIL: &str = "2024-04-01T08:00:00Z";
const MAY: &str = "2024-05-01T08:00:00Z";

fn anomaly(last_updated: &str, status: &str) -> Value {
    updated(observation("o", "1", 150, 95), last_updated, status)
}

fn normal(last_updated: &str, status: &str) -> Value {
    updated(observation("o", "1", 118, 76), last_updated, status)
}

/// What is in force after these, read one by one: an anomaly's and an archived reading's systolic pressure.
fn in_force(resources: &[Value]) -> [Option<i32>; 2] {
    let systolic =
        |document: &Value| document["systolic_pressure"].to_string().trim_end_matches(".0").parse().unwrap();
    let states = [resources.len(), 1].map(|together| {
        let ward = Ward::new();
        for (number, some) in resources.chunks(together).enumerate() {
            let input = ward.write(&format!("{number}.ndjson"), lines(some));
            ward.run(&[&input]).good();
        }
        let (held, files) = (ward.held(), ward.export("day"));
        let anomalies = held.anomalies();
        assert!(held.documents.len() <= 1 && files.len() <= 1, "one Observation is one document");
        let archived = files.first().map(|(_, readings)| {
            assert_eq!(readings.len(), 1);
            systolic(&readings[0])
        });
        [anomalies.first().map(|document| systolic(document)), archived]
    });
    assert_eq!(states[0], states[1], "in one batch or several");
    states[0]
}

#[test]
fn the_newest_version_holds_whichever_comes_first() {
    let (anomaly_150, anomaly_160) = (
        anomaly(MARCH, "final"),
        with(anomaly(APRIL, "amended"), &json!({"component": observation("", "", 160, 95)["component"]})),
    );
    let (normal_118, normal_117) = (
        normal(MARCH, "final"),
        with(normal(APRIL, "amended"), &json!({"component": observation("", "", 117, 76)["component"]})),
    );
    for (name, resources, expected) in [
        ("newer anomaly", vec![anomaly_150.clone(), anomaly_160.clone()], [Some(160), None]),
        ("late older anomaly", vec![anomaly_160.clone(), anomaly_150.clone()], [Some(160), None]),
        ("newer normal", vec![normal_118.clone(), normal_117.clone()], [None, Some(117)]),
        ("late older normal", vec![normal_117.clone(), normal_118.clone()], [None, Some(117)]),
        ("anomaly to normal", vec![anomaly_150.clone(), normal_117.clone()], [None, Some(117)]),
        ("normal to anomaly", vec![normal_118.clone(), anomaly_160.clone()], [Some(160), None]),
        (
            "late anomaly behind its correction",
            vec![normal_117.clone(), anomaly_150.clone()],
            [None, Some(117)],
        ),
        (
            "late normal behind its correction",
            vec![anomaly_160.clone(), normal_118.clone()],
            [Some(160), None],
        ),
    ] {
        assert_eq!(in_force(&resources), expected, "{name}");
    }
}

#[test]
fn of_equal_versions_the_later_holds() {
    let (high, low) = (
        anomaly(MARCH, "final"),
        with(anomaly(MARCH, "final"), &json!({"component": observation("", "", 145, 95)["component"]})),
    );
    assert_eq!(in_force(&[high.clone(), low.clone()]), [Some(145), None]);
    assert_eq!(in_force(&[low, high]), [Some(150), None]);
    let corrected = normal(MARCH, "corrected");
    assert_eq!(in_force(&[anomaly(MARCH, "final"), corrected]), [None, Some(118)]);
}

#[test]
fn a_version_number_orders_the_same_millisecond() {
    let numbered = |systolic: u32, number: &str| {
        with(
            observation("o", "1", systolic, 95),
            &json!({"meta": {"lastUpdated": MARCH, "versionId": number}}),
        )
    };
    assert_eq!(in_force(&[numbered(150, "10"), numbered(160, "9")]), [Some(150), None]);
    let normal = with(numbered(118, "3"), &json!({"component": observation("", "", 118, 76)["component"]}));
    assert_eq!(in_force(&[numbered(150, "2"), normal.clone()]), [None, Some(118)]);
    assert_eq!(in_force(&[normal, numbered(150, "2")]), [None, Some(118)]);
}

#[test]
fn what_is_withdrawn_stays_withdrawn() {
    for (name, first) in [("anomaly", anomaly(MARCH, "final")), ("normal", normal(MARCH, "final"))] {
        let withdrawn = withdrawal("o", APRIL);
        assert_eq!(in_force(&[first.clone(), withdrawn.clone()]), [None, None], "{name}");
        assert_eq!(in_force(&[withdrawn.clone(), first.clone()]), [None, None], "{name}: late");
        assert_eq!(in_force(&[first.clone(), withdrawn.clone(), first]), [None, None], "{name}: again");
    }
    assert_eq!(in_force(&[withdrawal("o", APRIL), anomaly(MAY, "corrected")]), [Some(150), None]);
    assert_eq!(in_force(&[withdrawal("o", APRIL), normal(MAY, "corrected")]), [None, Some(118)]);
}

#[test]
fn a_correction_to_normal_and_a_withdrawal_are_tombstones() {
    let ward = Ward::new();
    let input = ward
        .write("in.ndjson", lines([anomaly(MARCH, "final"), normal(APRIL, "amended"), withdrawal("p", MAY)]));
    ward.run(&[&input]).good();
    let held = ward.held();
    let mut stored: Vec<Value> =
        held.documents.values().map(|(_, it)| json!([it["observation_id"], it["withdrawn"]])).collect();
    stored.sort_by_key(ToString::to_string);
    assert_eq!(stored, [json!(["o", true]), json!(["p", true])]);
}

#[test]
fn a_redelivery_changes_nothing() {
    let ward = Ward::new();
    let text = lines([
        observation("a", "1", 118, 76),
        observation("b", "1", 150, 95),
        updated(observation("a", "1", 119, 76), APRIL, "amended"),
        withdrawal("c", APRIL),
    ]);
    let first = ward.write("first.ndjson", &text);
    ward.run(&[&first]).good();
    let (documents, exported) = (ward.held().documents, ward.export("day"));
    let second = ward.write("second.ndjson", &text);
    ward.run(&[&second]).good();
    let mut exported_again = ward.export("day");
    for (_, readings) in &mut exported_again {
        for reading in readings {
            reading["processed_datetime"] = exported[0].1[0]["processed_datetime"].clone();
        }
    }
    assert_eq!(ward.held().documents, documents);
    assert_eq!(exported_again, exported);
}

#[test]
fn ids_belong_to_their_server_and_where_they_are_not_unique_the_content_tells() {
    let ward = Ward::new();
    let bundle = json!({"resourceType": "Bundle", "entry": [
        {"fullUrl": "https://one.example/Observation/o", "resource": observation("o", "1", 118, 76)},
        {"fullUrl": "https://two.example/Observation/o", "resource": observation("o", "1", 118, 76)},
        {"fullUrl": "https://two.example/Observation/o", "resource": observation("o", "1", 118, 76)},
    ]});
    let input = ward.write("in.json", bundle.to_string());
    ward.run(&[&input]).good();
    assert_eq!(ward.exported_ids(), ["o", "o"]);

    let ward = Ward::new();
    ward.set_spec(&json!({"source": {"uniqueIds": false}}));
    let same = observation("o", "1", 118, 76);
    let input = ward.write(
        "in.ndjson",
        lines([
            same.clone(),
            with(same.clone(), &json!({"id": "p"})),
            with(same.clone(), &json!({"id": null})),
            at(same.clone(), MAY),
            observation("o", "2", 118, 76),
            observation("o", "1", 118, 75),
        ]),
    );
    ward.run(&[&input]).good();
    assert_eq!(ward.exported_ids().len(), 4);
    let back = with(at(same, MAY), &json!({"status": "cancelled", "meta": {"lastUpdated": MAY}}));
    let input = ward.write("back.ndjson", lines([back]));
    ward.run(&[&input]).good();
    assert_eq!(ward.exported_ids().len(), 3);
    assert!(ward.tail().iter().any(|document| id(document) == "o" && document["withdrawn"] == true));
}
