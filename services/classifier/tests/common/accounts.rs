//! The accounting: everything published is in the topic once, and everything in the topic is exactly where it belongs, by id.

use std::collections::{BTreeMap, HashMap};

use bpmonitor_pipeline::cluster::kafka::Counts;
use bpmonitor_pipeline::{Document, Tally};

use super::deployment::Deployment;
use super::elastic::Stored;
use super::expected::Expected;
use super::held;
use super::kafka::Record;
use super::mixture::Sent;

/// How many differences of a kind are told.
const TOLD: usize = 5;

/// What was found.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) expected: Expected,
    pub(crate) records: usize,
    pub(crate) documents: usize,
    pub(crate) lines: usize,
    /// Dead letters, each once.
    pub(crate) letters: usize,
    /// Dead letters that are there again.
    pub(crate) repeated_letters: usize,
}

impl Deployment {
    /// Compares all that is there with all that must be. Whoever writes has ended, or has nothing left to do.
    #[track_caller]
    pub(crate) fn account(&self, sent: &[Sent]) -> Accounts {
        self.account_refusing(sent, |_| false)
    }

    /// The same where Elasticsearch refuses some documents.
    #[track_caller]
    pub(crate) fn account_refusing(&self, sent: &[Sent], is_refused: impl Fn(&Document) -> bool) -> Accounts {
        self.account_by(sent, is_refused, false)
    }

    /// The same where somebody wrote late who had been taken for dead: of two records that give the same version of an Observation,
    /// the document may say either's place in Kafka.
    #[track_caller]
    pub(crate) fn account_with_zombies(&self, sent: &[Sent]) -> Accounts {
        self.account_by(sent, |_| false, true)
    }

    #[track_caller]
    fn account_by(&self, sent: &[Sent], is_refused: impl Fn(&Document) -> bool, is_late: bool) -> Accounts {
        let records = self.place.kafka.read(&self.topic);
        let mut wrong = published(sent, &records);
        let mut expected = Expected::of(&self.classifier(), &self.topic, &records, is_refused);
        let documents = self.place.elastic.documents(&self.index);
        let documents: BTreeMap<String, Stored> = documents.into_iter().map(comparable).collect();
        for (id, as_new) in expected.as_new.iter().filter(|_| is_late) {
            if let Some(found) = documents.get(id).filter(|found| as_new.contains(found)) {
                expected.documents.insert(id.clone(), found.clone());
            }
        }
        wrong.extend(differences("document", &expected.documents, &documents));
        let found = held::lines(&self.archive, &self.topic);
        let counts = found.iter().map(|(line, files)| (line.clone(), files.len())).collect();
        wrong.extend(differences("archive line", &expected.lines, &counts));
        for (line, files) in &found {
            if files.len() > expected.lines.get(line).copied().unwrap_or_default() {
                wrong.push(format!("in {files:?}"));
            }
        }
        let (letters, written) = held::letters(&self.place.kafka, &self.rejected, &self.topic);
        wrong.extend(differences("dead letter", &expected.letters, &letters));
        let accounts = Accounts {
            records: records.len(),
            documents: documents.len(),
            lines: found.values().map(Vec::len).sum(),
            letters: letters.len(),
            repeated_letters: written - letters.len(),
            expected,
        };
        wrong.truncate(40);
        assert!(wrong.is_empty(), "the accounts do not balance:\n{}", wrong.join("\n"));
        assert_eq!(self.left(), [], "everything is committed");
        assert_eq!(self.counts(), Counts::from(&accounts.expected.tally), "what the commits say");
        accounts.tell();
        accounts
    }
}

impl Accounts {
    fn tell(&self) {
        let Self { records, documents, lines, letters, repeated_letters, expected } = self;
        let Tally { skipped, .. } = expected.tally;
        println!(
            "{records} records: {documents} documents, {lines} archive lines, {letters} dead letters ({repeated_letters} repeated), \
             {skipped} skipped: all accounted for"
        );
    }
}

fn comparable((id, stored): (String, Stored)) -> (String, Stored) {
    (id, Stored { source: super::expected::comparable(stored.source), ..stored })
}

/// Whether the topic has what was sent, each once.
fn published(sent: &[Sent], records: &[Record]) -> Vec<String> {
    let mut left = HashMap::<_, i64>::new();
    for sent in sent {
        *left.entry((sent.key.as_deref(), sent.payload.as_deref())).or_default() += 1;
    }
    for record in records {
        // A record without payload and one with an empty one are told apart by Kafka too.
        *left.entry((record.key.as_deref(), record.payload.as_deref())).or_default() -= 1;
    }
    let wrong: i64 = left.values().map(|count| count.abs()).sum();
    if wrong == 0 {
        return Vec::new();
    }
    let lost: i64 = left.values().filter(|count| **count > 0).sum();
    vec![format!(
        "the topic itself lost {lost} records and has {} too many: the test's producer",
        wrong - lost
    )]
}

fn differences<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<String, T>,
    found: &BTreeMap<String, T>,
) -> Vec<String> {
    let missing: Vec<_> = expected.iter().filter(|(id, _)| !found.contains_key(*id)).collect();
    let further: Vec<_> = found.iter().filter(|(id, _)| !expected.contains_key(*id)).collect();
    let other: Vec<_> = expected
        .iter()
        .filter_map(|(id, expected)| Some((id, expected, found.get(id)?)))
        .filter(|(_, expected, found)| expected != found)
        .collect();
    let mut told = Vec::new();
    let totals = format!("of {} expected, {} found", expected.len(), found.len());
    for (kind, all) in [("missing", &missing), ("too many", &further)] {
        if !all.is_empty() {
            told.push(format!("{what}: {} {kind} ({totals})", all.len()));
        }
        told.extend(all.iter().take(TOLD).map(|(id, it)| format!("  {id}: {it:?}")));
    }
    if !other.is_empty() {
        told.push(format!("{what}: {} differ ({totals})", other.len()));
    }
    told.extend(
        other.iter().take(TOLD).map(|(id, wanted, found)| format!("  {id}: {wanted:?}\n     is {found:?}")),
    );
    told
}
