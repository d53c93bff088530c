//! The same observations through the embedded runtime and through Kafka and Elasticsearch: every document, archive line and rejection is
//! the same, but for when it was classified and where in Kafka it stood.
//!
//! Messages of every kind; and real data (`make real-data`): HL7's examples and test cases, and a Synthea population.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bpmonitor_pipeline::embedded::{Compression, Inbox, WardDirectory};
use bpmonitor_pipeline::files::{FilePosition, FileSource, Input};
use bpmonitor_pipeline::{Classifier, Origins, Tally};
use common::deployment::{Deployment, Place};
use common::expected::{comparable, line_text};
use common::held;
use common::mixture::{Mixture, Sent};
use common::{seed, turn};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The largest record that a topic takes, in bytes.
const LARGEST: u64 = 32_000_000;

/// What a runtime holds: documents by id with their versions, archive lines with how often each is there, dead letters by their
/// reason and content.
#[derive(Debug, Default, PartialEq)]
struct Held {
    documents: BTreeMap<String, (i64, Value)>,
    lines: BTreeMap<String, usize>,
    letters: BTreeMap<(String, Vec<u8>), usize>,
}

/// A file with a message's bytes, of a time that a record can have too.
struct Given {
    path: PathBuf,
    millis: u64,
}

fn give(directory: &Path, number: usize, bytes: &[u8]) -> Given {
    let path = directory.join(format!("{number:06}.json"));
    fs::write(&path, bytes).unwrap();
    let millis = 1_700_000_000_000 + u64::try_from(number).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    Given { path, millis }
}

/// Everything through the embedded runtime.
fn through_files(deployment: &Deployment, given: &[Given]) -> (Held, Tally) {
    let directory = WardDirectory::new(deployment.file("ward"));
    fs::create_dir(directory.path()).unwrap();
    fs::copy(deployment.file("key"), directory.path().join("pseudonym.key")).unwrap();
    let classifier = Classifier { origins: Origins::Files, ..deployment.classifier() };
    let store = directory.open(&classifier.monitor, Compression::Zstd).unwrap();
    let position = |given: &Given| FilePosition::start(given.path.to_str().unwrap());
    let inputs: Vec<Input> =
        given.iter().map(|given| Input { position: position(given), follow: false }).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tally = runtime.block_on(async {
        let source = FileSource::new(inputs, Inbox::new(store.clone()));
        bpmonitor_pipeline::run(source, classifier, store.sinks(), CancellationToken::new(), |_| {})
            .await
            .unwrap()
    });
    drop(store);
    (held_by_ward(&directory), tally)
}

fn held_by_ward(directory: &WardDirectory) -> Held {
    let mut held = Held::default();
    let database = rusqlite::Connection::open(directory.path().join("ward.db")).unwrap();
    let mut rows = database.prepare("SELECT id, version, document FROM anomalies").unwrap();
    let rows =
        rows.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get::<_, String>(2)?)));
    for row in rows.unwrap() {
        let (id, version, document) = row.unwrap();
        let document = without_kafka(comparable(serde_json::from_str(&document).unwrap()));
        assert_eq!(held.documents.insert(hex::encode(id), (version, document)), None);
    }
    for path in held::files(&directory.archive()) {
        for line in held::segment(&path).lines() {
            add_line(&mut held, serde_json::from_str(line).unwrap());
        }
    }
    let mut rows = database.prepare("SELECT reason, original FROM dead_letters").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for letter in rows.unwrap() {
        *held.letters.entry(letter.unwrap()).or_default() += 1;
    }
    held
}

/// Everything through Kafka, the classifier's binary, and Elasticsearch.
fn through_kafka(deployment: &Deployment, given: &[Given]) -> (Held, BTreeMap<String, f64>) {
    let messages = given.iter().map(|given| Sent {
        key: None,
        payload: Some(fs::read(&given.path).unwrap()),
        time: Some(i64::try_from(given.millis).unwrap()),
    });
    let mut publisher = common::publisher::Publisher::new(&deployment.place.kafka, &deployment.topic);
    messages.for_each(|message| publisher.send(&message));
    publisher.finish();
    let replica = deployment.start();
    deployment.settled();
    println!("resident at most: {} MiB", replica.memory().1);
    let metrics = replica.metrics();
    assert_eq!(replica.stop(), Some(0));
    let mut held = Held::default();
    for (id, stored) in deployment.place.elastic.documents(&deployment.index) {
        let document = without_kafka(comparable(stored.source));
        held.documents.insert(id, (stored.version, document));
    }
    for path in held::files(&deployment.archive) {
        for line in held::segment(&path).lines() {
            add_line(&mut held, serde_json::from_str(line).unwrap());
        }
    }
    let (letters, _) = held::letters(&deployment.place.kafka, &deployment.rejected, &deployment.topic);
    for letter in letters.into_values() {
        *held.letters.entry((letter.reason, letter.original)).or_default() += 1;
    }
    (held, metrics)
}

