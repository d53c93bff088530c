//! What must become of every record of a topic, by the pipeline's own classifier.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use bpmonitor_clinical::RejectionReason;
use bpmonitor_pipeline::{Classifier, DeadLetter, Document, Extent, Message, Origin, Outcome, Tally, now};
use jiff::Timestamp;
use serde_json::Value;

use super::elastic::Stored;
use super::kafka::Record;

/// A dead letter, as far as it can be foretold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) reason: String,
    pub(crate) original: Vec<u8>,
    pub(crate) partition: i32,
    pub(crate) offset: u64,
    pub(crate) start: usize,
    pub(crate) entry: Option<u32>,
}

/// What must be there once all records are accounted for.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// By id: the newest of each; of several that are as new, the last.
    pub(crate) documents: BTreeMap<String, Stored>,
    /// By id: those before it that are as new. Where somebody wrote late who had been taken for dead, one of them may stand there.
    pub(crate) as_new: BTreeMap<String, Vec<Stored>>,
    /// Archive lines, each with how often it is to be there.
    pub(crate) lines: BTreeMap<String, usize>,
    /// By key.
    pub(crate) letters: BTreeMap<String, Letter>,
    pub(crate) tally: Tally,
}

impl Expected {
    /// What becomes of these records, in their order. `is_refused` says which documents Elasticsearch does not take.
    pub(crate) fn of(
        classifier: &Classifier,
        topic: &str,
        records: &[Record],
        is_refused: impl Fn(&Document) -> bool,
    ) -> Self {
        let mut expected = Self::default();
        let topic: Arc<str> = topic.into();
        for record in records {
            expected.add(classifier, &message(&topic, record), &is_refused);
        }
        expected
    }

    fn add(&mut self, classifier: &Classifier, message: &Message, is_refused: &impl Fn(&Document) -> bool) {
        let batch = classifier.classify(std::slice::from_ref(message), now());
        self.tally.add(&batch.tallies.total());
        for write in &batch.anomalies {
            if is_refused(&write.document) {
                let mut counted = Tally::default();
                counted.count(write.outcome());
                self.tally.subtract(&counted);
                self.tally.count(Outcome::Rejected(RejectionReason::Refused));
                self.letter(classifier.refused(message, write.entry, now()));
                continue;
            }
            let source = comparable(serde_json::to_value(&write.document).unwrap());
            let stored = Stored { version: write.version.0, source };
            let id = write.id.to_string();
            self.document(id, stored);
        }
        for line in &batch.archive {
            *self.lines.entry(line_text(serde_json::to_value(line).unwrap())).or_default() += 1;
        }
        for letter in batch.dead_letters {
            self.letter(letter);
        }
    }

    fn document(&mut self, id: String, stored: Stored) {
        match self.documents.get(&id).map(|known| known.version.cmp(&stored.version)) {
            Some(Ordering::Greater) => return,
            Some(Ordering::Equal) => {
                self.as_new.entry(id.clone()).or_default().extend(self.documents.remove(&id));
            }
            Some(Ordering::Less) => drop(self.as_new.remove(&id)),
            None => {}
        }
        self.documents.insert(id, stored);
    }

    fn letter(&mut self, letter: DeadLetter) {
        let Origin { topic, partition, offset, .. } = &letter.origin;
        let mut key = format!("{topic}/{partition}/{offset}/{}", letter.start);
        if let Some(entry) = letter.entry {
            key = format!("{key}/{entry}");
        }
        let letter = Letter {
            reason: letter.reason.code().to_owned(),
            partition: *partition,
            offset: *offset,
            original: letter.original,
            start: letter.start,
            entry: letter.entry,
        };
        assert_eq!(self.letters.insert(key, letter), None, "each letter has its own key");
    }
}

/// A record as the classifier is given it.
pub(crate) fn message(topic: &Arc<str>, record: &Record) -> Message {
    Message {
        origin: Origin {
            topic: Arc::clone(topic),
            partition: record.partition,
            offset: record.offset,
            line: 0,
        },
        time: Timestamp::from_millisecond(record.time).unwrap(),
        bytes: record.payload.clone().unwrap_or_default(),
        extent: Extent::Whole,
        entry: None,
    }
}

/// A document without what differs from one classification to the next.
pub(crate) fn comparable(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("processed_datetime");
    }
    document
}

/// An archive line as text, without what differs from one classification to the next.
pub(crate) fn line_text(mut line: Value) -> String {
    let reading = line["reading"].take();
    line["reading"] = comparable(reading);
    line.to_string()
}
