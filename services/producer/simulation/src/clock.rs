//! The wall clock, watched for jumps by the steady one. Both are read by whoever asks.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// By how much the clocks may drift apart between two looks. More is a jump: somebody set the clock, or the machine slept.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(2);

/// The wall clock and the steady one, read at the same moment.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// What time it is.
    pub wall: Timestamp,
    /// What nobody sets.
    pub steady: Instant,
}

impl Clocks {
    /// By how much the wall clock jumped since `before`, which the steady one does not explain; negative where it went back.
    pub(crate) fn jump_since(&self, before: Self) -> Option<SignedDuration> {
        let passed = SignedDuration::try_from(self.steady.duration_since(before.steady)).unwrap_or_default();
        let jump = self.wall.duration_since(before.wall) - passed;
        (jump.abs() > TOLERANCE).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_jump_is_what_the_steady_clock_does_not_explain() {
        let before = Clocks { wall: Timestamp::UNIX_EPOCH, steady: Instant::now() };
        for (wall_passed, steady_passed, jump) in [
            (1_000, 1_000, None),
            (86_400_000, 86_400_000, None),
            (2_500, 1_000, None),
            (0, 1_500, None),
            (61_000, 1_000, Some(60_000)),
            (-59_000, 1_000, Some(-60_000)),
            (0, 10_000, Some(-10_000)),
        ] {
            let clocks = Clocks {
                wall: before.wall + SignedDuration::from_millis(wall_passed),
                steady: before.steady + Duration::from_millis(steady_passed),
            };
            let found = clocks.jump_since(before);
            assert_eq!(found, jump.map(SignedDuration::from_millis), "{wall_passed} {steady_passed}");
        }
    }
}
