//! An index of anomalies as the product writes them, and what was measured, counted apart from the product.

#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of this, and may panic")]

use std::collections::HashSet;

use bpmonitor_clinical::{PatientThresholds, PressureLimits, PseudonymKey, Source, Thresholds};
use bpmonitor_crds::BpMonitorSpec;
use bpmonitor_crds::index::{index, mappings};
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::Condition;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, BulkSettings, ElasticsearchConnection, ElasticsearchSetup, ElasticsearchStore,
};
use bpmonitor_pipeline::{
    AnomalyStore, AnomalyWrite, Batch, Classifier, Extent, Message, Monitor, Origin, Origins, Privacy,
};
use bpmonitor_test_kibana::panels::Span;
use bpmonitor_test_support::{lab, observations, unique};
use elasticsearch::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "tests";
/// When the first reading is, and over how many minutes the others are.
pub(crate) const BEGIN_MILLISECONDS: i64 = 1_709_251_200_000;
pub(crate) const MINUTES: i64 = 720;
/// The same as a time span.
pub(crate) const SPAN: Span<'static> = Span { from: "2024-03-01T00:00:00Z", to: "2024-03-01T12:00:00Z" };

/// A reading that is an anomaly: what was measured, of whom, and when.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) patient: String,
    pub(crate) systolic: f64,
    pub(crate) diastolic: f64,
    pub(crate) minute: i64,
    pub(crate) has_unit: bool,
}

impl Known {
    /// By the bands of the AHA, once more.
    pub(crate) fn category(&self) -> &'static str {
        category(self.systolic, self.diastolic)
    }

    pub(crate) fn severity(&self) -> &'static str {
        match self.category() {
            "hypertensive_crisis" => "critical",
            "hypertension_stage2" => "high",
            _ => "moderate",
        }
    }

    pub(crate) fn anomalies(&self) -> Vec<String> {
        let is_low = self.systolic < 90.0 || self.diastolic < 60.0;
        let low = (is_low && self.category() != "hypotension").then(|| "hypotension".to_owned());
        [self.category().to_owned()].into_iter().chain(low).collect()
    }

    pub(crate) fn flags(&self) -> Vec<String> {
        let unit = (!self.has_unit).then(|| "unit_missing".to_owned());
        let is_suspect =
            !(60.0..=260.0).contains(&self.systolic) || !(30.0..=160.0).contains(&self.diastolic);
        unit.into_iter().chain(is_suspect.then(|| "suspect".to_owned())).collect()
    }
}

fn category(systolic: f64, diastolic: f64) -> &'static str {
    if systolic > 180.0 || diastolic > 120.0 {
        "hypertensive_crisis"
    } else if systolic >= 140.0 || diastolic >= 90.0 {
        "hypertension_stage2"
    } else if systolic >= 130.0 || diastolic >= 80.0 {
        "hypertension_stage1"
    } else if systolic >= 120.0 {
        "elevated"
    } else if systolic < 90.0 || diastolic < 60.0 {
        "hypotension"
    } else {
        "normal"
    }
}

/// A monitor's index of its own.
pub(crate) struct Indexed {
    setup: ElasticsearchSetup,
    pub(crate) name: String,
    pub(crate) readings: Vec<Known>,
}

impl Indexed {
    /// Measures, classifies and indexes; takes some back again.
    pub(crate) async fn begin() -> Self {
        let url = lab::elasticsearch();
        let connection = ElasticsearchConnection { url, ca: None, authentication: Authentication::None };
        let setup = ElasticsearchSetup::new(connection.clone()).unwrap();
        let name = unique::name("kibana");
        let names = Names::new(NAMESPACE, &name);
        setup.ensure_index(&names.index(), &index(&names, 1)).await.unwrap();
        let settings = BulkSettings { mappings: Some(mappings()), ..BulkSettings::default() };
        let mut store =
            ElasticsearchStore::new(connection, &names.alias(), settings, Condition::new("Elasticsearch"))
                .unwrap();
        let (readings, writes) = measured();
        assert_eq!(store.write(&writes).await.unwrap(), []);
        let indexed = Self { setup, name, readings };
        indexed.ask(Method::Post, "_refresh", None).await;
        indexed
    }

