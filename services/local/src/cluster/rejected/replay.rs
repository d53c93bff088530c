//! `bpmonitor rejected replay` into Kafka: what can be read now is published again, once.
//!
//! What was replayed stands in the dead letters' topic itself, as a record without content under the letter's key. What a replay that
//! was killed had published and not yet noted there is found in the Observations' topic: the replay's first record says from where on.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use anyhow::{Context, Result};
use bpmonitor_clinical::{Finding, PatientIdentity, ReadContext, Source, Step, read_next};
use bpmonitor_pipeline::cluster::kafka::{LetterHeaders, header};
use bpmonitor_pipeline::{Classifier, Tally, now};
use bpmonitor_settings::manifest;
use rdkafka::Message as _;
use tokio::runtime::Runtime;

use super::{Letters, topic};
use crate::cli::ReplayArgs;
use crate::cluster::letters::{Letter, LetterId, Record};
use crate::cluster::publisher::{Outgoing, Publisher, Sent};
use crate::cluster::reader::Reader;
use crate::cluster::tail::{classifier, no_key};
use crate::summary::{self, grouped};
use crate::{progress, pump};

/// Says in a record which letter it replays.
const REPLAY_OF: &str = "bpmonitor-replay-of";
/// Under which key the dead letters' topic says that a replay is under way.
const UNDER_WAY: &str = "bpmonitor-replay";
/// The partition that says so.
const UNDER_WAY_IN: i32 = 0;
/// How many letters are sent before they are noted as replayed.
const BATCH_LETTERS: usize = 500;
/// How many bytes of them at most, roughly.
const BATCH_BYTES: usize = 16 * 1024 * 1024;

/// For each partition of the Observations' topic, its end.
type Ends = BTreeMap<i32, i64>;

/// What became of the letters.
#[derive(Debug, Default)]
struct Report {
    /// What all of them are when they are read again.
    tally: Tally,
    sent: u64,
    cut: u64,
}

/// What the topics say of earlier replays.
#[derive(Default)]
struct Before {
    /// Letters that are noted as replayed.
    replayed: HashSet<LetterId>,
    /// Letters that are published and not noted.
    published: HashSet<String>,
    /// Where the Observations' topic ended when a replay began that did not end.
    begun_at: Option<Ends>,
}

/// Publishes every Rejection that can be read now. The others stay.
pub(crate) fn replay(args: &ReplayArgs) -> Result<()> {
    let settings = args.file.as_deref().map(manifest::read).transpose()?;
    let observations = args.ward.topics.observations(settings.as_ref())?;
    let rejected = topic(&args.ward, settings.as_ref())?;
    let connection = args.ward.connection.connection(settings.as_ref())?;
    let letters = Letters::of(&connection, rejected)?;
    let settings = settings.unwrap_or_default();
    let mut replay = Replay {
        before: Before::read(&letters, &observations)?,
        letters: &letters,
        observations: &observations,
        classifier: classifier(&settings, no_key()),
        publisher: Publisher::new(&connection)?,
        runtime: pump::runtime()?,
        batch: Vec::new(),
        bytes: 0,
        done: HashSet::new(),
        report: Report::default(),
    };
    let bar = progress::spinner().with_message("replaying");
    let done = replay.run();
    bar.finish_and_clear();
    done.context("the same command goes on from there")?;
    write_report(&mut io::stdout().lock(), &replay.report, &observations)
}

impl Before {
    fn read(letters: &Letters, observations: &str) -> Result<Self> {
        let mut before = Self::default();
        letters.reader.read(&letters.topic, &letters.bounds, |record| {
            if let Record::Replayed(id) = Record::of(record) {
                before.replayed.insert(id);
            } else if record.key() == Some(UNDER_WAY.as_bytes()) {
                before.begun_at = record.payload().map(serde_json::from_slice).transpose()?;
            }
            Ok(())
        })?;
        if let Some(ends) = &before.begun_at {
            before.published = published_since(ends, &letters.reader, observations)?;
        }
        Ok(before)
    }
}

/// The letters that were published behind these ends.
fn published_since(ends: &Ends, reader: &Reader, observations: &str) -> Result<HashSet<String>> {
    let mut spans = reader.bounds(observations)?;
    for (partition, (low, high)) in &mut spans {
        // An end behind the end is of a topic that was removed and made anew.
        let begun = ends.get(partition).copied().filter(|end| *end <= *high);
        *low = begun.unwrap_or(*low).max(*low);
    }
    let mut published = HashSet::new();
    reader.read(observations, &spans, |record| {
        published.extend(header(record, REPLAY_OF).map(str::to_owned));
        Ok(())
    })?;
    Ok(published)
}

/// A letter that is published.
struct Published {
    id: LetterId,
    /// Where the letter lies in its topic.
    partition: i32,
    /// Its record on the way; none where it was there already.
    sent: Option<Sent>,
}

/// A replay.
struct Replay<'r> {
    before: Before,
    letters: &'r Letters,
    observations: &'r str,
    classifier: Classifier,
    publisher: Publisher,
    runtime: Runtime,
    /// Letters that are published and not yet noted.
    batch: Vec<Published>,
    bytes: usize,
    /// Letters that were looked at.
    done: HashSet<LetterId>,
    report: Report,
}

