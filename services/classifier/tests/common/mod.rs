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
pub(crate) mod own_lab;
pub(crate) mod publisher;
pub(crate) mod replica;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use bpmonitor_test_support::waiting::{PATIENCE, pass, until, within};
use fastrand::Rng;

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

/// How long to wait before the next blow: at most so long.
pub(crate) fn moment(random: &mut Rng, at_most: Duration) -> Duration {
    at_most.mul_f64(random.f64())
}
