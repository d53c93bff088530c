//! Every panel computes the right numbers on a real Elasticsearch: what the product indexed, counted once more from what was measured.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how tests fail")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use bpmonitor_kibana::{Content, Ward};
use bpmonitor_test_kibana::panels::{self, Panel};
use common::{Indexed, Known, SPAN};
use elasticsearch::http::Method;
use serde_json::{Value, json};

type Of = fn(&Known) -> bool;
type Group = fn(&Known) -> Vec<String>;
type Measure = fn(&[&Known]) -> f64;

/// What a panel is to show.
struct Expected {
    of: Of,
    groups: Vec<Group>,
    /// How many of the outermost groups at most: those with most of the first measure.
    top: usize,
    measures: Vec<Measure>,
}

fn all(_: &Known) -> bool {
    true
}

fn critical(known: &Known) -> bool {
    known.severity() == "critical"
}

fn critical_in_the_last_hour(known: &Known) -> bool {
    critical(known) && known.minute >= common::MINUTES - 60
}

fn patient(known: &Known) -> Vec<String> {
    vec![known.patient.clone()]
}

fn category(known: &Known) -> Vec<String> {
    vec![known.category().to_owned()]
}

fn severity(known: &Known) -> Vec<String> {
    vec![known.severity().to_owned()]
}

fn hour(known: &Known) -> Vec<String> {
    vec![(common::BEGIN_MILLISECONDS + known.minute / 60 * 3_600_000).to_string()]
}

fn count(of: &[&Known]) -> f64 {
    f64::from(u32::try_from(of.len()).unwrap())
}

fn patients(of: &[&Known]) -> f64 {
    let distinct: BTreeSet<_> = of.iter().map(|known| &known.patient).collect();
    f64::from(u32::try_from(distinct.len()).unwrap())
}

fn mean(of: &[&Known], value: fn(&Known) -> f64) -> f64 {
    of.iter().map(|known| value(known)).sum::<f64>() / count(of)
}

fn highest(of: &[&Known], value: fn(&Known) -> f64) -> f64 {
    of.iter().map(|known| value(known)).fold(0.0, f64::max)
}

fn mean_systolic(of: &[&Known]) -> f64 {
    mean(of, |known| known.systolic)
}

fn mean_diastolic(of: &[&Known]) -> f64 {
    mean(of, |known| known.diastolic)
}

fn highest_systolic(of: &[&Known]) -> f64 {
    highest(of, |known| known.systolic)
}

fn highest_diastolic(of: &[&Known]) -> f64 {
    highest(of, |known| known.diastolic)
}

/// As it is stored: to two decimals.
fn mean_arterial(of: &[&Known]) -> f64 {
    mean(of, |known| ((known.diastolic + (known.systolic - known.diastolic) / 3.0) * 100.0).round() / 100.0)
}

fn mean_pulse(of: &[&Known]) -> f64 {
    mean(of, |known| known.systolic - known.diastolic)
}

fn tens(value: f64) -> Vec<String> {
    vec![((value / 10.0).floor() * 10.0).to_string()]
}

/// A gauge's measure, between its ends and with the limit of hypertension.
fn gauge(measure: Measure, goal: Measure) -> Expected {
    one(all, vec![measure, |_| 20.0, |_| 300.0, goal])
}

fn one(of: Of, measures: Vec<Measure>) -> Expected {
    Expected { of, groups: vec![], top: usize::MAX, measures }
}

fn by(of: Of, groups: Vec<Group>, top: usize, measures: Vec<Measure>) -> Expected {
    Expected { of, groups, top, measures }
}

