//! The simulated ward: its history first, then each Observation when it is due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bpmonitor_pipeline::now;
use bpmonitor_simulation::{Clocks, Observation, Pace, Position, Settings, Simulation, patient_id};
use jiff::{SignedDuration, Timestamp};

use crate::kafka::{Connection, Outgoing, Publisher, Stored};
use crate::{Host, PublishError, Target};

/// Under which key the state topic keeps how far a ward has come.
const STATE_KEY: &str = "producer";
/// The most Observations that are sent between two looks at the clock.
const BATCH: usize = 1024;
/// How far batches are apart, unless there is more to be done than fits one.
const BATCH_EVERY: Duration = Duration::from_millis(4);
/// From which rate on a record waits a little for others, a second.
const BUSY_PER_SECOND: f64 = 100.0;
/// How long it then waits.
const BUSY_LINGER: Duration = Duration::from_millis(5);
/// How long to wait before connecting anew.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How far the clock may be behind where a history ends, for it to be waited for.
const CLOCK_MAY_BE_BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// A ward to be simulated.
#[derive(Clone, Debug)]
pub struct Ward {
    /// What it is like.
    pub settings: Settings,
    /// When a new ward's history ends; now where it is not given.
    pub start: Option<Timestamp>,
    /// After how many Observations to end.
    pub count: Option<u64>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How many Observations were published and acknowledged.
    pub published: u64,
    /// Whether all that was sent was acknowledged. What was not is published by the next run, unless it arrived.
    pub is_settled: bool,
}

/// Publishes a ward: from where it was left, until it is to stop or as many Observations as were asked for are acknowledged. While
/// Kafka is away it waits.
///
/// # Errors
///
/// [`PublishError::BadUsage`] and [`PublishError::Refused`] where it cannot begin. Whatever happens later is waited out.
pub fn publish(ward: &Ward, target: &Target, host: &Host) -> Result<Ended, PublishError> {
    let mut run = Run { ward, host, end: None, has_begun: false };
    let before = host.status.produced();
    loop {
        let why = match run.session(target) {
            Ok(is_settled) => return Ok(Ended::since(before, host, is_settled)),
            // What was never begun has nothing under way.
            Err(PublishError::Stopped) => return Ok(Ended::since(before, host, !run.has_begun)),
            Err(why @ PublishError::Unavailable(_)) => why,
            Err(why @ PublishError::Refused(_)) if run.has_begun => why,
            Err(error) => return Err(error),
        };
        host.status.kafka.failing(why.reason(), why.to_string());
        host.wait(AGAIN_AFTER);
    }
}

impl Ended {
    fn since(before: u64, host: &Host, is_settled: bool) -> Self {
        Self { published: host.status.produced() - before, is_settled }
    }
}

/// A ward being published, over as many connections as it takes.
struct Run<'r> {
    ward: &'r Ward,
    host: &'r Host,
    /// The index of the first Observation that is not to be published.
    end: Option<u64>,
    has_begun: bool,
}

