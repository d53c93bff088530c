//! Records sent and followed to their delivery, and how far that is, kept in the state topic.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde::Serialize;

use super::clients::{NO_LOT, Writing};
use super::reader::Connection;
use super::{Stored, ledger::Failure};
use crate::target::Ends;
use crate::{Host, PublishError};

/// The header that says what a record is: of which source, and which of its records.
pub(super) const SOURCE_HEADER: &str = "bpmonitor-source";
/// How often it is stored how far this has come.
const STORE_EVERY: Duration = Duration::from_secs(1);
/// After how many records at the latest.
const STORE_AFTER: u64 = 50_000;
/// For how long records may wait before that is worth telling.
const STALLED_AFTER: Duration = Duration::from_secs(5);
/// How long what was sent may take to be delivered when it is to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(25);
/// How long to wait for room in the queue before looking again.
const ROOM_EVERY: Duration = Duration::from_millis(2);

/// What a record says it is, in a header: `<source>/<number>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourceHeader<'h> {
    pub(super) name: &'h str,
    pub(super) number: u64,
}

impl<'h> SourceHeader<'h> {
    pub(super) fn parse(value: &'h [u8]) -> Option<Self> {
        let (name, number) = std::str::from_utf8(value).ok()?.rsplit_once('/')?;
        Some(Self { name, number: number.parse().ok()? })
    }
}

/// A record to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'r> {
    /// What decides on the partition, so that one patient's records stay in order.
    pub(crate) key: Option<&'r str>,
    pub(crate) payload: &'r [u8],
    /// The source that it is from.
    pub(crate) source: &'r str,
    /// Which of the source's records it is.
    pub(crate) number: u64,
}

impl Outgoing<'_> {
    /// How large it is to Kafka, at most, in bytes.
    pub(crate) fn size(&self) -> usize {
        const FRAME: usize = 256;
        FRAME + self.payload.len() + self.key.map_or(0, str::len) + SOURCE_HEADER.len() + self.source.len()
    }
}

/// Sends records, and keeps in the state topic up to which position everything was delivered.
pub(crate) struct Publisher<'c, P> {
    connection: &'c Connection<'c>,
    producer: BaseProducer<Writing>,
    /// Positions that were marked and are not yet reached, with the keys that they are stored under.
    marks: VecDeque<(Arc<str>, P)>,
    /// The positions that were reached and are not yet stored.
    reached: BTreeMap<Arc<str>, P>,
    ends: Ends,
    stored_at: Instant,
    /// How many records had been delivered then.
    stored_after: u64,
    was_blocked: bool,
}

impl<'c, P: Serialize> Publisher<'c, P> {
    /// Begins where nothing from behind the positions stands before `ends`.
    pub(crate) fn new(
        connection: &'c Connection<'c>,
        ends: Ends,
        linger: Duration,
        most_bytes: usize,
    ) -> Result<Self, PublishError> {
        let producer = connection.target.writer(linger, most_bytes, Arc::clone(&connection.host.status))?;
        Ok(Self {
            connection,
            producer,
            marks: VecDeque::new(),
            reached: BTreeMap::new(),
            ends,
            stored_at: Instant::now(),
            stored_after: connection.host.status.produced(),
            was_blocked: false,
        })
    }

