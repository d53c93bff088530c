//! Every number of an overview is what counting the readings one by one gives.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

mod common;

use std::collections::BTreeMap;

use bpmonitor_clinical::{Category, Severity};
use bpmonitor_pipeline::embedded::view::{Range, Selection};
use common::{Made, Model, SEVERITIES, Ward, What, Written, ago, patient};
use enumset::EnumSet;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// From, to, and the lengths of bars and columns, in seconds since 1970.
fn frame(range: Range, now: i64, readings: &[(&Made, bool)]) -> (i64, i64, i64, i64) {
    let (hour, day) = (now / HOUR * HOUR, now / DAY * DAY);
    match range {
        Range::Hour => (hour - HOUR, hour + HOUR, 60, HOUR),
        Range::SixHours => (hour - 6 * HOUR, hour + HOUR, 300, HOUR),
        Range::Day => (hour - DAY, hour + HOUR, 1800, HOUR),
        Range::Week => (hour - 7 * DAY, hour + HOUR, 6 * HOUR, 6 * HOUR),
        Range::Month => (day - 30 * DAY, day + DAY, DAY, DAY),
        Range::All => {
            let days = || readings.iter().map(|(made, _)| made.effective.as_second() / DAY);
            let (first, last) = (days().min().unwrap_or(day / DAY), days().max().unwrap_or(day / DAY));
            let step = (1..10_000).find(|step| (last - first + step) / step <= 60).unwrap();
            let steps = (last - first + step) / step;
            (first * DAY, (first + steps * step) * DAY, step * DAY, step * DAY)
        }
    }
}

fn mean(sides: impl Iterator<Item = Option<u16>>) -> Value {
    let sides: Vec<u64> = sides.flatten().map(u64::from).collect();
    if sides.is_empty() {
        return Value::Null;
    }
    let n = sides.len() as u64;
    let tenths = (2 * sides.iter().sum::<u64>() + n) / (2 * n);
    json!(tenths as f64 / 10.0)
}

fn means(of: &[&Made]) -> [Value; 2] {
    [mean(of.iter().map(|made| made.systolic)), mean(of.iter().map(|made| made.diastolic))]
}

fn with(of: &[&Made], severity: Severity) -> usize {
    of.iter().filter(|made| made.category.severity() == severity).count()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn steps(from: i64, to: i64, step: i64) -> Vec<(i64, i64)> {
    (from..to).step_by(step as usize).map(|start| (start, start + step)).collect()
}

fn within<'m>(of: &[&'m Made], (from, to): (i64, i64)) -> Vec<&'m Made> {
    of.iter().copied().filter(|made| (from..to).contains(&made.effective.as_second())).collect()
}

fn row(number: u8, of: &[&Made], columns: &[(i64, i64)]) -> Value {
    let cell = |column: &(i64, i64)| {
        let of = within(of, *column);
        let worst = of.iter().map(|made| made.category.severity()).max()?;
        let [systolic, diastolic] = means(&of);
        Some(
            json!({"readings": of.len(), "systolic_mean": systolic, "diastolic_mean": diastolic, "severity": worst}),
        )
    };
    let [systolic, diastolic] = means(of);
    json!({
        "patient": patient(number), "name": null, "readings": of.len(), "critical": with(of, Severity::Critical),
        "high": with(of, Severity::High), "systolic_mean": systolic, "diastolic_mean": diastolic,
        "cells": columns.iter().map(cell).collect::<Vec<_>>(),
    })
}

