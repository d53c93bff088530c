//! From a message to a batch: read, assess, and say where each result goes.

use std::collections::HashSet;
use std::sync::Arc;

use bpmonitor_clinical::{
    Assessment, DocumentId, Entry, Finding, PatientIdentity, PseudonymKey, ReadContext, Reading,
    RejectionReason, SkipReason, Source, Step, Thresholds, Withdrawal, assess, read_next,
};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::{
    AnomalyWrite, ArchiveLine, ArchiveLines, Batch, DeadLetter, Document, EntryPlace, Extent,
    KafkaCoordinates, Message, Origin, Outcome, Used,
};

/// How much of a record that is too large stays in its dead letter, in bytes.
const KEPT_OF_TOO_LARGE: usize = 64 * 1024;

/// Which `BpMonitor` the documents belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitor {
    /// Its name.
    pub name: Arc<str>,
    /// Its namespace.
    pub namespace: Arc<str>,
}

/// What kind of place messages come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Files, or a simulation in this process.
    #[default]
    Files,
    /// Records of Kafka: documents say which, and a record without content is counted.
    Kafka,
}

/// What of a patient is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// Pseudonyms in place of identities.
    pub pseudonymise: bool,
    /// Patients' names.
    pub store_names: bool,
    /// Observations as received.
    pub store_resource: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { pseudonymise: true, store_names: false, store_resource: false }
    }
}

/// Where in a message a record stands.
struct Place<'m> {
    message: &'m Message,
    /// The message's number in its batch.
    number: usize,
    /// What stands before it.
    used: Used,
    origins: Origins,
}

impl Place<'_> {
    /// Where the message stands for one entry of a Bundle, that is its first; the others are what it needs beside it.
    fn is_meant(&self, entry: &Entry<'_>) -> bool {
        self.message.entry.is_none() || entry.index == Some(0)
    }

    fn of(&self, entry: &Entry<'_>) -> EntryPlace {
        EntryPlace { message: self.number, start: self.used.bytes, entry: entry.index }
    }

    fn letter(&self, entry: Option<u32>, reason: RejectionReason, original: Vec<u8>) -> DeadLetter {
        let start = &self.message.origin;
        let origin = Origin {
            topic: Arc::clone(&start.topic),
            partition: start.partition,
            offset: match self.origins {
                Origins::Files => start.offset + self.used.bytes as u64,
                Origins::Kafka => start.offset,
            },
            line: start.line + self.used.lines as u64,
        };
        DeadLetter {
            origin,
            start: self.used.bytes,
            entry: self.message.entry.or(entry),
            reason,
            time: self.message.time,
            original,
        }
    }
}

/// Rejects all of a message; of one that is too large only the beginning is kept.
fn reject_whole(
    message: &Message,
    reason: RejectionReason,
    origins: Origins,
    batch: &mut Batch<impl ArchiveLines>,
) -> Used {
    let at = Place { message, number: 0, used: Used::default(), origins };
    let kept = match reason {
        RejectionReason::TooLarge => message.bytes.len().min(KEPT_OF_TOO_LARGE),
        _ => message.bytes.len(),
    };
    batch.dead_letters.push(at.letter(None, reason, message.bytes[..kept].to_vec()));
    batch.tallies.of(message.origin.partition).count(Outcome::Rejected(reason));
    Used { bytes: message.bytes.len(), lines: 0 }
}

/// Makes batches of messages.
#[derive(Clone, Debug)]
pub struct Classifier {
    /// Where Observations come from.
    pub source: Source,
    /// The limits in force.
    pub thresholds: Thresholds,
    /// The secret of pseudonyms and document ids.
    pub key: PseudonymKey,
    /// What of a patient is stored.
    pub privacy: Privacy,
    /// Whose documents they are.
    pub monitor: Monitor,
    /// Where its messages come from.
    pub origins: Origins,
    /// Patients, as stored, whose readings are not to come back.
    pub erased: HashSet<String>,
}

