//! How a live ward is doing: what the page's status says.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpmonitor_pipeline::{Tally, now};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Over how long the throughput is averaged.
const THROUGHPUT_OVER: Duration = Duration::from_secs(10);
/// From which lag on a ward is behind.
const BEHIND: SignedDuration = SignedDuration::from_secs(5);
/// How long a jump of the clock is told of.
const JUMP_TOLD_FOR: SignedDuration = SignedDuration::from_mins(10);

/// What a ward is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// Readings of the past are published first.
    History,
    /// Readings come as they are due.
    Live,
    /// There is no simulation.
    Files,
}

/// What somebody should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoticeCode {
    ClockWentBack,
    ClockWentAhead,
    Behind,
    DiskFull,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Notice {
    pub(crate) code: NoticeCode,
    pub(crate) since: Timestamp,
    pub(crate) seconds: i64,
}

/// How many observations of the past were published.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct History {
    pub(crate) done: u64,
    pub(crate) total: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Entries {
    anomaly: u64,
    normal: u64,
    rejected: u64,
    skipped: u64,
    withdrawn: u64,
}

/// The status as the API gives it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    as_of: Timestamp,
    sequence: i64,
    phase: Phase,
    entries: Entries,
    throughput_per_second: f64,
    rate_per_second: Option<f64>,
    lag_seconds: Option<f64>,
    history: Option<History>,
    notices: Vec<Notice>,
}

/// How far a simulation is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Simulated {
    pub(crate) rate_per_second: f64,
    /// When the next observation is due.
    pub(crate) next_due: Timestamp,
    pub(crate) history: History,
}

/// The status of a ward, written by the pipeline and read by the page.
#[derive(Debug)]
pub(crate) struct Status {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    started: Instant,
    sequence: i64,
    totals: Tally,
    recent: VecDeque<(Instant, u64)>,
    simulated: Option<Simulated>,
    jump: Option<Notice>,
    disk_full_since: Option<Timestamp>,
    behind_since: Option<Timestamp>,
}

impl Status {
    /// Of a ward with these counts so far.
    pub(crate) fn new(totals: Tally) -> Self {
        let state = State {
            started: Instant::now(),
            // Larger than that of any earlier process.
            sequence: Timestamp::now().as_millisecond(),
            totals,
            recent: VecDeque::new(),
            simulated: None,
            jump: None,
            disk_full_since: None,
            behind_since: None,
        };
        Self { state: Mutex::new(state) }
    }

    /// Counts what became durable.
    pub(crate) fn committed(&self, tally: &Tally) {
        let mut state = self.locked();
        state.sequence += 1;
        state.totals.add(tally);
        state.recent.push_back((Instant::now(), tally.entries()));
        state.forget_old();
        state.notice_lag(now());
    }

    /// Says that what is stored changed without an entry.
    pub(crate) fn changed(&self) {
        self.locked().sequence += 1;
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.locked().sequence
    }

    /// Says how far the simulation is.
    pub(crate) fn set_simulated(&self, simulated: Simulated) {
        self.locked().simulated = Some(simulated);
    }

    pub(crate) fn clock_jumped(&self, by: SignedDuration) {
        let code = if by.is_negative() { NoticeCode::ClockWentBack } else { NoticeCode::ClockWentAhead };
        self.locked().jump = Some(Notice { code, since: now(), seconds: by.abs().as_secs() });
    }

    /// Says whether the disk has no room for what comes in.
    pub(crate) fn set_disk_full(&self, is_full: bool) {
        let mut state = self.locked();
        state.disk_full_since = is_full.then(|| state.disk_full_since.unwrap_or_else(now));
    }

