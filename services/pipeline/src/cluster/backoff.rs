//! How long to wait between tries: longer each time, up to a limit, and never the same for everybody.

use std::time::Duration;

/// The first wait, on average.
const FIRST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(10);

/// Waits that double, with jitter: each is between half and all of what it could be.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    wait: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { wait: FIRST }
    }
}

impl Backoff {
    /// How long to wait before the next try.
    pub fn wait(&mut self) -> Duration {
        let full = self.wait;
        self.wait = (self.wait * 2).min(LONGEST);
        full / 2 + full.mul_f64(jitter()) / 2
    }
}

/// From 0 to 1.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    // The standard library's keys are random for each state: enough to keep replicas apart.
    let drawn = RandomState::new().hash_one(0);
    f64::from(u32::try_from(drawn >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        for most in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            let (wait, most) = (backoff.wait(), Duration::from_millis(most));
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
    }
}
