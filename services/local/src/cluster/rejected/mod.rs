//! `bpmonitor rejected` of a ward in Kafka: what could not be read, why, and once more.

mod replay;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use bpmonitor_clinical::RejectionReason;
use bpmonitor_pipeline::cluster::kafka::KafkaConnection;
use bpmonitor_settings::manifest::{self, Settings};
use jiff::Timestamp;
use serde::Serialize;

use super::KafkaWardArgs;
use super::letters::{Letter, LetterId, Place, Record};
use super::reader::{Bounds, Reader};
use crate::cli::{ListArgs, RowOutput, ShowArgs};
use crate::commands::rejected::write_original;
use crate::commands::row_output;
use crate::failure::bad_usage;

pub(crate) use replay::replay;

/// The dead letters' topic of a ward, as far as it goes now.
struct Letters {
    reader: Reader,
    topic: String,
    bounds: Bounds,
}

/// A Rejection as it is listed: nothing of its content.
#[derive(Serialize)]
struct Row {
    number: i64,
    reason: &'static str,
    message: &'static str,
    stored: Timestamp,
    bytes: usize,
    key: String,
    at: At,
}

/// Where the original stands.
#[derive(Serialize)]
struct At {
    topic: Arc<str>,
    partition: i32,
    offset: u64,
    start: usize,
    entry: Option<u32>,
}

/// What is kept of a letter until all are known.
struct Seen {
    number: i64,
    reason: RejectionReason,
    stored: Timestamp,
    bytes: usize,
}

impl Letters {
    fn open(ward: &KafkaWardArgs, file: Option<&Path>) -> Result<Self> {
        let settings = file.map(manifest::read).transpose()?;
        let topic = topic(ward, settings.as_ref())?;
        Self::of(&ward.connection.connection(settings.as_ref())?, topic)
    }

    fn of(connection: &KafkaConnection, topic: String) -> Result<Self> {
        let reader = Reader::connect(connection)?;
        let bounds = reader.bounds(&topic)?;
        Ok(Self { reader, topic, bounds })
    }

    fn read(&self, mut visit: impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        self.reader.read(&self.topic, &self.bounds, |record| visit(Record::of(record)))
    }

    /// A letter's number: unlike a count, it stays the same whatever comes and goes.
    fn number(&self, letter: &Letter<'_>) -> i64 {
        letter.offset * self.partitions() + i64::from(letter.partition) + 1
    }

    fn partitions(&self) -> i64 {
        i64::try_from(self.bounds.len()).unwrap_or(i64::MAX).max(1)
    }
}

/// The dead letters' topic.
fn topic(ward: &KafkaWardArgs, settings: Option<&Settings>) -> Result<String> {
    match (&ward.topics.rejected_topic, settings) {
        (Some(topic), None) => Ok(topic.clone()),
        _ => Ok(ward.topics.topics(settings)?.rejected),
    }
}

/// Lists every Rejection that was not replayed, in the order of time.
pub(crate) fn list(args: &ListArgs) -> Result<()> {
    let letters = Letters::open(&args.ward, args.file.as_deref())?;
    let mut seen: HashMap<LetterId, Seen> = HashMap::new();
    let mut replayed: HashSet<LetterId> = HashSet::new();
    letters.read(|record| {
        match record {
            Record::Letter(letter) => {
                let number = letters.number(&letter);
                let Letter { id, reason, stored, original, .. } = letter;
                seen.entry(id).or_insert(Seen { number, reason, stored, bytes: original.len() });
            }
            Record::Replayed(id) => drop(replayed.insert(id)),
            Record::Other => {}
        }
        Ok(())
    })?;
    let mut left: Vec<(LetterId, Seen)> = seen.into_iter().filter(|(id, _)| !replayed.contains(id)).collect();
    left.sort_by_key(|(_, seen)| (seen.stored, seen.number));
    write_rows(left, row_output(args.output))
}

fn write_rows(letters: Vec<(LetterId, Seen)>, output: RowOutput) -> Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if output == RowOutput::Table {
        writeln!(out, "{:>8}  {:<15}WHERE, AND WHAT IS WRONG", "NUMBER", "REASON")?;
    }
    for (LetterId { place, .. }, seen) in letters {
        if output == RowOutput::Json {
            serde_json::to_writer(&mut out, &row(place, &seen))?;
            writeln!(out)?;
            continue;
        }
        writeln!(out, "{:>8}  {:<15}{place}", seen.number, seen.reason.code())?;
        writeln!(out, "{:>8}  {:<15}{}", "", "", seen.reason.message())?;
    }
    Ok(out.flush()?)
}

fn row(place: Place, seen: &Seen) -> Row {
    let key = place.to_string();
    let Place { topic, partition, offset, start, entry } = place;
    Row {
        number: seen.number,
        reason: seen.reason.code(),
        message: seen.reason.message(),
        stored: seen.stored,
        bytes: seen.bytes,
        key,
        at: At { topic, partition, offset, start, entry },
    }
}

/// Prints the bytes of one Rejection as they were received.
pub(crate) fn show(args: &ShowArgs) -> Result<()> {
    let letters = Letters::open(&args.ward, args.file.as_deref())?;
    let original = match (args.letter.parse(), Place::parse(&args.letter)) {
        (Ok(number), _) => find_number(&letters, number)?,
        (_, Some(place)) => find_place(&letters, &place)?,
        (Err(_), None) => None,
    };
    let unknown =
        || bad_usage(format!("no Rejection has the number or key {}: see `rejected list`", args.letter));
    write_original(&original.ok_or_else(unknown)?)
}

fn find_number(letters: &Letters, number: i64) -> Result<Option<Vec<u8>>> {
    let Some(index) = number.checked_sub(1).filter(|index| *index >= 0) else { return Ok(None) };
    let (offset, partition) = (index / letters.partitions(), index % letters.partitions());
    let mut found = None;
    let Ok(partition) = i32::try_from(partition) else { return Ok(None) };
    let is_there = letters.bounds.get(&partition).is_some_and(|(low, high)| (*low..*high).contains(&offset));
    if is_there {
        let span = Bounds::from([(partition, (offset, offset + 1))]);
        letters.reader.read(&letters.topic, &span, |record| {
            if let Record::Letter(letter) = Record::of(record) {
                found = (letter.offset == offset).then(|| letter.original.to_vec());
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// The letter of a key; the newest one, should a topic have been made anew.
fn find_place(letters: &Letters, place: &Place) -> Result<Option<Vec<u8>>> {
    let mut found: Option<(Timestamp, Vec<u8>)> = None;
    letters.read(|record| {
        if let Record::Letter(letter) = record
            && letter.id.place == *place
            && found.as_ref().is_none_or(|(time, _)| *time < letter.id.time)
        {
            found = Some((letter.id.time, letter.original.to_vec()));
        }
        Ok(())
    })?;
    Ok(found.map(|(_, original)| original))
}
