//! Files read from where each was left, and their records sent.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bpmonitor_clinical::{MAX_RECORD_BYTES, ReadContext};
use bpmonitor_pipeline::files::{FilePosition, FileSource, Fingerprint, Input, NoFeed};
use bpmonitor_pipeline::{Extent, Message, PortError, Source as _, Used, now};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Files, Report, TooLarge, record};
use crate::kafka::{Connection, Outgoing, Published, Publisher, Stored};
use crate::target::Ends;
use crate::{Host, PublishError};

/// How long a record waits for others.
const LINGER: Duration = Duration::from_millis(5);

/// How far a file was published, as the state topic keeps it. It says nothing of what the file is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// What its records say they are from: the file, as it was when it was begun.
    source: String,
    offset: u64,
    line: u64,
    /// What was published of it, hashed.
    fingerprint: String,
}

/// A file that is not published to its end.
struct Unfinished<'f> {
    path: &'f str,
    key: Arc<str>,
    position: Position,
}

/// Files being published, over as many connections as it takes.
pub(super) struct Replay<'r> {
    pub(super) files: &'r Files,
    pub(super) host: &'r Host,
    pub(super) report: Report,
    /// What was left out, by file and offset.
    pub(super) too_large: BTreeMap<(String, u64), TooLarge>,
    /// Up to where each file's records were looked at: what is sent anew is not counted anew.
    pub(super) looked_at: HashMap<String, u64>,
    pub(super) has_begun: bool,
    pub(super) progress: &'r mut dyn FnMut(u64),
}

impl Replay<'_> {
    /// Publishes what is left, as long as the connection lasts. Whether all that was sent is acknowledged.
    pub(super) fn session(&mut self, connection: &Connection<'_>) -> Result<bool, PublishError> {
        let files = self.files;
        let keys: HashMap<String, &str> =
            files.paths.iter().map(|path| (key(connection.topic(), path), path.as_str())).collect();
        let mut stored = connection.stored::<Position>(|key| keys.contains_key(key))?;
        let (mut unfinished, mut left) = (Vec::new(), Left::default());
        for path in &files.paths {
            let key = key(connection.topic(), path);
            let stored = stored.remove(&key);
            if let Some(position) = left.look_at(path, stored)? {
                unfinished.push(Unfinished { path, key: Arc::from(key), position });
            }
        }
        if !self.has_begun {
            self.report.done_before = files.paths.len() - unfinished.len();
        }
        let ends = match left.ends {
            Some(ends) => ends,
            None => connection.ends()?,
        };
        let is_begun = |name: &str| unfinished.iter().any(|file| file.position.source == name);
        let published = if left.has_begun {
            connection.published(is_begun, &ends, left.is_quiet)?
        } else {
            Published::new()
        };
        let ends = connection.within_ends(ends)?;
        let mut publisher = Publisher::new(connection, ends, LINGER, connection.most_bytes)?;
        publisher.begin(unfinished.iter().map(|file| (Arc::clone(&file.key), file.position.clone())))?;
        self.has_begun = true;
        self.host.status.works();
        let pace = Pace { begun: Instant::now(), rate: files.rate_per_second, sent: 0 };
        let mut sending = Sending { connection, publisher, published, pace };
        for file in unfinished {
            match self.publish(file, &mut sending) {
                Err(PublishError::Stopped) => break,
                done => done?,
            }
        }
        sending.publisher.settle_or_stop()
    }

    fn publish(&mut self, file: Unfinished<'_>, sending: &mut Sending<'_>) -> Result<(), PublishError> {
        let _runtime = self.host.runtime.enter();
        let Unfinished { path, key, mut position } = file;
        let input = Input { position: position.at(path)?, follow: false };
        let mut source = FileSource::new([input], NoFeed);
        while let Some(messages) = self.host.runtime.block_on(source.next())? {
            for message in messages {
                if message.origin.offset != position.offset {
                    return Err(PublishError::Unavailable(format!("{path} was replaced while it was read")));
                }
                let used = self.send(path, &message, &position, sending)?;
                let reached = source.accept(used);
                if message.extent == Extent::TooLarge {
                    let bytes = reached.offset - position.offset;
                    self.leave_out(path, position.offset, message.origin.line, bytes, MAX_RECORD_BYTES);
                }
                (self.progress)(reached.offset - position.offset);
                position = Position::of(&reached, position.source);
                sending.publisher.mark(&key, position.clone());
            }
        }
        Ok(())
    }

    /// Sends the records of a message, but for those that are already there. How much of it that was.
    fn send(
        &mut self,
        path: &str,
        message: &Message,
        position: &Position,
        sending: &mut Sending<'_>,
    ) -> Result<Used, PublishError> {
        let mut used = Used::default();
        if message.extent == Extent::TooLarge {
            return Ok(used);
        }
        let context = ReadContext { source: &self.files.source, now: now(), record_time: message.time };
        let is_all = message.extent == Extent::Whole;
        while let Some(rest) = message.bytes.get(used.bytes..).filter(|rest| !rest.is_empty()) {
            let Some(record) = record::first(rest, is_all, &context) else { break };
            let offset = message.origin.offset + used.bytes as u64;
            let line = message.origin.line + used.lines as u64;
            used.bytes += record.bytes;
            used.lines += record.lines;
            if record.payload.is_empty() {
                continue;
            }
            self.count(path, offset, record.is_fhir);
            let outgoing = Outgoing {
                key: record.patient.as_deref(),
                payload: record.payload,
                source: &position.source,
                number: offset,
            };
            let limit = sending.connection.most_bytes;
            if outgoing.size() > limit {
                self.leave_out(path, offset, line, record.payload.len() as u64, limit);
                continue;
            }
            sending.send(&outgoing)?;
        }
        Ok(used)
    }

    fn count(&mut self, path: &str, offset: u64, is_fhir: bool) {
        let looked_at = self.looked_at.entry(path.to_owned()).or_insert(0);
        if offset >= *looked_at {
            *looked_at = offset + 1;
            self.report.not_fhir += u64::from(!is_fhir);
        }
    }

    fn leave_out(&mut self, path: &str, offset: u64, line: u64, bytes: u64, limit: usize) {
        let record = TooLarge { path: path.to_owned(), line, bytes, limit: limit as u64 };
        let before = self.too_large.insert((path.to_owned(), offset), record.clone());
        if before.is_none() {
            tracing::error!("{record}");
        }
    }
}