impl Classifier {
    /// The patient as stored: the pseudonym, or the identity where the manifest says so.
    pub fn patient_id(&self, identity: &PatientIdentity<'_>) -> String {
        if self.privacy.pseudonymise { self.key.pseudonym(identity) } else { identity.to_string() }
    }

    /// Reads everything in the messages. The end of one that is partial may be left unused.
    pub fn classify(&self, messages: &[Message], now: Timestamp) -> Batch {
        self.classify_into(messages, now)
    }

    /// The same, with the archive's lines as whoever writes them wants them.
    pub fn classify_into<L: ArchiveLines>(&self, messages: &[Message], now: Timestamp) -> Batch<L> {
        let mut batch = Batch::default();
        for (number, message) in messages.iter().enumerate() {
            batch.used = match message.extent {
                Extent::TooLarge => {
                    reject_whole(message, RejectionReason::TooLarge, self.origins, &mut batch)
                }
                Extent::Whole | Extent::Partial => self.read(message, number, now, &mut batch),
            };
            batch.bytes += batch.used.bytes;
        }
        batch
    }

    /// The dead letter of an entry whose document the anomaly store refused.
    pub fn refused(&self, message: &Message, place: EntryPlace, now: Timestamp) -> DeadLetter {
        let context = ReadContext { source: &self.source, now, record_time: message.time };
        let used = Used { bytes: place.start, lines: 0 };
        let at = Place { message, number: place.message, used, origins: self.origins };
        let rest = message.bytes.get(place.start..).unwrap_or_default();
        let mut original = None;
        read_next(rest, true, &context, &mut |entry| {
            if entry.index == place.entry {
                original = Some(entry.standalone());
            }
        });
        at.letter(place.entry, RejectionReason::Refused, original.unwrap_or_else(|| message.bytes.clone()))
    }

    fn read(
        &self,
        message: &Message,
        number: usize,
        now: Timestamp,
        batch: &mut Batch<impl ArchiveLines>,
    ) -> Used {
        let context = ReadContext { source: &self.source, now, record_time: message.time };
        let is_whole = message.extent == Extent::Whole;
        let mut used = Used::default();
        let mut is_met = false;
        while used.bytes < message.bytes.len() {
            let at = Place { message, number, used, origins: self.origins };
            let rest = &message.bytes[used.bytes..];
            let step = read_next(rest, is_whole, &context, &mut |entry| {
                if at.is_meant(&entry) {
                    is_met = true;
                    self.sort(&entry, &at, &context, batch);
                }
            });
            let Step::Advanced { bytes, lines } = step else { break };
            used.bytes += bytes;
            used.lines += lines;
        }
        if self.origins == Origins::Kafka && !is_met && message.entry.is_none() {
            batch.tallies.of(message.origin.partition).count(Outcome::Skipped(SkipReason::Blank));
        }
        if message.entry.is_some() && !is_met {
            reject_whole(message, RejectionReason::NotFhir, self.origins, batch);
        }
        used
    }

    /// Says where an entry's result goes.
    fn sort(
        &self,
        entry: &Entry<'_>,
        at: &Place<'_>,
        context: &ReadContext<'_>,
        batch: &mut Batch<impl ArchiveLines>,
    ) {
        let outcome = match &entry.finding {
            Finding::Skipped(reason) => Outcome::Skipped(*reason),
            Finding::Rejected(reason) => Outcome::Rejected(*reason),
            Finding::Withdrawal(withdrawal) => self.withdraw(withdrawal, entry, at, context, batch),
            Finding::Reading(reading) => self.store(reading, entry, at, context, batch),
        };
        if let Outcome::Rejected(reason) = outcome {
            batch.dead_letters.push(at.letter(entry.index, reason, entry.standalone()));
        }
        batch.tallies.of(at.message.origin.partition).count(outcome);
    }

