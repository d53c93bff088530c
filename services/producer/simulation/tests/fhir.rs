//! The bytes: the FHIR that they are, and what the clinical rules make of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::HashSet;

use bpmonitor_clinical::{
    Category as Assessed, Entry, Finding, ReadContext, RejectionReason, Source, Thresholds, assess, read_all,
};
use bpmonitor_simulation::{Category, History, Locale, Mix, Observation, Settings};
use common::{first, pressure, ward};
use serde_json::{Value, json};

const START: &str = "2026-03-01T00:00:00Z";

const fn assessed(category: Category) -> Assessed {
    match category {
        Category::Hypotension => Assessed::Hypotension,
        Category::Normal => Assessed::Normal,
        Category::Elevated => Assessed::Elevated,
        Category::Stage1 => Assessed::HypertensionStage1,
        Category::Stage2 => Assessed::HypertensionStage2,
        Category::Crisis => Assessed::HypertensiveCrisis,
    }
}

fn check_entry(entry: &Entry<'_>, observation: &Observation, thresholds: &Thresholds) {
    let Finding::Reading(reading) = &entry.finding else { panic!("{:?}", entry.finding) };
    assert!(reading.flags.is_empty(), "{:?}", reading.flags);
    assert_eq!(reading.effective.as_millisecond(), observation.due.as_millisecond());
    let assessment: Result<_, RejectionReason> = assess(reading, thresholds, None);
    assert_eq!(assessment.unwrap().category, assessed(observation.category), "{:?}", pressure(observation));
}

fn check(settings: &Settings, most: usize) {
    let (source, thresholds) = (Source::default(), Thresholds::default());
    for observation in first(settings, START, most) {
        let now = observation.due;
        let context = ReadContext { source: &source, now, record_time: now };
        let mut entries = 0;
        read_all(&observation.json, &context, &mut |entry| {
            entries += 1;
            check_entry(&entry, &observation, &thresholds);
        });
        assert_eq!(entries, 1);
        let (systolic, diastolic) = pressure(&observation);
        let pulse = systolic - diastolic;
        assert!(pulse >= 20 && pulse * 5 > systolic, "{systolic}/{diastolic}");
        assert!((74..216).contains(&systolic) && (40..136).contains(&diastolic), "{systolic}/{diastolic}");
    }
}

#[test]
fn is_read_without_doubt_and_assessed_as_meant() {
    let even = Mix { normal: 1.0, elevated: 1.0, stage1: 1.0, stage2: 1.0, crisis: 1.0, hypotension: 1.0 };
    check(&Settings { mix: even, ..ward(1000, 100.0) }, 60_000);
    check(&Settings { history: History { days: 30, readings_per_day: 5 }, ..ward(60, 1.0) }, 10_000);
}

#[test]
fn is_read_in_every_language() {
    for language in Locale::languages() {
        check(&Settings { locale: language.parse().unwrap(), ..ward(500, 100.0) }, 500);
    }
}

#[test]
fn is_the_observation_that_the_profile_asks_for() {
    let settings = Settings { history: History { days: 1, readings_per_day: 2 }, ..ward(7, 3.0) };
    let observations = first(&settings, START, 20);
    let observation = &observations[16];
    let (systolic, diastolic) = pressure(observation);
    let quantity = |value: u16| json!({ "value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]" });
    let loinc = |code: &str, display: &str| json!({ "coding": [{ "system": "http://loinc.org", "code": code, "display": display }] });
    let mut found: Value = serde_json::from_slice(&observation.json).unwrap();
    let name = found["subject"]["display"].take();
    assert!(name.as_str().unwrap().contains(' '));
    assert_eq!(
        found,
        json!({
            "resourceType": "Observation",
            "id": "sim-42-16",
            "meta": {
                "lastUpdated": "2026-03-01T00:00:01.000Z",
                "profile": ["http://hl7.org/fhir/StructureDefinition/bp"],
            },
            "status": "final",
            "category": [{ "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "vital-signs",
                "display": "Vital Signs",
            }] }],
            "code": loinc("85354-9", "Blood pressure panel with all children optional"),
            "subject": { "reference": format!("Patient/sim-42-{}", observation.patient), "display": null },
            "effectiveDateTime": "2026-03-01T00:00:01.000Z",
            "component": [
                { "code": loinc("8480-6", "Systolic blood pressure"), "valueQuantity": quantity(systolic) },
                { "code": loinc("8462-4", "Diastolic blood pressure"), "valueQuantity": quantity(diastolic) },
            ],
        })
    );
}

#[test]
fn every_id_is_met_once() {
    let settings = Settings { history: History { days: 3, readings_per_day: 3 }, ..ward(100, 1000.0) };
    let observations = first(&settings, START, 20_000);
    let ids: HashSet<String> = observations
        .iter()
        .map(|observation| {
            let found: Value = serde_json::from_slice(&observation.json).unwrap();
            found["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), observations.len());
}