/// Where the files were left.
struct Left {
    /// Where records of those that were begun may stand.
    ends: Option<Ends>,
    has_begun: bool,
    is_quiet: bool,
}

impl Default for Left {
    fn default() -> Self {
        Self { ends: None, has_begun: false, is_quiet: true }
    }
}

impl Left {
    /// Where to go on with a file; none where it was published to its end.
    fn look_at(
        &mut self,
        path: &str,
        stored: Option<Stored<Position>>,
    ) -> Result<Option<Position>, PublishError> {
        let failed = || PortError::io(format!("reading {path}"));
        let mut file = File::open(path).map_err(failed())?;
        let Some(Stored { position, ends, is_quiet, .. }) = stored else {
            return Ok(Some(Position::start(path)));
        };
        if !position.is_of(&mut file).map_err(failed())? {
            tracing::warn!(
                path,
                "the file was replaced since it was last published; publishing it from its beginning"
            );
            return Ok(Some(Position::start(path)));
        }
        if file.metadata().map_err(failed())?.len() == position.offset {
            return Ok(None);
        }
        self.has_begun = true;
        self.is_quiet &= is_quiet;
        match &mut self.ends {
            None => self.ends = Some(ends),
            Some(first) => {
                first.retain(|partition, _| ends.contains_key(partition));
                for (partition, end) in first {
                    *end = (*end).min(ends.get(partition).copied().unwrap_or_default());
                }
            }
        }
        Ok(Some(position))
    }
}

/// What a session sends with.
struct Sending<'c> {
    connection: &'c Connection<'c>,
    publisher: Publisher<'c, Position>,
    published: Published,
    pace: Pace,
}

impl Sending<'_> {
    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), PublishError> {
        let there = self.published.get_mut(record.source);
        if there.is_some_and(|numbers| numbers.remove(&record.number)) {
            return Ok(());
        }
        loop {
            let wait = self.pace.wait();
            self.publisher.serve(wait)?;
            if self.connection.is_to_stop() {
                return Err(PublishError::Stopped);
            }
            if wait.is_zero() {
                break;
            }
        }
        self.publisher.send(record)?;
        self.pace.sent += 1;
        Ok(())
    }
}

/// Holds a rate.
struct Pace {
    begun: Instant,
    rate: Option<f64>,
    sent: u32,
}

impl Pace {
    /// How long to wait until the next record, at most until the next look.
    fn wait(&self) -> Duration {
        const LOOK_EVERY: Duration = Duration::from_millis(200);
        let Some(rate) = self.rate else { return Duration::ZERO };
        let due = Duration::try_from_secs_f64(f64::from(self.sent) / rate).unwrap_or(Duration::MAX);
        due.saturating_sub(self.begun.elapsed()).min(LOOK_EVERY)
    }
}

impl Position {
    /// The beginning of a file that nothing was published of.
    fn start(path: &str) -> Self {
        let begun = Timestamp::now().as_nanosecond().to_string();
        let hash = Sha256::new_with_prefix(path).chain_update([0]).chain_update(begun).finalize();
        let name = hex::encode(hash.get(..8).unwrap_or_default());
        Self { source: format!("file-{name}"), offset: 0, line: 0, fingerprint: String::new() }
    }

    fn of(reached: &FilePosition, source: String) -> Self {
        let FilePosition { offset, line, fingerprint, .. } = reached;
        Self { source, offset: *offset, line: *line, fingerprint: hex::encode(&fingerprint.0) }
    }

    fn at(&self, path: &str) -> Result<FilePosition, PublishError> {
        let fingerprint = hex::decode(&self.fingerprint).map_err(|_| {
            PublishError::Refused(format!("what the state topic says of {path} cannot be understood"))
        })?;
        let Self { offset, line, .. } = *self;
        Ok(FilePosition { path: Arc::from(path), offset, line, fingerprint: Fingerprint(fingerprint) })
    }

    /// Whether this was reached in that file.
    fn is_of(&self, file: &mut File) -> io::Result<bool> {
        if self.offset == 0 {
            return Ok(true);
        }
        let is_long_enough = file.metadata()?.len() >= self.offset;
        Ok(is_long_enough && hex::encode(Fingerprint::of(file, self.offset)?.0) == self.fingerprint)
    }
}

/// Under which key the state topic keeps how far a file was published.
fn key(topic: &str, path: &str) -> String {
    let hash = Sha256::new_with_prefix(topic).chain_update([0]).chain_update(path).finalize();
    format!("file:{}", hex::encode(hash))
}
