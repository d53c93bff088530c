//! One observation end to end: published, waited for in Elasticsearch, and withdrawn; or where it got stuck.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use bpmonitor_clinical::{PatientIdentity, PseudonymKey};
use bpmonitor_pipeline::{AnomalyWrite, Batch, Classifier, Extent, Message, Origin, now};
use bpmonitor_settings::shutdown;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::elasticsearch::Store;
use super::report::Report;
use super::{Check, classifier};
use crate::cluster::letters::Record;
use crate::cluster::publisher::{Outgoing, Publisher};
use crate::cluster::reader::{Bounds, Reader};
use crate::cluster::tail;

/// Whose reading it is: nobody's.
const PATIENT: &str = "bpmonitor-check";
/// What the reading is, in mmHg: the mildest that the manifest stores as an anomaly, lest it alarm anybody.
const PRESSURES: [(u16, u16); 5] = [(125, 75), (134, 84), (86, 62), (150, 94), (212, 118)];
/// How often to look whether it arrived.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What the two checks are called.
const ARRIVES: &str = "observation";
const IS_WITHDRAWN: &str = "withdrawal";

/// The way of an observation.
pub(super) struct Way<'w> {
    pub(super) check: &'w Check<'w>,
    /// Who looks for it in Kafka where it does not arrive; none where this user may only publish.
    pub(super) reader: Option<&'w Reader>,
    pub(super) store: &'w Store,
    pub(super) key: Option<PseudonymKey>,
}

/// An observation on its way.
struct Traveller {
    id: String,
    pressures: (u16, u16),
    measured: Timestamp,
    /// What it is to become.
    write: AnomalyWrite,
}

/// How waiting ended.
enum Waited {
    Arrived(Value),
    Late,
    Interrupted,
    Failed(String),
}

/// Has an observation travel, and says where it came.
pub(super) fn travel(way: &Way<'_>, report: &mut Report) -> Result<()> {
    let classifier = tail::classifier(way.check.settings, way.key.clone().unwrap_or_else(tail::no_key));
    if way.key.is_none() && !classifier.source.unique_ids {
        return report
            .failure(ARRIVES, "not published: without the pseudonym key its document could not be found");
    }
    let Some(traveller) = Traveller::new(&classifier) else {
        return report.warning(
            ARRIVES,
            "not published: the manifest stores no category as an anomaly (spec.thresholds.anomalies)",
        );
    };
    way.send(&traveller, &classifier, report)
}

