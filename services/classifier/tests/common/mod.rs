//! What the end-to-end tests share: a deployment of the real classifier on a real Kafka and Elasticsearch, what is published to it,
//! and the accounting of what became of it.

#![allow(dead_code, reason = "each test uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

pub(crate) mod accounts;
pub(crate) mod deployment;
pub(crate) mod elastic;
pub(crate) mod expected;
pub(crate) mod held;
pub(crate) mod kafka;
pub(crate) mod load;
pub(crate) mod mixture;
pub(crate) mod observations;
pub(crate) mod own_lab;
pub(crate) mod publisher;
pub(crate) mod replica;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a condition may take to come true on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    assert!(within(PATIENCE, condition), "waited {PATIENCE:?} in vain until {what}");
}

/// Waits until `condition` holds, at most so long; whether it does.
pub(crate) fn within(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !condition() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    true
}

/// Lets time pass, where what a test looks at is that nothing happens in it.
pub(crate) fn pass(time: Duration) {
    let deadline = Instant::now() + time;
    while let Some(rest) = deadline.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
        std::thread::park_timeout(rest);
    }
}

/// A number from the environment, for the long form of a test.
pub(crate) fn from_environment(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

/// The seed of a test's random numbers, which it tells, so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = from_environment("BPMONITOR_TEST_SEED", u64::from(now.subsec_nanos()));
    println!("BPMONITOR_TEST_SEED={seed}");
    seed
}

/// Heavy tests of one file take turns.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random numbers of a seed, good enough to choose test data with (`SplitMix64`).
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    pub(crate) fn moment(&mut self, at_most: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(at_most.as_millis()).unwrap().max(1)))
    }
}
