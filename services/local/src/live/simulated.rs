//! The simulated patients as a source: what is due by the clock, in batches.

use std::sync::Arc;
use std::time::Duration;

use bpmonitor_pipeline::embedded::NamedPosition;
use bpmonitor_pipeline::{Extent, Message, Origin, PortError, Source, Used};
use bpmonitor_producer::{Observation, Simulation};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};

use crate::clock::Clock;
use crate::status::{History, Simulated, Status};

/// Under which name its position is kept.
pub(super) const NAME: &str = "simulation";
/// The most observations in a batch: what is made durable at once.
const BATCH: usize = 4096;
/// How far batches are apart, unless there is more to be done than fits one.
const BATCH_EVERY: Duration = Duration::from_millis(20);
/// How long at most to sleep: the clock may jump meanwhile.
const LOOK_AT_CLOCK_EVERY: Duration = Duration::from_millis(500);
/// Up to which gap readings are made up for, or waited for: a restart, a nap of the machine. A ward that was off
/// for longer was not measured meanwhile.
const GAP_BRIDGED: SignedDuration = SignedDuration::from_mins(10);

/// Gives the observations of a simulation as they are due.
#[derive(Debug)]
pub(crate) struct SimulatedSource {
    simulation: Simulation,
    rate_per_second: f64,
    clock: Clock,
    status: Arc<Status>,
    topic: Arc<str>,
    /// Whether the first live observation was looked for.
    is_live: bool,
    /// Before when no further batch is to begin.
    rest_until: Instant,
}

impl SimulatedSource {
    /// Goes on with a simulation. Needs a tokio runtime with time.
    pub(crate) fn new(simulation: Simulation, rate_per_second: f64, status: Arc<Status>) -> Self {
        let source = Self {
            simulation,
            rate_per_second,
            clock: Clock::start(),
            status,
            topic: Arc::from(NAME),
            is_live: false,
            rest_until: Instant::now(),
        };
        source.tell();
        source
    }

    /// The time by the clock. When live readings begin, and after a jump, they go on with it, unless what lies between is
    /// short enough to be bridged.
    fn look_at_clock(&mut self) -> Timestamp {
        let (now, jump) = self.clock.look();
        if let Some(jump) = jump {
            tracing::warn!(seconds = jump.as_secs(), "the clock jumped; the page says so too");
            self.status.clock_jumped(jump);
        }
        let begins = !self.is_live && self.history_left() == 0;
        self.is_live |= begins;
        if self.is_live && (begins || jump.is_some()) {
            self.bridge(now);
        }
        now
    }

    fn bridge(&mut self, now: Timestamp) {
        let due = self.simulation.next_due();
        if is_bridged(now.duration_since(due), self.rate_per_second) {
            return;
        }
        tracing::info!(%due, %now, "the next reading was due too long ago, or too far ahead; live readings go on from now");
        self.simulation.go_on_at(now);
        self.tell();
    }

    fn history_left(&self) -> u64 {
        let progress = self.simulation.history();
        progress.total - progress.done
    }

    fn tell(&self) {
        let progress = self.simulation.history();
        self.status.set_simulated(Simulated {
            rate_per_second: self.rate_per_second,
            next_due: self.simulation.next_due(),
            history: History { done: progress.done, total: progress.total },
        });
    }

    fn take(&mut self, now: Timestamp) -> Vec<Message> {
        // Live readings begin with a batch of their own.
        let left = usize::try_from(self.history_left()).unwrap_or(BATCH);
        let due = self.simulation.take(now, if left == 0 { BATCH } else { BATCH.min(left) });
        self.rest_until = Instant::now();
        if due.len() < BATCH {
            self.rest_until += BATCH_EVERY;
        }
        self.tell();
        due.into_iter().map(|observation| self.message(observation)).collect()
    }

    fn message(&self, observation: Observation) -> Message {
        let origin =
            Origin { topic: Arc::clone(&self.topic), partition: 0, offset: observation.index, line: 0 };
        Message { origin, time: observation.due, bytes: observation.json, extent: Extent::Whole, entry: None }
    }
}

/// How far a simulation is, as it is kept.
#[expect(clippy::expect_used, reason = "numbers and times always serialise")]
pub(super) fn position_of(simulation: &Simulation) -> NamedPosition {
    let state = serde_json::to_string(&simulation.position()).expect("a position serialises");
    NamedPosition { source: NAME.to_owned(), state }
}

/// Whether readings at this rate can go on where they were, the next having been due for so long (ahead, where it is negative).
fn is_bridged(since_due: SignedDuration, rate_per_second: f64) -> bool {
    let interval = SignedDuration::try_from_secs_f64(1.0 / rate_per_second).unwrap_or(SignedDuration::MAX);
    let gap = GAP_BRIDGED.max(interval.saturating_mul(2));
    since_due <= gap && since_due >= SignedDuration::ZERO - gap
}

impl Source for SimulatedSource {
    type Position = NamedPosition;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        loop {
            sleep_until(self.rest_until).await;
            let now = self.look_at_clock();
            let wait = self.simulation.next_due().duration_since(now);
            if wait <= SignedDuration::ZERO {
                return Ok(Some(self.take(now)));
            }
            sleep(wait.unsigned_abs().min(LOOK_AT_CLOCK_EVERY)).await;
        }
    }

    fn accept(&mut self, _used: Used) -> NamedPosition {
        position_of(&self.simulation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_bridged_by_how_often_readings_come() {
        for (minutes, rate, bridged) in [
            (0, 5.0, true),
            (10, 5.0, true),
            (11, 5.0, false),
            (-10, 5.0, true),
            (-11, 5.0, false),
            // One in 1,000 s: the next is due in up to 17 minutes, and may have been for as long.
            (-16, 0.001, true),
            (30, 0.001, true),
            (34, 0.001, false),
            (60 * 24 * 365, 1e-12, true),
        ] {
            assert_eq!(
                is_bridged(SignedDuration::from_mins(minutes), rate),
                bridged,
                "{minutes} min, {rate}/s"
            );
        }
    }
}
