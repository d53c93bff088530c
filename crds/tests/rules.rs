//! Every rule of the definition, kept and broken, through kube's own CEL validation.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failing helper fails its test")]

mod common;

use std::collections::BTreeSet;

use bpmonitor_crds::{BpMonitor, BpMonitorSpec, NAME_MAX_LENGTH, definition};
use common::{Case, NAME_RULE, WRONG_NAMES, cases};
use kube::core::cel::{Validator, compile_schema};
use serde_json::{Value, json};

/// What is wrong with one of the two specs of a case, as `path: message`.
fn outcome(case: &Case, spec: &Value) -> Vec<String> {
    let now = monitor("ward-3", spec);
    let outcome = match &case.was {
        Some(was) => now.validate_cel_update(&monitor("ward-3", was)),
        None => now.validate_cel(),
    };
    outcome.err().into_iter().flatten().map(|error| error.to_string()).collect()
}

fn monitor(name: &str, spec: &Value) -> BpMonitor {
    let spec: BpMonitorSpec = serde_json::from_value(spec.clone()).expect("a spec with the right structure");
    BpMonitor::new(name, spec)
}

fn schema() -> Value {
    json!(definition().spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema)
}

#[test]
fn what_keeps_a_rule_is_accepted() {
    for case in cases() {
        assert_eq!(outcome(&case, &case.accepted), [""; 0], "{}", case.accepted);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_message() {
    for case in cases() {
        assert_eq!(
            outcome(&case, &case.refused),
            [format!("{}: {}", case.at, case.says)],
            "{}",
            case.refused
        );
    }
}

#[test]
fn every_rule_has_a_case() {
    let mut tried: BTreeSet<(String, String)> =
        cases().into_iter().map(|case| (case.at.replace("[0]", "[]"), case.says)).collect();
    tried.insert((String::new(), NAME_RULE.to_owned()));
    let mut stated = BTreeSet::new();
    collect_rules(&schema(), "", &mut stated);
    assert_eq!(stated, tried);
}

/// The rules of a schema, as the path of the failure and its message.
fn collect_rules(schema: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let at = rule["fieldPath"].as_str().unwrap_or_default();
        let says = rule["message"].as_str().expect("every rule has a message");
        assert!(rule["reason"].is_string(), "every rule has a reason: {says}");
        found.insert((format!("{path}{at}"), says.to_owned()));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect_rules(property, format!("{path}.{name}").trim_start_matches('.'), found);
    }
    if let Some(items) = schema.get("items") {
        collect_rules(items, &format!("{path}[]"), found);
    }
}

#[test]
fn the_name_is_a_short_label() {
    let longest = "w".repeat(NAME_MAX_LENGTH);
    for name in ["ward-3", "w", longest.as_str()] {
        assert!(monitor(name, &json!({})).validate_cel().is_ok(), "{name}");
    }
    let too_long = "w".repeat(NAME_MAX_LENGTH + 1);
    for name in WRONG_NAMES.into_iter().chain(["Ward", "ward_3", &too_long]) {
        let errors = monitor(name, &json!({})).validate_cel().expect_err(name);
        assert_eq!(errors[0].message, NAME_RULE);
    }
}

#[test]
fn the_longest_name_leaves_room_for_what_derives_from_it() {
    let pod = format!("{}-classifier-0123456789-01234", "w".repeat(NAME_MAX_LENGTH));
    assert_eq!(pod.len(), 63);
}

#[test]
fn every_pair_of_limits_is_compared() {
    let bands = ["hypotension", "elevated", "stage1", "stage2", "crisis"];
    let (validator, rules) = (Validator::new(), compile_schema(&schema()));
    let accepted = |lower: (&str, u16), upper: (&str, u16), side: &str| {
        let mut spec = json!({"thresholds": {}});
        spec["thresholds"][lower.0][side] = json!(lower.1);
        spec["thresholds"][upper.0][side] = json!(upper.1);
        validator.validate_compiled(&rules, &json!(monitor("ward-3", &spec)), None).is_ok()
    };
    for (index, lower) in bands.iter().enumerate() {
        for upper in &bands[index + 1..] {
            for side in ["systolic", "diastolic"] {
                let what = format!("{lower} {upper} {side}");
                assert!(accepted((lower, 100), (upper, 101), side), "{what}");
                assert!(!accepted((lower, 101), (upper, 100), side), "{what}");
                let may_be_equal = (*lower, *upper) == ("stage2", "crisis");
                assert_eq!(accepted((lower, 100), (upper, 100), side), may_be_equal, "{what}");
            }
        }
    }
}
