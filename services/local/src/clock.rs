//! The wall clock, watched for jumps by the steady one.

use std::time::Instant;

use bpmonitor_pipeline::now;
use jiff::{SignedDuration, Timestamp};

/// By how much the clocks may drift apart between two looks. More is a jump: somebody set the clock, or the machine slept.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// Watches the wall clock.
#[derive(Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    steady: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::at(now(), Instant::now())
    }

    fn at(wall: Timestamp, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// The time, and by how much the clock jumped since the last look; negative where it went back.
    pub(crate) fn look(&mut self) -> (Timestamp, Option<SignedDuration>) {
        self.look_at(now(), Instant::now())
    }

    fn look_at(&mut self, wall: Timestamp, steady: Instant) -> (Timestamp, Option<SignedDuration>) {
        let passed = SignedDuration::try_from(steady.duration_since(self.steady)).unwrap_or_default();
        let jump = wall.duration_since(self.wall) - passed;
        *self = Self::at(wall, steady);
        (wall, (jump.abs() > TOLERANCE).then_some(jump))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_jump_is_what_the_steady_clock_does_not_explain() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        for (wall_passed, steady_passed, jump) in [
            (1_000, 1_000, None),
            (86_400_000, 86_400_000, None),
            (2_500, 1_000, None),
            (0, 1_500, None),
            (61_000, 1_000, Some(60_000)),
            (-59_000, 1_000, Some(-60_000)),
            (0, 10_000, Some(-10_000)),
        ] {
            let mut clock = Clock::at(wall, steady);
            let wall = wall + SignedDuration::from_millis(wall_passed);
            let found = clock.look_at(wall, steady + Duration::from_millis(steady_passed));
            assert_eq!(found, (wall, jump.map(SignedDuration::from_millis)), "{wall_passed} {steady_passed}");
        }
    }

    #[test]
    fn a_jump_is_seen_once() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        let mut clock = Clock::at(wall, steady);
        let later = wall + SignedDuration::from_hours(1);
        assert!(clock.look_at(later, steady).1.is_some());
        assert_eq!(clock.look_at(later, steady).1, None);
    }
}