    /// The spec of the monitor: one patient has limits of their own.
    pub(crate) fn spec(&self) -> BpMonitorSpec {
        let mut spec = BpMonitorSpec::default();
        let raised = PressureLimits { systolic: Some(170), diastolic: Some(100) };
        let patient = PatientThresholds {
            patient: self.raised(),
            stage2: Some(raised),
            ..PatientThresholds::default()
        };
        spec.thresholds.per_patient.push(patient);
        spec
    }

    /// The patient with limits of their own.
    pub(crate) fn raised(&self) -> String {
        self.readings[0].patient.clone()
    }

    pub(crate) async fn search(&self, body: &Value) -> Value {
        self.ask(Method::Post, "_search", Some(body)).await
    }

    pub(crate) async fn count(&self, query: &Value) -> u64 {
        self.ask(Method::Post, "_count", Some(query)).await["count"].as_u64().unwrap()
    }

    /// Asks the alias that people read.
    pub(crate) async fn ask(&self, method: Method, target: &str, body: Option<&Value>) -> Value {
        let alias = Names::new(NAMESPACE, &self.name).alias();
        self.setup.ask(method, &format!("{alias}/{target}"), body, "a test").await.unwrap()
    }
}

/// Readings over some hours, of some patients, and what the product makes of them. Every tenth is taken back; every seventh has no unit.
fn measured() -> (Vec<Known>, Vec<AnomalyWrite>) {
    let classifier = classifier();
    let (mut readings, mut writes) = (Vec::new(), Vec::new());
    let mut seed = 42_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((seed >> 33) % below).unwrap()
    };
    for number in 0..700_i64 {
        let patient = next(24);
        let systolic = 80 + next(125);
        let diastolic = (systolic * (50 + next(30)) / 100).max(40);
        // Each minute once, so that the latest ten are known.
        let minute = number;
        let has_unit = number % 7 != 0;
        let observation = observation(number, patient, (systolic, diastolic), minute, has_unit);
        let stored = classified(&classifier, &observation);
        let [systolic, diastolic] =
            [systolic, diastolic].map(|value| f64::from(i32::try_from(value).unwrap()));
        let is_anomaly = category(systolic, diastolic) != "normal";
        assert_eq!(stored.len(), usize::from(is_anomaly), "{observation}");
        let Some(write) = stored.into_iter().next() else { continue };
        let patient = write.document.patient_id.clone().unwrap();
        writes.push(write);
        if number % 10 == 3 {
            let withdrawal = observations::withdrawal(&format!("reading-{number}"), "2024-03-02T00:00:00Z");
            writes.extend(classified(&classifier, &withdrawal));
        } else {
            readings.push(Known { patient, systolic, diastolic, minute, has_unit });
        }
    }
    (readings, writes)
}

fn observation(
    number: i64,
    patient: i64,
    (systolic, diastolic): (i64, i64),
    minute: i64,
    has_unit: bool,
) -> Value {
    let [high, low] = [systolic, diastolic].map(|value| f64::from(i32::try_from(value).unwrap()));
    let mut observation =
        observations::observation(&format!("reading-{number}"), &patient.to_string(), high, low);
    let time = Timestamp::from_millisecond(BEGIN_MILLISECONDS + minute * 60_000).unwrap();
    observation["effectiveDateTime"] = json!(time.to_string());
    if !has_unit {
        for component in observation["component"].as_array_mut().unwrap() {
            let value = component["valueQuantity"]["value"].clone();
            component["valueQuantity"] = json!({"value": value});
        }
    }
    observation
}

fn classifier() -> Classifier {
    Classifier {
        source: Source::default(),
        thresholds: Thresholds::default(),
        key: PseudonymKey::new(&[7; PseudonymKey::BYTES]),
        privacy: Privacy::default(),
        monitor: Monitor { name: "ward".into(), namespace: NAMESPACE.into() },
        origins: Origins::Files,
        erased: HashSet::new(),
    }
}

fn classified(classifier: &Classifier, observation: &Value) -> Vec<AnomalyWrite> {
    let now = Timestamp::from_millisecond(BEGIN_MILLISECONDS + 86_400_000).unwrap();
    let origin = Origin { topic: "".into(), partition: 0, offset: 0, line: 0 };
    let bytes = observation.to_string().into_bytes();
    let message = Message { origin, time: now, bytes, extent: Extent::Whole, entry: None };
    let Batch { anomalies, .. } = classifier.classify(&[message], now);
    anomalies
}