impl Way<'_> {
    fn send(&self, traveller: &Traveller, classifier: &Classifier, report: &mut Report) -> Result<()> {
        let Check { runtime, topics, .. } = self.check;
        let letters = self.reader.map(|reader| reader.bounds(&topics.rejected)).transpose()?;
        let publisher = Publisher::new(&self.check.kafka)?;
        let identity = PatientIdentity::from_user_input(PATIENT, &classifier.source.base_url);
        let key = identity.map(|identity| identity.to_string()).unwrap_or_default();
        let publish = |status: &str| {
            let payload = traveller.json(status).to_string();
            let record = Outgoing {
                topic: &topics.observations,
                key: Some(&key),
                payload: Some(payload.as_bytes()),
                ..Outgoing::default()
            };
            runtime.block_on(publisher.deliver(record))
        };
        let place = match publish("final") {
            Ok(place) => place,
            Err(error) => {
                return report.failure(ARRIVES, format!("{error:#}, or leave it out with --no-observation"));
            }
        };
        let begun = Instant::now();
        let waited = self.wait(traveller, |_| true);
        match &waited {
            Waited::Arrived(document) => self.arrived(traveller, document, begun.elapsed(), report)?,
            Waited::Late => {
                let why = match (self.reader, &letters) {
                    (Some(reader), Some(letters)) => self.stuck(reader, place, letters)?,
                    _ => "the classifier's log and /ready say what it waits for; with much to catch up with, give --wait more time".to_owned(),
                };
                report.failure(
                    ARRIVES,
                    format!("not in Elasticsearch after {:?}: {why}", self.check.args.wait),
                )?;
            }
            Waited::Failed(why) => report.failure(ARRIVES, why)?,
            Waited::Interrupted => {}
        }
        // Whatever became of it, it is taken back: it may still arrive.
        if let Err(error) = publish("entered-in-error") {
            return report.failure(IS_WITHDRAWN, format!("{error:#}: the document of {PATIENT} stays"));
        }
        match waited {
            Waited::Arrived(_) => self.until_withdrawn(traveller, report),
            Waited::Late | Waited::Failed(_) => Ok(()),
            Waited::Interrupted => Err(anyhow!("interrupted; the observation was withdrawn")),
        }
    }

    fn arrived(
        &self,
        traveller: &Traveller,
        document: &Value,
        took: Duration,
        report: &mut Report,
    ) -> Result<()> {
        let expected = traveller.write.document.patient_id.as_deref();
        if self.key.is_some() && document["patient_id"].as_str() != expected {
            return report.failure(
                ARRIVES,
                "in Elasticsearch, under another pseudonym than this one's key gives: the classifier has another key or another \
                 spec.privacy or spec.source.baseUrl; give both the same",
            );
        }
        let category = traveller.write.document.category.map_or("", bpmonitor_clinical::Category::id);
        if document["category"] != category {
            let is = document["category"].as_str().unwrap_or("something else");
            return report.warning(ARRIVES, format!("in Elasticsearch, as {is} where this manifest says {category}: the classifier has another one"));
        }
        report.ok(
            ARRIVES,
            format!("in Elasticsearch {} ms after Kafka had it, as {category}", took.as_millis()),
        )
    }

    fn until_withdrawn(&self, traveller: &Traveller, report: &mut Report) -> Result<()> {
        let begun = Instant::now();
        match self.wait(traveller, |document| document["withdrawn"] == true) {
            Waited::Arrived(_) => report.ok(
                IS_WITHDRAWN,
                format!("nobody sees it any more, {} ms after", begun.elapsed().as_millis()),
            ),
            Waited::Late => report.failure(
                IS_WITHDRAWN,
                format!(
                    "not in Elasticsearch after {:?}: is the classifier still running?",
                    self.check.args.wait
                ),
            ),
            Waited::Failed(why) => report.failure(IS_WITHDRAWN, why),
            Waited::Interrupted => Err(anyhow!("interrupted; the observation will be withdrawn")),
        }
    }

    /// Waits until the document is there, and is as it should be.
    fn wait(&self, traveller: &Traveller, is_it: impl Fn(&Value) -> bool) -> Waited {
        let id = traveller.write.id.to_string();
        let looking = async {
            loop {
                match self.store.document(&id).await {
                    Ok(Some(document)) if is_it(&document) => return Waited::Arrived(document),
                    Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
                    Err(error) => return Waited::Failed(error.to_string()),
                }
            }
        };
        self.check.runtime.block_on(async {
            tokio::select! {
                waited = looking => waited,
                () = tokio::time::sleep(self.check.args.wait) => Waited::Late,
                () = shutdown::signal() => Waited::Interrupted,
            }
        })
    }

    /// Where it is, when it is not where it should be.
    fn stuck(&self, reader: &Reader, (partition, offset): (i32, i64), letters: &Bounds) -> Result<String> {
        if let Some(reason) = self.rejected_as(reader, partition, offset, letters)? {
            return Ok(format!(
                "it is in the dead letters, as {reason}: does the classifier run with this manifest, and is its clock right?"
            ));
        }
        let group = &self.check.topics.group;
        let progress = classifier::progress(self.check, reader)?;
        match progress.of(partition).and_then(|partition| partition.committed) {
            Some(next) if next > offset => Ok(format!(
                "the classifier is past it: does it write to another Elasticsearch or another index than {}?",
                self.store.index
            )),
            next => {
                let behind = next.map_or(offset, |next| offset - next);
                Ok(format!(
                    "it is still in the topic: before it in partition {partition} are {behind} records that the group {group} has not \
                     committed: the classifier's log and /ready say what it waits for; with much to catch up with, give --wait more time"
                ))
            }
        }
    }

    /// As what the dead letters have it, as far as they came in since.
    fn rejected_as(
        &self,
        reader: &Reader,
        partition: i32,
        offset: i64,
        before: &Bounds,
    ) -> Result<Option<String>> {
        let topics = &self.check.topics;
        let mut spans = reader.bounds(&topics.rejected)?;
        for (partition, (low, _)) in &mut spans {
            *low = before.get(partition).map_or(*low, |(_, high)| *high);
        }
        let mut found = None;
        reader.read(&topics.rejected, &spans, |record| {
            if let Record::Letter(letter) = Record::of(record)
                && *letter.id.place.topic == *topics.observations
                && letter.id.place.partition == partition
                && i64::try_from(letter.id.place.offset) == Ok(offset)
            {
                found = Some(format!("{} ({})", letter.reason.code(), letter.reason.message()));
            }
            Ok(())
        })?;
        Ok(found)
    }
}

impl Traveller {
    /// The first of the pressures that the manifest stores.
    fn new(classifier: &Classifier) -> Option<Self> {
        let measured = now();
        let id = format!("{PATIENT}-{:016x}", RandomState::new().hash_one((std::process::id(), measured)));
        PRESSURES.into_iter().find_map(|pressures| {
            let text = json_of(&id, pressures, measured, "final").to_string();
            let Batch { mut anomalies, .. } = classifier.classify(&[message(text, measured)], measured);
            let write = anomalies.pop().filter(|write| !write.document.withdrawn)?;
            Some(Self { id: id.clone(), pressures, measured, write })
        })
    }

    /// It as FHIR.
    fn json(&self, status: &str) -> Value {
        json_of(&self.id, self.pressures, self.measured, status)
    }
}

fn json_of(id: &str, (systolic, diastolic): (u16, u16), measured: Timestamp, status: &str) -> Value {
    let code = |code: &str| json!({"coding": [{"system": "http://loinc.org", "code": code}]});
    let side = |loinc: &str, value: u16| {
        let quantity =
            json!({"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"});
        json!({"code": code(loinc), "valueQuantity": quantity})
    };
    json!({
        "resourceType": "Observation",
        "id": id,
        "meta": {"lastUpdated": now()},
        "status": status,
        "code": code("85354-9"),
        "subject": {"reference": format!("Patient/{PATIENT}")},
        "effectiveDateTime": measured,
        "component": [side("8480-6", systolic), side("8462-4", diastolic)],
    })
}

fn message(text: String, time: Timestamp) -> Message {
    let origin = Origin { topic: "".into(), partition: 0, offset: 0, line: 0 };
    Message { origin, time, bytes: text.into_bytes(), extent: Extent::Whole, entry: None }
}

#[cfg(test)]
mod tests {
    use bpmonitor_settings::manifest::Settings;

    use super::*;

    #[test]
    fn it_is_the_mildest_anomaly_that_is_stored() {
        let made = |settings: &Settings| Traveller::new(&tail::classifier(settings, tail::no_key())).unwrap();
        let traveller = made(&Settings::default());
        assert_eq!(traveller.pressures, PRESSURES[0]);
        assert!(traveller.id.starts_with("bpmonitor-check-"));
        assert_ne!(traveller.id, made(&Settings::default()).id);
        assert_eq!(traveller.json("entered-in-error")["status"], "entered-in-error");
    }
}
