//! What the pipeline takes from a manifest.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::fs;

use bpmonitor_settings::SettingsError;
use bpmonitor_settings::manifest::{Settings, parse, read};
use jiff::SignedDuration;

const WARD: &str = "
apiVersion: bpmonitor.dev/v1alpha1
kind: BpMonitor
metadata: {name: ward-3}
spec:
  paused: true
  patients: {count: 20, seed: 7}
  rate: {perSecond: 2.5}
  source: {baseUrl: https://ward.example/fhir, maxSkew: 90m}
  privacy: {storeNames: true}
  archive: {retention: 30d}
  elasticsearch: {index: {retention: 2d}}
";

#[test]
fn every_part_goes_where_it_belongs() {
    let settings = parse(WARD, "ward.yaml").unwrap();
    assert_eq!((&*settings.monitor.namespace, &*settings.monitor.name), ("default", "ward-3"));
    assert!(settings.paused && settings.privacy.store_names && settings.privacy.pseudonymise);
    assert_eq!(settings.source.base_url, "https://ward.example/fhir");
    assert_eq!(settings.source.max_skew, SignedDuration::from_mins(90));
    assert_eq!(settings.archive_retention, SignedDuration::from_hours(24 * 30));
    assert_eq!(settings.anomalies_retention, SignedDuration::from_hours(48));
    let simulated = settings.simulated.unwrap();
    assert_eq!((simulated.patients, simulated.seed), (20, 7));
    assert_eq!(settings.resource.spec.kafka.topic.partitions, 3);
}

#[test]
fn its_json_is_the_same_manifest() {
    let settings = parse(WARD, "ward.yaml").unwrap();
    let again = parse(&settings.json, "the ward's manifest").unwrap();
    assert_eq!(again.resource, settings.resource);
    assert_eq!(again.json, settings.json);
}

#[test]
fn without_a_manifest_the_defaults_count() {
    let smallest = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: a}\nspec: {patients: {count: 0}}";
    let (defaults, smallest) = (Settings::default(), parse(smallest, "a.yaml").unwrap());
    assert_eq!(defaults.archive_retention, smallest.archive_retention);
    assert_eq!(defaults.anomalies_retention, smallest.anomalies_retention);
    assert_eq!(defaults.compression, smallest.compression);
    assert_eq!(defaults.profile, smallest.profile);
    assert!(defaults.simulated.is_none() && smallest.simulated.is_none());
}

#[test]
fn mistakes_are_named_one_a_line() {
    for (text, count, says) in [
        (WARD.replace("2.5", "0"), "has 1 mistake:", "\n  spec.rate.perSecond"),
        (WARD.replace("2.5", "0").replace("20", "-1"), "has 2 mistakes:", "\n  spec.patients.count"),
        (WARD.replace("seed: 7", "seed: 7, locale: xx"), "has 1 mistake:", "\n  spec.patients.locale"),
        (
            WARD.replace("paused: true", "thresholds: {stage2: {systolic: 125}}"),
            "has 1 mistake:",
            "\n  spec.thresholds",
        ),
    ] {
        let error = parse(&text, "ward.yaml").unwrap_err();
        assert!(matches!(error, SettingsError::Manifest { .. }));
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("ward.yaml {count}")) && shown.contains(says), "{shown}");
    }
}

#[test]
fn a_file_is_read_or_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ward.yaml");
    let shown = read(&path).unwrap_err().to_string();
    assert!(shown.contains(&path.display().to_string()) && shown.contains("No such file"), "{shown}");
    fs::write(&path, WARD).unwrap();
    assert_eq!(&*read(&path).unwrap().monitor.name, "ward-3");
}