/// The answer but for the order of what ranks the same, which is left out.
fn naive(model: &Model, selection: &Selection) -> Value {
    let all: Vec<(&Made, bool)> = model.all().map(|(_, made, anomaly)| (made, anomaly)).collect();
    let (from, to, bar, column) = frame(selection.range, selection.now.as_second(), &all);
    let is_meant = |made: &Made| {
        (from..to).contains(&made.effective.as_second())
            && (selection.categories.is_empty() || selection.categories.contains(made.category))
            && selection.patient.as_ref().is_none_or(|one| *one == patient(made.patient))
    };
    let meant: Vec<(&Made, bool)> = all.into_iter().filter(|(made, _)| is_meant(made)).collect();
    let made: Vec<&Made> = meant.iter().map(|(made, _)| *made).collect();
    let mut by_patient: BTreeMap<u8, Vec<&Made>> = BTreeMap::new();
    for made in &made {
        by_patient.entry(made.patient).or_default().push(made);
    }
    let columns = steps(from, to, column);
    let bucket = |bar: (i64, i64)| {
        let of = within(&made, bar);
        let [none, moderate, high, critical] = SEVERITIES.map(|severity| with(&of, severity));
        json!({"start": at(bar.0), "none": none, "moderate": moderate, "high": high, "critical": critical})
    };
    let category = |category: Category| {
        let of: Vec<&Made> = made.iter().copied().filter(|made| made.category == category).collect();
        let [systolic, diastolic] = means(&of);
        json!({"category": category, "severity": category.severity(), "readings": of.len(), "systolic_mean": systolic,
               "diastolic_mean": diastolic})
    };
    let mut critical: Vec<i64> = made
        .iter()
        .filter(|made| made.category == Category::HypertensiveCrisis)
        .map(|made| made.effective.as_second())
        .collect();
    critical.sort_unstable_by(|one, other| other.cmp(one));
    critical.truncate(10);
    let [systolic, diastolic] = means(&made);
    json!({
        "as_of": selection.now, "range": selection.range.id(), "from": at(from), "to": at(to),
        "totals": {
            "readings": made.len(), "anomalies": meant.iter().filter(|(_, anomaly)| *anomaly).count(),
            "critical": with(&made, Severity::Critical), "patients": by_patient.len(),
            "systolic_mean": systolic, "diastolic_mean": diastolic,
        },
        "categories": Category::ALL.map(category),
        "severities": {"step_seconds": bar, "buckets": steps(from, to, bar).into_iter().map(bucket).collect::<Vec<_>>()},
        "heat_map": {
            "step_seconds": column,
            "starts": columns.iter().map(|(start, _)| at(*start)).collect::<Vec<_>>(),
            "patients": by_patient.iter().map(|(number, of)| row(*number, of, &columns)).collect::<Vec<_>>(),
        },
        "latest_critical": critical.into_iter().map(at).collect::<Vec<_>>(),
    })
}

/// Checks the order of the patients, and puts what ranks the same in one order.
fn in_one_order(mut answer: Value) -> Value {
    let rows = answer["heat_map"]["patients"].as_array_mut().unwrap();
    let rank = |row: &Value| {
        let mean = row["systolic_mean"].as_f64().map_or(-1, |mean| (mean * 10.0).round() as i64);
        (row["critical"].as_i64(), row["high"].as_i64(), mean)
    };
    assert!(rows.is_sorted_by(|one, other| rank(one) >= rank(other)), "{rows:#?}");
    rows.sort_by_key(|row| row["patient"].to_string());
    let critical = answer["latest_critical"].as_array_mut().unwrap();
    for reading in critical {
        *reading = reading["effective"].clone();
    }
    answer
}

prop_compose! {
    fn made()(patient in 0..6_u8, days in 0..90_i64, seconds in -7200..86_400_i64, recent in 0..3_i64, category in 0..6_usize,
              systolic in proptest::option::of(600..2500_u16), diastolic in proptest::option::of(300..1500_u16)) -> Made {
        let days = [days, days / 12, 0][recent as usize];
        Made { patient, effective: ago(days * DAY + seconds), category: Category::ALL[category], systolic, diastolic }
    }
}

fn batch() -> impl Strategy<Value = Vec<Written>> {
    let what = prop_oneof![made().prop_map(What::Anomaly), made().prop_map(What::Normal)];
    let written = (any::<u8>(), 0..3_i64, any::<bool>(), what)
        .prop_map(|(id, version, is_correction, what)| Written { id, version, is_correction, what });
    proptest::collection::vec(written, 1..80)
}