fn without_kafka(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("kafka");
    }
    document
}

fn add_line(held: &mut Held, mut line: Value) {
    let reading = without_kafka(line["reading"].take());
    line["reading"] = reading;
    *held.lines.entry(line_text(line)).or_default() += 1;
}

fn assert_same(spec: &Value, given: &[Given]) -> Tally {
    let deployment = Deployment::without_topics(Place::shared());
    deployment.set_spec(spec);
    // One partition: here also files without a common patient speak of the same id, and then their order counts.
    deployment.place.kafka.create_topic(&deployment.topic, 1);
    deployment.place.kafka.create_topic(&deployment.rejected, 1);
    deployment.make_index();
    let (embedded, tally) = through_files(&deployment, given);
    let (cluster, metrics) = through_kafka(&deployment, given);
    for (outcome, count) in
        [("anomaly", tally.anomaly), ("normal", tally.normal), ("rejected", tally.rejected)]
    {
        let name = format!("bpmonitor_observations_total{{outcome=\"{outcome}\"}}");
        assert_eq!(metrics.get(&name).map_or(0, |counted| *counted as u64), count, "{name}");
    }
    println!(
        "{} documents, {} archive lines, {} dead letters of {} entries",
        embedded.documents.len(),
        embedded.lines.len(),
        embedded.letters.len(),
        tally.entries()
    );
    assert_eq!(embedded.documents.len(), cluster.documents.len());
    for (id, document) in &embedded.documents {
        assert_eq!(cluster.documents.get(id), Some(document), "{id}");
    }
    assert_eq!(embedded.lines, cluster.lines);
    let told = |held: &Held| {
        held.letters
            .iter()
            .map(|((reason, original), count)| {
                (
                    reason.clone(),
                    String::from_utf8_lossy(&original[..original.len().min(200)]).into_owned(),
                    *count,
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&embedded), told(&cluster));
    assert!(embedded == cluster, "both hold the same");
    tally
}

#[test]
fn messages_of_every_kind() {
    let _turn = turn();
    let directory = tempfile::tempdir().unwrap();
    let messages = Mixture::new(seed()).take(1_500).into_iter().filter_map(|sent| sent.payload);
    let given: Vec<Given> =
        messages.enumerate().map(|(number, payload)| give(directory.path(), number, &payload)).collect();
    let tally = assert_same(&json!({}), &given);
    assert!(
        tally.anomaly > 300 && tally.normal > 300 && tally.rejected > 30 && tally.withdrawn > 10,
        "{tally:?}"
    );
    let everything = json!({"privacy": {"storeNames": true, "storeResource": true, "pseudonymise": false},
        "thresholds": {"profile": "esc-2024"}, "source": {"baseUrl": "http://hospital.example/fhir", "uniqueIds": false}});
    assert_same(&everything, &given);
}

#[test]
fn real_data() {
    let _turn = turn();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/real-data");
    let directory = tempfile::tempdir().unwrap();
    let mut given = Vec::new();
    for set in ["r4-examples", "hl7-testcases", "synthea/bundles", "synthea/bulk"] {
        let files = held::files(&root.join(set)).into_iter().filter(|path| is_fhir(path));
        let before = given.len();
        for path in files.filter(|path| !path.ends_with("DiagnosticReport.ndjson")) {
            let bytes = fs::read(&path).unwrap();
            let parts: Vec<&[u8]> = if path.extension().is_some_and(|suffix| suffix == "ndjson") {
                // As an export is published: a record a hundred lines or so.
                lines_of(&bytes, 100_000)
            } else {
                vec![&bytes]
            };
            for part in parts.into_iter().filter(|part| (part.len() as u64) < LARGEST) {
                given.push(give(directory.path(), given.len(), part));
            }
        }
        assert!(given.len() > before, "{set} is not there: run `make real-data` first");
    }
    println!("{} messages", given.len());
    let tally = assert_same(&json!({}), &given);
    assert!(tally.anomaly > 500 && tally.normal > 300, "{tally:?}");
}

fn is_fhir(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == "json" || suffix == "ndjson")
}

/// Whole lines, so many bytes at a time.
fn lines_of(bytes: &[u8], most: usize) -> Vec<&[u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        if at + 1 - start >= most {
            parts.push(&bytes[start..=at]);
            start = at + 1;
        }
    }
    parts.push(&bytes[start..]);
    parts
}