    pub(crate) fn report(&self) -> Report {
        let now = now();
        self.locked().report(now)
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget_old(&mut self) {
        while self.recent.front().is_some_and(|(time, _)| time.elapsed() > THROUGHPUT_OVER) {
            self.recent.pop_front();
        }
    }

    fn report(&mut self, now: Timestamp) -> Report {
        self.forget_old();
        let lag = self.notice_lag(now);
        Report {
            as_of: now,
            sequence: self.sequence,
            phase: self.phase(),
            entries: Entries {
                anomaly: self.totals.anomaly,
                normal: self.totals.normal,
                rejected: self.totals.rejected,
                skipped: self.totals.skipped,
                withdrawn: self.totals.withdrawn,
            },
            throughput_per_second: self.throughput(),
            rate_per_second: self.simulated.map(|simulated| simulated.rate_per_second),
            lag_seconds: lag.map(|lag| lag.as_secs_f64()),
            history: self.simulated.map(|simulated| simulated.history),
            notices: self.notices(now, lag),
        }
    }

    fn phase(&self) -> Phase {
        match self.simulated {
            None => Phase::Files,
            Some(Simulated { history, .. }) if history.done < history.total => Phase::History,
            Some(_) => Phase::Live,
        }
    }

    fn lag(&self, now: Timestamp) -> Option<SignedDuration> {
        let simulated = self.simulated?;
        let waiting = now.duration_since(simulated.next_due);
        let is_live = self.phase() == Phase::Live;
        Some(if is_live { waiting.max(SignedDuration::ZERO) } else { SignedDuration::ZERO })
    }

    /// The lag; remembers since when it is more than it should be.
    fn notice_lag(&mut self, now: Timestamp) -> Option<SignedDuration> {
        let lag = self.lag(now);
        let is_behind = lag.is_some_and(|lag| lag > BEHIND);
        self.behind_since = is_behind.then(|| self.behind_since.unwrap_or(now));
        lag
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn throughput(&self) -> f64 {
        let over = self.started.elapsed().clamp(Duration::from_secs(1), THROUGHPUT_OVER);
        let entries: u64 = self.recent.iter().map(|(_, entries)| entries).sum();
        (entries as f64 / over.as_secs_f64() * 10.0).round() / 10.0
    }

    fn notices(&mut self, now: Timestamp, lag: Option<SignedDuration>) -> Vec<Notice> {
        self.jump.take_if(|jump| now.duration_since(jump.since).abs() > JUMP_TOLD_FOR);
        let behind = lag.zip(self.behind_since).map(|(lag, since)| Notice {
            code: NoticeCode::Behind,
            since,
            seconds: lag.as_secs(),
        });
        let full = self.disk_full_since.map(|since| Notice {
            code: NoticeCode::DiskFull,
            since,
            seconds: now.duration_since(since).as_secs(),
        });
        full.into_iter().chain(self.jump.clone()).chain(behind).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn simulated(next_due: Timestamp, done: u64) -> Simulated {
        Simulated { rate_per_second: 5.0, next_due, history: History { done, total: 10 } }
    }

    fn report(status: &Status, now: Timestamp) -> serde_json::Value {
        serde_json::to_value(status.locked().report(now)).unwrap()
    }

    #[test]
    fn lag_is_how_long_the_next_reading_has_been_due() {
        let status = Status::new(Tally::default());
        assert_eq!(report(&status, at(0))["lag_seconds"], serde_json::Value::Null);
        status.set_simulated(simulated(at(-100), 3));
        let history = report(&status, at(0));
        assert_eq!((&history["phase"], &history["lag_seconds"]), (&"history".into(), &0.0.into()));
        status.set_simulated(simulated(at(1), 10));
        assert_eq!(report(&status, at(0))["lag_seconds"], 0.0);
        assert_eq!(report(&status, at(3))["lag_seconds"], 2.0);
        assert_eq!(report(&status, at(3))["notices"], serde_json::json!([]));
    }

    #[test]
    fn whoever_is_behind_says_since_when() {
        let status = Status::new(Tally::default());
        status.set_simulated(simulated(at(0), 10));
        assert_eq!(report(&status, at(6))["notices"][0]["code"], "behind");
        let later = report(&status, at(20));
        assert_eq!(later["notices"][0]["since"], at(6).to_string());
        assert_eq!(later["notices"][0]["seconds"], 20);
        status.set_simulated(simulated(at(30), 10));
        assert_eq!(report(&status, at(20))["notices"], serde_json::json!([]));
    }

    #[test]
    fn a_sequence_grows_with_everything_durable() {
        let status = Status::new(Tally::default());
        let before = status.sequence();
        status.committed(&Tally::default());
        status.changed();
        assert_eq!(status.sequence(), before + 2);
    }
}