    const fn host(&self) -> &'c Host {
        self.connection.host
    }

    /// Stores where it begins, and waits until that is durable: before anything comes of it.
    pub(crate) fn begin(
        &mut self,
        positions: impl IntoIterator<Item = (Arc<str>, P)>,
    ) -> Result<(), PublishError> {
        self.reached.extend(positions);
        self.store(false)?;
        let begun = Instant::now();
        while self.producer.flush(Duration::from_millis(100)).is_err() {
            self.look_at_deliveries()?;
            if begun.elapsed() > STALLED_AFTER {
                self.tell_of_waiting();
            }
            if self.host().stop.is_cancelled() {
                return Err(PublishError::Stopped);
            }
        }
        self.look_at_deliveries()
    }

    /// Sends a record; waits while the queue is full.
    pub(crate) fn send(&mut self, record: &Outgoing<'_>) -> Result<(), PublishError> {
        let source = format!("{}/{}", record.source, record.number);
        let header =
            || OwnedHeaders::new_with_capacity(1).insert(Header { key: SOURCE_HEADER, value: Some(&source) });
        let connection = self.connection;
        let topic = &connection.target.topic;
        loop {
            let lot = self.producer.context().ledger().lot();
            let mut sent = BaseRecord::with_opaque_to(topic, lot).payload(record.payload).headers(header());
            sent.key = record.key;
            match self.producer.send(sent) {
                Ok(()) => {
                    self.producer.context().ledger().sent();
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.wait_for_room()?;
                }
                Err((error, _)) => return Err(lost(&error)),
            }
        }
    }

    fn wait_for_room(&mut self) -> Result<(), PublishError> {
        self.serve(ROOM_EVERY)?;
        self.was_blocked |= self.is_stalled();
        if self.host().stop.is_cancelled() { Err(PublishError::Stopped) } else { Ok(()) }
    }

    /// Whether sending had to wait for a Kafka that was away, since this was last asked.
    pub(crate) fn was_blocked(&mut self) -> bool {
        !self.is_stalled() && std::mem::take(&mut self.was_blocked)
    }

    fn is_stalled(&self) -> bool {
        self.stalled_for() > STALLED_AFTER
    }

    /// For how long nothing was delivered that should have been.
    pub(crate) fn stalled_for(&self) -> Duration {
        self.producer.context().ledger().stalled_for()
    }

    /// Says that everything sent so far belongs to before this position.
    pub(crate) fn mark(&mut self, key: &Arc<str>, position: P) {
        self.marks.push_back((Arc::clone(key), position));
        self.producer.context().ledger().close();
    }

    /// Follows deliveries for so long, and stores how far they are when it is time.
    pub(crate) fn serve(&mut self, time: Duration) -> Result<(), PublishError> {
        self.producer.poll(time);
        self.look_at_deliveries()?;
        let is_time = self.stored_at.elapsed() >= STORE_EVERY
            || self.host().status.produced() - self.stored_after >= STORE_AFTER;
        if is_time && !self.reached.is_empty() {
            self.store(false)?;
        }
        Ok(())
    }

    fn look_at_deliveries(&mut self) -> Result<(), PublishError> {
        let (left, failure) = {
            let mut ledger = self.producer.context().ledger();
            while let Some(ends) = ledger.take_settled() {
                for (partition, end) in ends {
                    // A topic that was made anew begins at 0 again: then the offset counts that is true now.
                    self.ends.insert(partition, end);
                }
                if let Some((key, position)) = self.marks.pop_front() {
                    self.reached.insert(key, position);
                }
            }
            (ledger.left(), ledger.failure().cloned())
        };
        self.host().status.set_queue(left);
        self.host().status.beat();
        if let Some(failure) = failure {
            return Err(self.refused(&failure));
        }
        if self.is_stalled() {
            self.tell_of_waiting();
        } else if self.host().status.kafka.get().is_some() {
            self.host().status.works();
            self.producer.context().trouble.forget();
        }
        Ok(())
    }

    fn tell_of_waiting(&self) {
        let servers = &self.connection.target.connection.bootstrap_servers;
        let why = self.producer.context().trouble.because_of(servers, &"no record is acknowledged");
        self.host().status.kafka.failing(why.reason(), why.to_string());
    }

    fn refused(&self, failure: &Failure) -> PublishError {
        let topic = &self.connection.target.topic;
        if failure.is_too_large {
            return PublishError::Refused(format!(
                "a record is larger than the topic {topic} takes: raise its max.message.bytes, or split what is \
                 published"
            ));
        }
        PublishError::Unavailable(format!("a record for the topic {topic} was not taken: {}", failure.reason))
    }

    /// Stores how far this has come, and does not wait until that is durable: an older position serves too.
    fn store(&mut self, is_quiet: bool) -> Result<(), PublishError> {
        let target = self.connection.target;
        while let Some((key, position)) = self.reached.pop_first() {
            let stored = Stored { topic: target.topic.clone(), position, ends: self.ends.clone(), is_quiet };
            let value =
                serde_json::to_vec(&stored).map_err(|error| PublishError::Refused(error.to_string()))?;
            loop {
                let record =
                    BaseRecord::with_opaque_to(&target.state_topic, NO_LOT).key(&*key).payload(&value);
                match self.producer.send(record) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        self.producer.poll(ROOM_EVERY);
                        if self.producer.context().ledger().failure().is_some() || self.is_stalled() {
                            self.reached.insert(key, stored.position);
                            return Ok(());
                        }
                    }
                    Err((error, _)) => return Err(lost(&error)),
                }
            }
        }
        self.stored_at = Instant::now();
        self.stored_after = self.host().status.produced();
        Ok(())
    }

    /// Waits until everything sent is delivered, and stores that. When it is to stop, not for long. Whether it all was delivered.
    pub(crate) fn settle_or_stop(&mut self) -> Result<bool, PublishError> {
        while !self.host().stop.is_cancelled() {
            if self.settle(STORE_EVERY)? {
                return Ok(true);
            }
        }
        self.settle(STOPS_WITHIN)
    }

    /// Waits until everything sent is delivered, and stores that; for so long at most. Whether it all was.
    fn settle(&mut self, within: Duration) -> Result<bool, PublishError> {
        let until = Instant::now() + within;
        loop {
            self.look_at_deliveries()?;
            let left = self.producer.context().ledger().left();
            if left == 0 || Instant::now() >= until {
                self.store(left == 0)?;
                let rest = until.saturating_duration_since(Instant::now());
                return Ok(self.producer.flush(rest).is_ok() && left == 0);
            }
            self.producer.poll(Duration::from_millis(5));
        }
    }
}

fn lost(error: &KafkaError) -> PublishError {
    PublishError::Unavailable(format!("the Kafka client gave up: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_of_which_source_a_record_is() {
        let parsed = SourceHeader::parse(b"sim-42/7");
        assert_eq!(parsed, Some(SourceHeader { name: "sim-42", number: 7 }));
        for other in [&b"sim-42"[..], b"sim-42/", b"sim-42/-1", b"\xff/1"] {
            assert_eq!(SourceHeader::parse(other), None);
        }
    }
}
