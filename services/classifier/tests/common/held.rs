//! What is there: archive lines and dead letters, as they lie in files and in the topic.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bpmonitor_pipeline::cluster::kafka::LetterHeaders;
use serde_json::Value;

use super::expected::{Letter, line_text};
use super::kafka::Kafka;

/// All files below a directory, by path.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a segment. One that is torn fails the test.
pub(crate) fn segment(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let name = path.display();
    let bytes = if path.extension().is_some_and(|suffix| suffix == "zst") {
        zstd::decode_all(bytes.as_slice()).unwrap_or_else(|error| panic!("{name} is torn: {error}"))
    } else {
        bytes
    };
    let text = String::from_utf8(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(text.is_empty() || text.ends_with('\n'), "the last line of {name} is torn");
    text
}

/// Every line of every segment of a topic, with how often it is there, and in which files.
pub(crate) fn lines(archive: &Path, topic: &str) -> BTreeMap<String, Vec<PathBuf>> {
    let mut lines: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in files(&archive.join(topic)) {
        let name = path.to_str().unwrap().to_owned();
        assert!(
            [".jsonl", ".jsonl.zst"].iter().any(|suffix| name.ends_with(suffix)),
            "{name} is left behind"
        );
        for line in segment(&path).lines() {
            let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}"));
            lines.entry(line_text(line)).or_default().push(path.clone());
        }
    }
    lines
}

/// Dead letters by key, and how many were written in all. Those of one key must be the same.
pub(crate) fn letters(kafka: &Kafka, rejected: &str, topic: &str) -> (BTreeMap<String, Letter>, usize) {
    let records = kafka.read(rejected);
    let mut letters: BTreeMap<String, Letter> = BTreeMap::new();
    for record in &records {
        let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
        let header = |name: &str| record.headers.get(name).unwrap_or_else(|| panic!("{key} has no {name}"));
        assert_eq!(header(LetterHeaders::TOPIC), topic, "{key}");
        let _: jiff::Timestamp = header(LetterHeaders::TIME).parse().unwrap();
        let letter = Letter {
            reason: header(LetterHeaders::REASON).clone(),
            partition: header(LetterHeaders::PARTITION).parse().unwrap(),
            offset: header(LetterHeaders::OFFSET).parse().unwrap(),
            start: header(LetterHeaders::START).parse().unwrap(),
            entry: record.headers.get(LetterHeaders::ENTRY).map(|entry| entry.parse().unwrap()),
            original: record.payload.clone().unwrap_or_default(),
        };
        if let Some(known) = letters.insert(key.clone(), letter.clone()) {
            assert_eq!(known, letter, "two letters of the key {key} differ");
        }
    }
    (letters, records.len())
}
