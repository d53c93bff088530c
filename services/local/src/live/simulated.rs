//! The simulated patients as a source: what is due by the clock, in batches.

use std::sync::Arc;
use std::time::Duration;

use bpmonitor_pipeline::embedded::NamedPosition;
use bpmonitor_pipeline::{Extent, Message, Origin, PortError, Source, Used, now};
use bpmonitor_simulation::{Clocks, Observation, Pace, Simulation};
use jiff::Timestamp;
use tokio::time::{Instant, sleep, sleep_until};

use crate::status::{History, Simulated, Status};

/// Under which name its position is kept.
pub(super) const NAME: &str = "simulation";
/// The most observations in a batch: what is made durable at once.
const BATCH: usize = 4096;
/// How far batches are apart, unless there is more to be done than fits one.
const BATCH_EVERY: Duration = Duration::from_millis(20);

/// Gives the observations of a simulation as they are due.
#[derive(Debug)]
pub(crate) struct SimulatedSource {
    pace: Pace,
    rate_per_second: f64,
    status: Arc<Status>,
    topic: Arc<str>,
    /// Before when no further batch is to begin.
    rest_until: Instant,
}

impl SimulatedSource {
    /// Goes on with a simulation. Needs a tokio runtime with time.
    pub(crate) fn new(simulation: Simulation, rate_per_second: f64, status: Arc<Status>) -> Self {
        let source = Self {
            pace: Pace::new(simulation, rate_per_second, clocks()),
            rate_per_second,
            status,
            topic: Arc::from(NAME),
            rest_until: Instant::now(),
        };
        source.tell();
        source
    }

    /// The time by the clock; tells what became of a jump or a gap.
    fn look_at_clock(&mut self) -> Timestamp {
        let look = self.pace.look(clocks());
        if let Some(jump) = look.jump {
            tracing::warn!(seconds = jump.as_secs(), "the clock jumped; the page says so too");
            self.status.clock_jumped(jump);
        }
        if let Some(due) = look.left_out_since {
            tracing::info!(%due, now = %look.now, "the next reading was due too long ago, or too far ahead; live readings go on from now");
            self.tell();
        }
        look.now
    }

    fn tell(&self) {
        let simulation = self.pace.simulation();
        let progress = simulation.history();
        self.status.set_simulated(Simulated {
            rate_per_second: self.rate_per_second,
            next_due: simulation.next_due(),
            history: History { done: progress.done, total: progress.total },
        });
    }

    fn take(&mut self, now: Timestamp) -> Vec<Message> {
        let due = self.pace.take(now, BATCH);
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

fn clocks() -> Clocks {
    Clocks { wall: now(), steady: std::time::Instant::now() }
}

impl Source for SimulatedSource {
    type Position = NamedPosition;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        loop {
            sleep_until(self.rest_until).await;
            let now = self.look_at_clock();
            let wait = self.pace.wait(now);
            if wait.is_zero() {
                return Ok(Some(self.take(now)));
            }
            sleep(wait).await;
        }
    }

    fn accept(&mut self, _used: Used) -> NamedPosition {
        position_of(self.pace.simulation())
    }
}
