//! Real FHIR that nobody here wrote, through `classify` and `run`: every count equals an independent program's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::process::{Output, bpmonitor, finish};
use common::ward::{Ward, id};
use common::{fhir_files, repository};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// The files of a set under target/real-data, by path.
fn files_of(set: &str) -> Vec<PathBuf> {
    let directory = repository().join("target/real-data").join(set);
    assert!(
        directory.join(".complete").exists() || directory.parent().unwrap().join(".complete").exists(),
        "{} is not there: run `make real-data` first",
        directory.display()
    );
    fhir_files(&directory)
}

/// What count.py says of these files: each entry, and the totals.
fn counted(files: &[PathBuf]) -> (Vec<Value>, Value) {
    let script = repository().join("tests/real-data/count.py");
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg("--per-entry").args(files);
    let output = finish(&mut command).good();
    let mut entries = output.rows();
    let totals = entries.pop().unwrap();
    (entries, totals)
}

/// The counts of rows as count.py has them.
fn totals_of(rows: &[Value]) -> Value {
    let mut counts: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    for name in ["outcomes", "categories", "rejections", "skips", "flags"] {
        counts.insert(name, BTreeMap::new());
    }
    let mut count = |name: &'static str, value: &Value| {
        if let Some(value) = value.as_str() {
            *counts.get_mut(name).unwrap().entry(value.to_owned()).or_default() += 1;
        }
    };
    for row in rows {
        count("outcomes", &row["outcome"]);
        count("categories", &row["category"]);
        match row["outcome"].as_str().unwrap() {
            "rejected" => count("rejections", &row["reason"]),
            "skipped" => count("skips", &row["reason"]),
            _ => {}
        }
        row["flags"].as_array().unwrap().iter().for_each(|flag| count("flags", flag));
    }
    let mut totals = json!(counts);
    totals["entries"] = rows.len().into();
    totals
}

/// The counts that a summary shows, in the same shape.
#[track_caller]
fn check_summary(summary: &Output, totals: &Value) {
    let outcomes = &totals["outcomes"];
    let of = |name: &str| outcomes[name].as_u64().unwrap_or(0);
    for (line, expected) in [
        ("entries", totals["entries"].as_u64().unwrap()),
        ("anomalies", of("anomaly")),
        ("normal", of("normal")),
        ("withdrawn", of("withdrawn")),
        ("skipped", of("skipped")),
        ("rejected", of("rejected")),
    ] {
        assert_eq!(summary.count(line), Some(expected), "{line}: {summary:#?}");
    }
    for (reason, count) in totals["rejections"].as_object().unwrap() {
        assert_eq!(summary.count(reason), count.as_u64(), "{reason}");
    }
    for (reason, count) in totals["skips"].as_object().unwrap() {
        let count = count.as_u64().unwrap().to_string();
        let skips = summary.out.lines().find(|line| line.trim_start().starts_with("skipped")).unwrap();
        let skips = skips.replace(',', "");
        assert!(format!("{skips} ").contains(&format!("{reason} {count} ")), "{reason} {count}: {skips}");
    }
}

/// Which Observation, and which version of it.
struct Versioned {
    key: String,
    version: (i64, i64),
    id: String,
}

/// The resource that an entry of count.py is about, and its full URL.
fn resource_at(record: &Value, entry: Option<u64>) -> (String, Value) {
    let Some(entry) = entry else { return (String::new(), record.clone()) };
    let mut flat = Vec::new();
    flatten(record, &mut flat);
    flat.swap_remove(usize::try_from(entry).unwrap())
}

fn flatten(bundle: &Value, flat: &mut Vec<(String, Value)>) {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    if entries.is_empty() {
        flat.push((String::new(), Value::Null));
    }
    for entry in entries {
        if entry["resource"]["resourceType"] == "Bundle" {
            flatten(&entry["resource"], flat);
        } else {
            flat.push((entry["fullUrl"].as_str().unwrap_or("").to_owned(), entry["resource"].clone()));
        }
    }
}

/// The base of `<base>/<Type>/<id>`.
fn base_of(url: &str) -> &str {
    let mut parts = url.rsplitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(kind), Some(base)) if base.contains("://") && kind.starts_with(char::is_uppercase) => {
            base
        }
        _ => "",
    }
}

fn time_of(text: &Value) -> Option<Timestamp> {
    let text = text.as_str()?;
    let of_day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(of_day)
}