    fn store(
        &self,
        reading: &Reading<'_>,
        entry: &Entry<'_>,
        at: &Place<'_>,
        context: &ReadContext<'_>,
        batch: &mut Batch<impl ArchiveLines>,
    ) -> Outcome {
        let partition = at.message.origin.partition;
        let patient_id = self.patient_id(&reading.patient.identity);
        if self.erased.contains(&patient_id) {
            return Outcome::Skipped(SkipReason::Erased);
        }
        let assessment = match assess(reading, &self.thresholds, Some(&patient_id)) {
            Ok(assessment) => assessment,
            Err(reason) => return Outcome::Rejected(reason),
        };
        let id = DocumentId::of_reading(reading, &self.key);
        let version = reading.version;
        let document = self.document(reading, &assessment, patient_id, entry, at, context);
        let entry = at.of(entry);
        if assessment.is_anomaly {
            if reading.is_correction {
                batch.archive.push(ArchiveLine { partition, id, version, reading: None });
            }
            batch.anomalies.push(AnomalyWrite { entry, id, version, document: Box::new(document) });
            return Outcome::Anomaly(assessment.category);
        }
        if reading.is_correction {
            let document = Box::new(Document { withdrawn: true, ..document.clone() });
            batch.anomalies.push(AnomalyWrite { entry, id, version, document });
        }
        batch.archive.push(ArchiveLine { partition, id, version, reading: Some(document) });
        Outcome::Normal(assessment.category)
    }

    fn withdraw(
        &self,
        withdrawal: &Withdrawal<'_>,
        entry: &Entry<'_>,
        at: &Place<'_>,
        context: &ReadContext<'_>,
        batch: &mut Batch<impl ArchiveLines>,
    ) -> Outcome {
        let Some(id) = DocumentId::of_withdrawal(withdrawal, &self.key) else {
            return Outcome::Rejected(RejectionReason::NoId);
        };
        let patient_id = withdrawal.patient.as_ref().map(|patient| self.patient_id(&patient.identity));
        let is_erased = patient_id.as_ref().is_some_and(|patient| self.erased.contains(patient));
        let document = Document {
            observation_id: withdrawal.key.id.as_deref().filter(|_| !is_erased).map(str::to_owned),
            patient_id: patient_id.filter(|_| !is_erased),
            withdrawn: true,
            ..self.blank(at, context)
        };
        let (partition, version) = (at.message.origin.partition, withdrawal.version);
        batch.archive.push(ArchiveLine { partition, id, version, reading: None });
        let document = Box::new(document);
        batch.anomalies.push(AnomalyWrite { entry: at.of(entry), id, version, document });
        Outcome::Withdrawn
    }

    fn document(
        &self,
        reading: &Reading<'_>,
        assessment: &Assessment,
        patient_id: String,
        entry: &Entry<'_>,
        at: &Place<'_>,
        context: &ReadContext<'_>,
    ) -> Document {
        let name = reading.patient.name.as_deref().filter(|_| self.privacy.store_names);
        let resource = std::str::from_utf8(entry.raw).ok().filter(|_| self.privacy.store_resource);
        let document = Document {
            observation_id: reading.key.id.as_deref().map(str::to_owned),
            patient_id: Some(patient_id),
            patient_name: name.map(str::to_owned),
            fhir_resource: resource.and_then(|text| RawValue::from_string(text.to_owned()).ok()),
            ..self.blank(at, context)
        };
        document.assessed(reading, assessment)
    }

    fn blank(&self, at: &Place<'_>, context: &ReadContext<'_>) -> Document {
        let Origin { topic, partition, offset, .. } = &at.message.origin;
        let kafka = (self.origins == Origins::Kafka).then(|| KafkaCoordinates {
            topic: Arc::clone(topic),
            partition: *partition,
            offset: *offset,
        });
        Document {
            processed_datetime: context.now,
            monitor: Arc::clone(&self.monitor.name),
            namespace: Arc::clone(&self.monitor.namespace),
            kafka,
            ..Document::default()
        }
    }
}
