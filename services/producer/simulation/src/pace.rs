//! The pace of a live ward: what is due by the clock, and what becomes of gaps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clocks;
use crate::{Observation, Simulation};

/// Up to which gap readings are made up for, or waited for: a restart, a nap of the machine. A ward that was off
/// for longer was not measured meanwhile.
const GAP_BRIDGED: SignedDuration = SignedDuration::from_mins(10);
/// How long at most to wait until the next look: the clock may jump meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Keeps a simulation in step with the clock, which whoever owns it reads.
#[derive(Clone, Debug)]
pub struct Pace {
    simulation: Simulation,
    rate_per_second: f64,
    last: Clocks,
    /// Whether the next look at a live ward is the first one, or the first one after a pause.
    begins: bool,
}

/// What a look at the clock found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What time it is.
    pub now: Timestamp,
    /// By how much the clock jumped since the last look; negative where it went back.
    pub jump: Option<SignedDuration>,
    /// When the next observation was due, where that is too long ago or too far ahead: live readings go on from now.
    pub left_out_since: Option<Timestamp>,
}

impl Pace {
    /// Goes on with a simulation.
    pub const fn new(simulation: Simulation, rate_per_second: f64, clocks: Clocks) -> Self {
        Self { simulation, rate_per_second, last: clocks, begins: true }
    }

    /// The simulation, behind everything taken so far.
    pub const fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Looks at the clock. When live readings begin, after a jump, and after a pause, they go on with it, unless what lies
    /// between is short enough to be bridged.
    pub fn look(&mut self, clocks: Clocks) -> Look {
        let jump = clocks.jump_since(self.last);
        self.last = clocks;
        let mut look = Look { now: clocks.wall, jump, left_out_since: None };
        if self.history_left() > 0 {
            return look;
        }
        if std::mem::take(&mut self.begins) || jump.is_some() {
            look.left_out_since = self.bridge(clocks.wall);
        }
        look
    }

    /// Says that nothing could be published for a while: the next look takes it for a beginning.
    pub const fn paused(&mut self) {
        self.begins = true;
    }

    fn bridge(&mut self, now: Timestamp) -> Option<Timestamp> {
        let due = self.simulation.next_due();
        if is_bridged(now.duration_since(due), self.rate_per_second) {
            return None;
        }
        self.simulation.go_on_at(now);
        Some(due)
    }

    /// How many observations of the history are not yet taken.
    pub fn history_left(&self) -> u64 {
        let progress = self.simulation.history();
        progress.total - progress.done
    }

    /// How long to wait at `now` until the next look: 0 where an observation is due.
    pub fn wait(&self, now: Timestamp) -> Duration {
        let wait = self.simulation.next_due().duration_since(now);
        if wait.is_positive() { wait.unsigned_abs().min(LOOK_EVERY) } else { Duration::ZERO }
    }

    /// The observations due by `now`, at most `most`. Live readings begin with a batch of their own.
    pub fn take(&mut self, now: Timestamp, most: usize) -> Vec<Observation> {
        let left = usize::try_from(self.history_left()).unwrap_or(most);
        self.simulation.take(now, if left == 0 { most } else { most.min(left) })
    }
}

/// Whether readings at this rate can go on where they were, the next having been due for so long (ahead, where it is negative).
fn is_bridged(since_due: SignedDuration, rate_per_second: f64) -> bool {
    let interval = SignedDuration::try_from_secs_f64(1.0 / rate_per_second).unwrap_or(SignedDuration::MAX);
    let gap = GAP_BRIDGED.max(interval.saturating_mul(2));
    since_due <= gap && since_due >= SignedDuration::ZERO - gap
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{History, Locale, Mix, Settings};

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

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn ward(history: History) -> Simulation {
        let mix = Mix { normal: 1.0, elevated: 0.0, stage1: 0.0, stage2: 0.0, crisis: 0.0, hypotension: 0.0 };
        let locale: Locale = "en".parse().unwrap();
        Simulation::begin(
            &Settings { patients: 2, seed: 1, locale, mix, history, rate_per_second: 1.0 },
            START,
        )
    }

    /// Both clocks, so many seconds after the start; the wall clock was set ahead by `set`.
    fn after(begun: Instant, seconds: u64, set: i64) -> Clocks {
        let wall = START + SignedDuration::from_secs(i64::try_from(seconds).unwrap() + set);
        Clocks { wall, steady: begun + Duration::from_secs(seconds) }
    }

    const NO_HISTORY: History = History { days: 0, readings_per_day: 0 };

    #[test]
    fn a_short_gap_is_made_up_for_and_a_long_one_left_out() {
        let begun = Instant::now();
        for (gap, taken) in [(60, 60), (599, 599), (700, 0)] {
            let mut pace = Pace::new(ward(NO_HISTORY), 1.0, after(begun, gap, 0));
            let look = pace.look(after(begun, gap, 0));
            assert_eq!(look.left_out_since.is_some(), taken == 0, "{gap}");
            assert_eq!(pace.take(look.now, 10_000).len(), taken, "{gap}");
        }
    }

    #[test]
    fn a_jump_is_seen_once_and_a_pause_is_like_a_beginning() {
        let begun = Instant::now();
        let mut pace = Pace::new(ward(NO_HISTORY), 1.0, after(begun, 0, 0));
        assert_eq!(pace.look(after(begun, 1, 0)).jump, None);
        let look = pace.look(after(begun, 2, 3600));
        assert_eq!(look.jump, Some(SignedDuration::from_hours(1)));
        assert!(look.left_out_since.is_some());
        assert_eq!(pace.look(after(begun, 3, 3600)).jump, None);
        // What could not keep up is made up for, however long that takes; what was paused is not.
        assert_eq!(pace.look(after(begun, 5_000, 3600)).left_out_since, None);
        pace.paused();
        assert!(pace.look(after(begun, 5_001, 3600)).left_out_since.is_some());
    }

    #[test]
    fn live_readings_begin_with_a_batch_of_their_own_and_the_history_has_no_gaps() {
        let begun = Instant::now();
        let mut pace = Pace::new(ward(History { days: 1, readings_per_day: 4 }), 1.0, after(begun, 5_000, 0));
        let look = pace.look(after(begun, 5_000, 0));
        assert_eq!((look.left_out_since, pace.wait(look.now)), (None, Duration::ZERO));
        assert_eq!(pace.take(look.now, 100).len(), 8);
        let look = pace.look(after(begun, 5_000, 0));
        assert!(look.left_out_since.is_some());
        assert_eq!(pace.wait(look.now), LOOK_EVERY);
    }
}