prop_compose! {
    fn selection()(range in 0..6_usize, categories in 0..64_u8, all: bool, patient_number in proptest::option::of(0..7_u8),
                   hours_ago in -30..1000_i64, now: bool) -> Selection {
        let chosen = Category::ALL.into_iter().filter(|category| categories & (1 << *category as u8) != 0);
        let ago = if now { 0 } else { hours_ago };
        Selection {
            range: Range::ALL[range],
            categories: if all { EnumSet::empty() } else { chosen.collect() },
            patient: patient_number.map(patient),
            now: Timestamp::now() - SignedDuration::from_hours(ago),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn an_overview_is_what_counting_gives(
        batches in proptest::collection::vec(batch(), 1..4),
        selections in proptest::collection::vec(selection(), 24),
    ) {
        let (ward, mut model) = (Ward::new(), Model::default());
        for batch in &batches {
            ward.take_in(batch);
            model.take_in(batch);
        }
        let view = ward.store().view().unwrap();
        for selection in selections {
            let answer = serde_json::to_value(view.overview(&selection).unwrap()).unwrap();
            prop_assert_eq!(in_one_order(answer), naive(&model, &selection), "{:?}", selection);
        }
    }
}

#[test]
fn a_view_answers_as_documented() {
    let ward = Ward::new();
    let made = |category, systolic, diastolic| Made {
        patient: 7,
        effective: ago(60),
        category,
        systolic,
        diastolic,
    };
    let crisis = made(Category::HypertensiveCrisis, Some(1910), Some(1185));
    let anomaly = Written { id: 1, version: 1, is_correction: false, what: What::Anomaly(crisis.clone()) };
    let normal = made(Category::Normal, Some(1100), None);
    let normal = Written { id: 2, version: 1, is_correction: false, what: What::Normal(normal) };
    let withdrawn = Written { id: 3, version: 1, is_correction: false, what: What::Withdrawal };
    ward.take_in(&[anomaly.clone(), normal.clone(), withdrawn]);
    let view = ward.store().view().unwrap();
    let now = Timestamp::now();

    let overview = serde_json::to_value(view.overview(&Selection::of(Range::Hour, now)).unwrap()).unwrap();
    let id = anomaly.key().to_string();
    assert_eq!(
        overview["latest_critical"],
        json!([{"id": id, "observation_id": "observation", "patient": "07-patient", "name": null, "effective": crisis.effective,
                "systolic": 191, "diastolic": 118.5, "category": "hypertensive_crisis", "reasons": ["systolic_hypertension"],
                "flags": []}])
    );
    let patients = |query| serde_json::to_value(view.patients(query, 50).unwrap()).unwrap();
    let found = json!([{"patient": "07-patient", "name": null, "readings": 2, "critical": 1}]);
    assert_eq!(patients("07"), json!({"total": 1, "patients": found}));
    assert_eq!(patients("patient"), json!({"total": 1, "patients": []}), "a key is found by its beginning");

    let readings = view.patient_readings("07-patient", &Selection::of(Range::All, now)).unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(readings).unwrap(),
        json!({"patient": "07-patient", "name": null, "from": null, "to": null, "total": 2, "truncated": false,
               "readings": [
                   {"id": normal.key().to_string(), "effective": crisis.effective, "systolic": 110, "diastolic": null, "category": "normal"},
                   {"id": id, "effective": crisis.effective, "systolic": 191, "diastolic": 118.5, "category": "hypertensive_crisis"}]})
    );
    assert!(view.patient_readings("nobody", &Selection::of(Range::All, now)).unwrap().is_none());
    assert_eq!(
        serde_json::to_value(view.rejections(20).unwrap()).unwrap(),
        json!({"total": 0, "reasons": [], "latest": []})
    );
}