fn expected(dashboard: &str, title: &str) -> Expected {
    match (dashboard, title) {
        ("Ward now" | "Patient", "Anomalous readings") => one(all, vec![count]),
        ("Ward now", "Patients with anomalies") => one(all, vec![patients]),
        ("Ward now", "Critical anomalies in the last hour") => one(critical_in_the_last_hour, vec![count]),
        ("Ward now" | "Patient", "Highest systolic of anomalous readings") => {
            one(all, vec![highest_systolic])
        }
        ("Ward now" | "Patient", "Highest diastolic of anomalous readings") => {
            one(all, vec![highest_diastolic])
        }
        ("Ward now", "Mean systolic of anomalous readings") => one(all, vec![mean_systolic]),
        ("Ward now", "Mean diastolic of anomalous readings") => one(all, vec![mean_diastolic]),
        (_, "Anomalous readings by category, in percent") => by(all, vec![category], 5, vec![count]),
        ("Ward now", "Anomalous readings by severity, over time") => {
            by(all, vec![severity, hour], 4, vec![count])
        }
        ("Ward now", "Patients with most critical anomalies") => by(critical, vec![patient], 5, vec![count]),
        ("Ward now", "Highest systolic among anomalies") => gauge(highest_systolic, |_| 140.0),
        ("Ward now", "Mean systolic among anomalies") => gauge(mean_systolic, |_| 140.0),
        ("Ward now", "Highest diastolic among anomalies") => gauge(highest_diastolic, |_| 90.0),
        ("Ward now", "Mean diastolic among anomalies") => gauge(mean_diastolic, |_| 90.0),
        ("Ward now", "Mean pressures of anomalous readings over time, with the limits in force")
        | ("Patient", "Anomalous pressures over time, with the ward's limits") => {
            by(all, vec![hour], usize::MAX, vec![mean_systolic, mean_diastolic])
        }
        ("Ward now", "Highest systolic of anomalous readings, by patient and time") => {
            by(all, vec![patient, hour], 15, vec![highest_systolic])
        }
        ("Patient", "Mean arterial pressure of anomalous readings") => one(all, vec![mean_arterial]),
        ("Patient", "Mean arterial and pulse pressure of anomalous readings over time") => {
            by(all, vec![hour], usize::MAX, vec![mean_arterial, mean_pulse])
        }
        ("Categories", "Types of anomalies, in percent") => by(all, vec![Known::anomalies], 5, vec![count]),
        ("Categories", "Mean pressures of anomalous readings, by category") => {
            by(all, vec![category], 5, vec![mean_systolic, mean_diastolic])
        }
        ("Categories", "Systolic pressures of anomalous readings") => {
            by(all, vec![|known| tens(known.systolic)], usize::MAX, vec![count])
        }
        ("Categories", "Diastolic pressures of anomalous readings") => {
            by(all, vec![|known| tens(known.diastolic)], usize::MAX, vec![count])
        }
        ("Categories", "Anomalous readings by category, over time") => {
            by(all, vec![category, hour], 5, vec![count])
        }
        ("Categories", "Flags of anomalous readings") => by(all, vec![Known::flags], 20, vec![count]),
        other => panic!("{other:?} is new: say here what it is to show"),
    }
}

impl Expected {
    /// The rows that there are to be, by group.
    fn rows(&self, readings: &[Known]) -> BTreeMap<Vec<String>, Vec<f64>> {
        let shown: Vec<_> = readings.iter().filter(|known| (self.of)(known)).collect();
        let measured = |of: &[&Known]| self.measures.iter().map(|measure| measure(of)).collect::<Vec<_>>();
        let Some((outer, inner)) = self.groups.split_first() else {
            return [(vec![], measured(&shown))].into();
        };
        let mut groups: Vec<_> = grouped(&shown, *outer).into_iter().collect();
        let most = |of: &[&Known]| self.measures[0](of);
        groups.sort_by(|(one, of_one), (other, of_other)| {
            most(of_other).total_cmp(&most(of_one)).then_with(|| one.cmp(other))
        });
        groups.truncate(self.top);
        let rows = groups.into_iter().flat_map(|(key, of)| match inner.first() {
            None => vec![(vec![key], measured(&of))],
            Some(inner) => grouped(&of, *inner)
                .into_iter()
                .map(|(below, of)| (vec![key.clone(), below], measured(&of)))
                .collect(),
        });
        rows.collect()
    }
}

fn grouped<'k>(of: &[&'k Known], group: Group) -> BTreeMap<String, Vec<&'k Known>> {
    let mut groups = BTreeMap::<String, Vec<&Known>>::new();
    for known in of {
        for key in group(known) {
            groups.entry(key).or_default().push(*known);
        }
    }
    groups
}

/// Compares, and allows for what adding doubles in another order makes of them.
fn compare(panel: &Panel, answer: &Value, readings: &[Known]) {
    let dashboard = panel.dashboard.split(':').next().unwrap();
    let expected = expected(dashboard, &panel.title).rows(readings);
    let name = format!("{dashboard}: {}", panel.title);
    assert!(!expected.is_empty(), "{name} is to show something");
    let rows = panel.rows(answer);
    let groups: BTreeSet<_> = rows.iter().map(|row| &row.groups).collect();
    assert_eq!(groups, expected.keys().collect(), "{name}");
    for row in rows {
        // Columns are named so that their ids are in the order of the measures: value, value-1, and a gauge's goal, ends and value.
        let mut found: Vec<_> = row.measures.values().copied().collect();
        let mut wanted = expected[&row.groups].clone();
        found.sort_by(f64::total_cmp);
        wanted.sort_by(f64::total_cmp);
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found - wanted).abs() < 1e-6, "{name} {:?}: {found} is not {wanted}", row.groups);
        }
    }
}