impl Replay<'_> {
    fn run(&mut self) -> Result<()> {
        self.begin()?;
        let letters = self.letters;
        letters.read(|record| match record {
            Record::Letter(letter) => self.look_at(&letter),
            Record::Replayed(_) | Record::Other => Ok(()),
        })?;
        self.note()?;
        self.say_under_way(None)
    }

    /// Says from where on the Observations' topic may have what this replay publishes.
    fn begin(&mut self) -> Result<()> {
        let ends = if let Some(ends) = self.before.begun_at.take() {
            ends
        } else {
            let bounds = self.letters.reader.bounds(self.observations)?;
            bounds.into_iter().map(|(partition, (_, high))| (partition, high)).collect()
        };
        self.say_under_way(Some(&serde_json::to_vec(&ends)?))
    }

    fn say_under_way(&self, payload: Option<&[u8]>) -> Result<()> {
        let topic = &self.letters.topic;
        let record = Outgoing {
            topic,
            partition: Some(UNDER_WAY_IN),
            key: Some(UNDER_WAY),
            payload,
            ..Outgoing::default()
        };
        self.runtime.block_on(self.publisher.deliver(record)).map(drop)
    }

    fn look_at(&mut self, letter: &Letter<'_>) -> Result<()> {
        if self.before.replayed.contains(&letter.id) || !self.done.insert(letter.id.clone()) {
            return Ok(());
        }
        if letter.is_cut {
            self.report.cut += 1;
            return Ok(());
        }
        let batch = self.classifier.classify(&[letter.message()], now());
        let tally = batch.tallies.total();
        self.report.tally.add(&tally);
        if tally.rejected > 0 {
            return Ok(());
        }
        self.report.sent += 1;
        let name = name(&letter.id);
        let sent = if self.before.published.contains(&name) { None } else { Some(self.send(letter, &name)?) };
        self.batch.push(Published { id: letter.id.clone(), partition: letter.partition, sent });
        self.bytes += letter.original.len();
        if self.batch.len() >= BATCH_LETTERS || self.bytes >= BATCH_BYTES { self.note() } else { Ok(()) }
    }

    fn send(&self, letter: &Letter<'_>, name: &str) -> Result<Sent> {
        let patient = patient(letter, &self.classifier.source);
        let time = letter.id.time.to_string();
        let record = Outgoing {
            topic: self.observations,
            key: patient.as_deref(),
            payload: Some(letter.original),
            headers: &[(REPLAY_OF, name), (LetterHeaders::TIME, &time)],
            ..Outgoing::default()
        };
        self.runtime.block_on(self.publisher.send(record))
    }

    /// Waits until what was sent is acknowledged, and notes that it was replayed.
    fn note(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        self.runtime.block_on(async {
            let mut notes = Vec::with_capacity(batch.len());
            for Published { id, partition, sent } in batch {
                if let Some(sent) = sent {
                    sent.acknowledged().await?;
                }
                notes.push((id, partition));
            }
            let mut sent = Vec::with_capacity(notes.len());
            for (id, partition) in notes {
                sent.push(self.send_note(&id, partition).await?);
            }
            for note in sent {
                note.acknowledged().await?;
            }
            Ok(())
        })
    }

    async fn send_note(&self, id: &LetterId, partition: i32) -> Result<Sent> {
        let (key, time) = (id.place.to_string(), id.time.to_string());
        let record = Outgoing {
            topic: &self.letters.topic,
            partition: Some(partition),
            key: Some(&key),
            headers: &[(LetterHeaders::TIME, time.as_str())],
            ..Outgoing::default()
        };
        self.publisher.send(record).await
    }
}

/// What a record says it replays.
fn name(id: &LetterId) -> String {
    format!("{}@{}", id.place, id.time)
}

/// The identity of an original's patient, where it has one and only one: what its record is keyed by.
fn patient(letter: &Letter<'_>, source: &Source) -> Option<String> {
    let context = ReadContext { source, now: now(), record_time: letter.id.time };
    let mut patient: Option<String> = None;
    let mut is_alone = true;
    let mut see = |identity: &PatientIdentity<'_>| {
        let identity = identity.to_string();
        is_alone &= patient.as_ref().is_none_or(|other| *other == identity);
        patient = Some(identity);
    };
    let mut rest = letter.original;
    while !rest.is_empty() {
        let step = read_next(rest, true, &context, &mut |entry| match &entry.finding {
            Finding::Reading(reading) => see(&reading.patient.identity),
            Finding::Withdrawal(withdrawal) => {
                withdrawal.patient.as_ref().into_iter().for_each(|patient| see(&patient.identity));
            }
            Finding::Rejected(_) | Finding::Skipped(_) => {}
        });
        let Step::Advanced { bytes, .. } = step else { break };
        rest = rest.get(bytes..).unwrap_or_default();
    }
    patient.filter(|_| is_alone)
}

fn write_report(out: &mut impl Write, report: &Report, topic: &str) -> Result<()> {
    let Report { tally, sent, cut } = report;
    if tally.entries() + cut == 0 {
        return Ok(writeln!(out, "nothing is rejected")?);
    }
    summary::write(out, tally)?;
    writeln!(out)?;
    writeln!(out, "published again to {topic}: {}", grouped(*sent))?;
    if tally.rejected > 0 {
        writeln!(out, "still not readable, and stay: {}", grouped(tally.rejected))?;
    }
    if *cut > 0 {
        writeln!(
            out,
            "cannot be replayed, for only their beginning was kept: {}; publish them from where they came",
            grouped(*cut)
        )?;
    }
    Ok(())
}
