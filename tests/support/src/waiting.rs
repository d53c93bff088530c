//! Waiting for what is to come true.

use std::time::{Duration, Instant};

/// How long a condition may take to come true on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `condition` holds.
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(PATIENCE, condition), "waited {PATIENCE:?} in vain until {what}");
}

/// Waits until `condition` holds, at most so long; whether it does.
pub fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    true
}

/// Lets time pass, where what a test looks at is that nothing happens in it.
pub fn pass(time: Duration) {
    let deadline = Instant::now() + time;
    while let Some(rest) = deadline.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        std::thread::park_timeout(rest);
    }
}
