//! How long each monitor waits after a failure: longer each time, and never the same for all.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kinds::MonitorRef;

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_secs(300);

/// How often each monitor failed in a row.
#[derive(Debug, Default)]
pub struct Backoff(Mutex<HashMap<MonitorRef, u32>>);

impl Backoff {
    fn locked(&self) -> MutexGuard<'_, HashMap<MonitorRef, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a failure, and says how long to wait.
    pub fn failed(&self, monitor: &MonitorRef) -> Duration {
        let mut failures = self.locked();
        let count = failures.entry(monitor.clone()).or_default();
        let full = FIRST.saturating_mul(2_u32.saturating_pow(*count)).min(LONGEST);
        *count = count.saturating_add(1);
        jittered(full)
    }

    /// How often a monitor failed in a row.
    pub fn failures(&self, monitor: &MonitorRef) -> u32 {
        self.locked().get(monitor).copied().unwrap_or_default()
    }

    /// Forgets a monitor's failures.
    pub fn succeeded(&self, monitor: &MonitorRef) {
        self.locked().remove(monitor);
    }
}

/// Between half and all of a length of time.
pub fn jittered(full: Duration) -> Duration {
    // The standard library's keys are random for each state: enough to keep monitors apart.
    let drawn = RandomState::new().hash_one(0);
    let share = f64::from(u32::try_from(drawn >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    full / 2 + full.mul_f64(share) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::monitor_ref;

    #[test]
    fn waits_double_up_to_five_minutes_and_begin_again() {
        let backoff = Backoff::default();
        let monitor = monitor_ref("n", "m");
        for most in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map(Duration::from_secs) {
            let wait = backoff.failed(&monitor);
            assert!(wait >= most / 2 && wait <= most, "{wait:?} of {most:?}");
        }
        backoff.succeeded(&monitor);
        assert!(backoff.failed(&monitor) <= Duration::from_secs(1));
    }
}