fn versioned(url: &str, resource: &Value, row: &Value, file: &Path) -> Versioned {
    let id = resource["id"].as_str().unwrap_or("").to_owned();
    let content =
        format!("{} {} {} {}", resource["subject"], row["effective"], row["systolic"], row["diastolic"]);
    let key = if id.is_empty() { content } else { format!("{} {id}", base_of(url)) };
    let written = || Timestamp::try_from(fs::metadata(file).unwrap().modified().unwrap()).unwrap();
    let at = time_of(&resource["meta"]["lastUpdated"])
        .or_else(|| time_of(&resource["issued"]))
        .unwrap_or_else(written);
    let number = resource["meta"]["versionId"].as_str().and_then(|number| number.parse().ok());
    let within = i64::from(at.subsec_nanosecond()) % 1_000_000;
    Versioned { key, version: (at.as_millisecond(), number.unwrap_or(within)), id }
}

/// Reads single records of files.
#[derive(Default)]
struct Reader {
    path: PathBuf,
    text: String,
    /// Where each line begins.
    starts: Vec<usize>,
    /// The record last read, and its line.
    record: (usize, Value),
}

impl Reader {
    fn record(&mut self, path: &Path, line: usize) -> &Value {
        if self.path != path {
            let text = fs::read_to_string(path).unwrap();
            let ends = text.match_indices('\n').map(|(end, _)| end + 1);
            *self = Self {
                path: path.to_owned(),
                starts: [0].into_iter().chain(ends).collect(),
                text,
                ..Self::default()
            };
        }
        if self.record.0 != line {
            let text = self.text[self.starts[line - 1]..].trim_start_matches('\u{feff}');
            let record = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
            self.record = (line, record.unwrap().unwrap());
        }
        &self.record.1
    }
}

/// What is in force after all entries: outcome and id by Observation.
fn in_force(entries: &[Value]) -> HashMap<String, (String, String)> {
    let mut newest: HashMap<String, ((i64, i64), String, String)> = HashMap::new();
    let mut reader = Reader::default();
    for row in entries {
        let outcome = row["outcome"].as_str().unwrap();
        if !["anomaly", "normal", "withdrawn"].contains(&outcome) {
            continue;
        }
        let path = PathBuf::from(row["file"].as_str().unwrap());
        let record = reader.record(&path, usize::try_from(row["line"].as_u64().unwrap()).unwrap());
        let (url, resource) = resource_at(record, row["entry"].as_u64());
        let Versioned { key, version, id } = versioned(&url, &resource, row, &path);
        let is_newer = newest.get(&key).is_none_or(|known| version >= known.0);
        if is_newer {
            newest.insert(key, (version, outcome.to_owned(), id));
        }
    }
    newest.into_iter().map(|(key, (_, outcome, id))| (key, (outcome, id))).collect()
}

/// The ids with this outcome, sorted.
fn ids_with(in_force: &HashMap<String, (String, String)>, outcome: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        in_force.values().filter(|it| it.0 == outcome).map(|it| it.1.clone()).collect();
    ids.sort();
    ids
}

#[track_caller]
fn check(set: &str, at_least: u64) {
    let files = files_of(set);
    let (entries, totals) = counted(&files);
    let readings =
        totals["categories"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert!(readings >= at_least, "{set} has {readings} readings");

    let classified = finish(bpmonitor(["classify", "-o", "json"]).args(&files)).good();
    assert_eq!(totals_of(&classified.rows()), totals, "{set}: classify, row by row");
    let summary = finish(bpmonitor(["classify", "-o", "summary"]).args(&files)).good();
    check_summary(&summary, &totals);

    let ward = Ward::new();
    let inputs: Vec<&Path> = files.iter().map(AsRef::as_ref).collect();
    check_summary(&ward.run(&inputs).good(), &totals);
    let rejected = ward.rejected();
    assert_eq!(rejected.len() as u64, totals["outcomes"]["rejected"].as_u64().unwrap_or(0));
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rejected {
        *reasons.entry(row["reason"].as_str().unwrap()).or_default() += 1;
    }
    assert_eq!(json!(reasons), totals["rejections"]);

    let in_force = in_force(&entries);
    assert_eq!(ward.exported_ids(), ids_with(&in_force, "normal"), "{set}: the archive");
    let mut shown = ward.tail();
    shown.retain(|document| document["withdrawn"] == false);
    let mut anomalies: Vec<String> =
        shown.iter().filter(|document| document["anomalies"] != json!([])).map(id).collect();
    anomalies.sort();
    assert_eq!(anomalies, ids_with(&in_force, "anomaly"), "{set}: the anomalies");
    assert_eq!(
        shown.len(),
        anomalies.len() + ids_with(&in_force, "normal").len(),
        "{set}: everything that tail shows"
    );

    assert!(ward.run(&inputs).good().out.contains("nothing new"));
}

#[test]
fn the_examples_of_the_r4_specification() {
    check("r4-examples", 1);
}

#[test]
fn the_test_cases_of_hl7() {
    check("hl7-testcases", 5);
}

#[test]
fn a_population_of_synthea() {
    check("synthea", 1000);
}