#[tokio::test]
async fn every_panel_shows_the_right_numbers() {
    let indexed = Indexed::begin().await;
    let content = Content::of(&Ward::of(common::NAMESPACE, &indexed.name, &indexed.spec()).unwrap());
    let ndjson = content.ndjson();
    let charts = panels::charts(&ndjson);
    assert!(charts.len() >= 25, "{}", charts.len());
    for panel in &charts {
        let answer = indexed.search(&panel.request(SPAN)).await;
        compare(panel, &answer, &indexed.readings);
    }
    for (title, request) in panels::searches(&ndjson, SPAN) {
        searched(&title, &indexed.search(&request).await, &indexed.readings);
    }
    rules(&content, &indexed).await;
    examples(&indexed).await;
}

/// The first page of a saved search: the latest ten.
fn searched(title: &str, answer: &Value, readings: &[Known]) {
    let is_critical = title.starts_with("Critical");
    let mut wanted: Vec<_> = readings.iter().filter(|known| !is_critical || critical(known)).collect();
    wanted.sort_by_key(|known| std::cmp::Reverse(known.minute));
    let wanted: Vec<_> =
        wanted.iter().take(10).map(|known| (known.patient.clone(), known.systolic)).collect();
    let found: Vec<_> =
        answer["hits"]["hits"].as_array().unwrap().iter().map(|hit| &hit["_source"]).collect();
    assert!(found.iter().all(|source| source["reasons"].is_array()), "{title}");
    let found = found.iter().map(|source| {
        (source["patient_id"].as_str().unwrap().to_owned(), source["systolic_pressure"].as_f64().unwrap())
    });
    assert_eq!(found.collect::<Vec<_>>(), wanted, "{title}");
}

/// Each rule's query finds what it is to tell of: by the ward's limits, or by the patient's own.
async fn rules(content: &Content, indexed: &Indexed) {
    let raised = indexed.raised();
    let limits = |known: &Known| if known.patient == raised { (170.0, 100.0) } else { (140.0, 90.0) };
    let is_systolic = |known: &Known| known.systolic >= limits(known).0;
    let is_diastolic = |known: &Known| known.diastolic >= limits(known).1;
    let is_crisis = |known: &Known| known.systolic > 180.0 || known.diastolic > 120.0;
    let beyond: [&dyn Fn(&Known) -> bool; 3] = [&is_systolic, &is_diastolic, &is_crisis];
    for (rule, is_beyond) in content.rules.iter().zip(beyond) {
        let query = rule.to_create()["params"]["esQuery"].as_str().unwrap();
        let found = indexed.count(&serde_json::from_str(query).unwrap()).await;
        let wanted = indexed.readings.iter().filter(|known| is_beyond(known)).count();
        assert!(wanted > 0);
        assert_eq!(found, u64::try_from(wanted).unwrap(), "{}", rule.to_create()["name"]);
    }
}

/// The queries that docs/kibana.md gives as examples.
async fn examples(indexed: &Indexed) {
    let page = include_str!("../../../docs/kibana.md");
    let path = |path: &str| page.contains(&format!("GET bp.default.ward-3/{path}"));
    assert!(path("_count") && path("_search"), "the examples are there");
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut names = Vec::new();
    for block in blocks {
        let (request, body) = block.split_once('\n').unwrap_or((block, ""));
        let target = request.trim().strip_prefix("GET bp.default.ward-3/").unwrap();
        let body = body.replace("PSEUDONYM", &indexed.raised());
        let body =
            if body.trim().is_empty() { None } else { Some(serde_json::from_str::<Value>(&body).unwrap()) };
        let answer = indexed.ask(Method::Get, target, body.as_ref()).await;
        let found = answer.get("count").unwrap_or(&answer["hits"]["total"]["value"]).as_u64().unwrap();
        names.push((target.to_owned(), body.unwrap_or_default(), found));
    }
    let number = |of: &dyn Fn(&Known) -> bool| {
        u64::try_from(indexed.readings.iter().filter(|known| of(known)).count()).unwrap()
    };
    let wanted =
        [number(&all), number(&all), number(&critical), number(&|known| known.patient == indexed.raised())];
    assert_eq!(names.iter().map(|(.., found)| *found).collect::<Vec<_>>(), wanted, "{names:?}");
    assert_eq!(names[1].1["aggs"]["categories"], json!({"terms": {"field": "category"}}));
}