impl Run<'_> {
    /// Publishes from where it was left, as long as the connection lasts. Whether all that was sent is acknowledged.
    fn session(&mut self, target: &Target) -> Result<bool, PublishError> {
        let connection = Connection::open(target, self.host)?;
        let stored = connection.stored::<Position>(|key| key == STATE_KEY)?.remove(STATE_KEY);
        let (simulation, ends, known) = match stored {
            None => (self.begin()?, connection.ends()?, HashSet::new()),
            Some(Stored { position, ends, is_quiet, .. }) => {
                let simulation = self.resume(&position, target)?;
                let source = source(position.seed());
                let mut known = connection.published(|name| name == source, &ends, is_quiet)?;
                (simulation, connection.within_ends(ends)?, known.remove(&source).unwrap_or_default())
            }
        };
        let linger =
            if self.ward.settings.rate_per_second < BUSY_PER_SECOND { Duration::ZERO } else { BUSY_LINGER };
        let mut publisher = Publisher::new(&connection, ends, linger, 0)?;
        let key: Arc<str> = Arc::from(STATE_KEY);
        publisher.begin([(Arc::clone(&key), simulation.position())])?;
        let (done, total) = (simulation.history().done, simulation.history().total);
        if !self.has_begun {
            tracing::info!(
                topic = target.topic,
                history_left = total - done,
                rate_per_second = self.ward.settings.rate_per_second,
                found_published = known.len(),
                "publishing"
            );
        }
        self.has_begun = true;
        self.host.status.works();
        let seed = self.ward.settings.seed;
        let mut sender = Sender { publisher, key, source: source(seed), seed, published: known };
        let simulation = self.catch_up(simulation, &mut sender)?;
        self.live(simulation, sender)
    }

    /// A new ward.
    fn begin(&self) -> Result<Simulation, PublishError> {
        let now = now();
        let start = self.ward.start.unwrap_or(now);
        if start > now {
            return Err(PublishError::BadUsage(
                "--start lies in the future: live readings begin there, so name a time that has come"
                    .to_owned(),
            ));
        }
        Ok(Simulation::begin(&self.ward.settings, start))
    }

    /// The ward as it was left, at the rate that it had.
    fn resume(&self, position: &Position, target: &Target) -> Result<Simulation, PublishError> {
        let state = &target.state_topic;
        if self.ward.start.is_some_and(|start| start != position.start()) {
            return Err(PublishError::BadUsage(format!(
                "this ward began at {}: leave --start out to go on with it, or name other topics with --topic and \
                 --state-topic",
                position.start()
            )));
        }
        if position.is_in_history() && position.start().duration_since(now()) > CLOCK_MAY_BE_BEHIND {
            return Err(PublishError::BadUsage(format!(
                "this ward's live readings begin at {}, which lies ahead of this machine's clock: set the clock right",
                position.start()
            )));
        }
        let as_it_was = Settings { rate_per_second: position.rate_per_second(), ..self.ward.settings };
        Simulation::resume(&as_it_was, position).map_err(|error| {
            PublishError::BadUsage(format!(
                "the topic {state}: {error}: name other topics with --topic and --state-topic"
            ))
        })
    }

    /// Publishes what is missing among what was published: it was due before, whatever the rate is now. From there on the ward
    /// is as it is asked for.
    fn catch_up(
        &mut self,
        mut simulation: Simulation,
        sender: &mut Sender<'_>,
    ) -> Result<Simulation, PublishError> {
        let next = simulation.position().next();
        let behind = sender.published.iter().max().map_or(next, |last| (last + 1).max(next));
        let end = self.end_from(next, &sender.published);
        let mut left = behind.min(end).saturating_sub(next);
        while left > 0 {
            let taken = simulation.take(Timestamp::MAX, usize::try_from(left).unwrap_or(BATCH).min(BATCH));
            if taken.is_empty() {
                break;
            }
            left -= taken.len() as u64;
            sender.send(&taken, &simulation)?;
        }
        let resumed = Simulation::resume(&self.ward.settings, &simulation.position());
        resumed.map_err(|error| PublishError::BadUsage(error.to_string()))
    }

    /// Where to end: behind as many Observations as were asked for that had not been published when this run began.
    fn end_from(&mut self, next: u64, published: &HashSet<u64>) -> u64 {
        let Some(count) = self.ward.count else { return u64::MAX };
        if let Some(end) = self.end {
            return end;
        }
        let mut at = next;
        let mut left = count;
        while left > 0 {
            left -= u64::from(!published.contains(&at));
            at += 1;
        }
        self.end = Some(at);
        at
    }

    fn live(&mut self, simulation: Simulation, mut sender: Sender<'_>) -> Result<bool, PublishError> {
        let mut pace = Pace::new(simulation, self.ward.settings.rate_per_second, clocks());
        let end = self.end.unwrap_or(u64::MAX);
        loop {
            let next = pace.simulation().position().next();
            let left = usize::try_from(end.saturating_sub(next)).unwrap_or(usize::MAX);
            if left == 0 || self.host.stop.is_cancelled() {
                break;
            }
            let now = self.look(&mut pace, &mut sender);
            let wait = pace.wait(now);
            if !wait.is_zero() {
                sender.publisher.serve(wait)?;
                continue;
            }
            let due = pace.take(now, BATCH.min(left));
            match sender.send(&due, pace.simulation()) {
                Err(PublishError::Stopped) => break,
                sent => sent?,
            }
            let rest = if due.len() < BATCH.min(left) { BATCH_EVERY } else { Duration::ZERO };
            sender.publisher.serve(rest)?;
        }
        self.host.status.set_lag(Duration::ZERO);
        sender.publisher.settle_or_stop()
    }

    /// Looks at the clock, and tells what there is to tell.
    fn look(&self, pace: &mut Pace, sender: &mut Sender<'_>) -> Timestamp {
        if sender.publisher.was_blocked() {
            pace.paused();
        }
        let look = pace.look(clocks());
        if let Some(jump) = look.jump {
            tracing::warn!(seconds = jump.as_secs(), "the clock jumped");
        }
        if let Some(due) = look.left_out_since {
            tracing::info!(%due, now = %look.now, "the next reading was due too long ago, or too far ahead; live readings go on from now");
            sender.publisher.mark(&sender.key, pace.simulation().position());
        }
        let history = pace.simulation().history();
        self.host.status.set_history(history.done, history.total);
        let since_due = look.now.duration_since(pace.simulation().next_due());
        let is_late = pace.history_left() == 0 && since_due.is_positive();
        let late = if is_late { since_due.unsigned_abs() } else { Duration::ZERO };
        self.host.status.set_lag(late.max(sender.publisher.stalled_for()));
        look.now
    }
}

fn clocks() -> Clocks {
    Clocks { wall: now(), steady: Instant::now() }
}

/// What records of a ward say they are from.
fn source(seed: u32) -> String {
    format!("sim-{seed}")
}

/// Sends a ward's Observations, but for those that are already there.
struct Sender<'c> {
    publisher: Publisher<'c, Position>,
    key: Arc<str>,
    source: String,
    seed: u32,
    /// What is already there, from the position on at which this began.
    published: HashSet<u64>,
}

impl Sender<'_> {
    /// Sends these, behind which `simulation` now is.
    fn send(&mut self, observations: &[Observation], simulation: &Simulation) -> Result<(), PublishError> {
        for observation in observations {
            if !self.published.is_empty() && self.published.remove(&observation.index) {
                continue;
            }
            let patient = format!("Patient/{}", patient_id(self.seed, observation.patient));
            self.publisher.send(&Outgoing {
                key: Some(&patient),
                payload: &observation.json,
                source: &self.source,
                number: observation.index,
            })?;
        }
        self.publisher.mark(&self.key, simulation.position());
        Ok(())
    }
}
