//! Kill -9 of classifiers at random moments under load: whatever was under way, every entry is accounted for exactly once.
//!
//! `BPMONITOR_TEST_KILLS` says how many kills (5 unless given), `BPMONITOR_TEST_SEED` from which seed.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::deployment::Deployment;
use common::load::Load;
use common::mixture::Mixture;
use common::{from_environment, moment, pass, seed, turn};
use fastrand::Rng;

/// A killed member keeps its partitions until its session has timed out, so about half of these moments see readings go by.
const LONGEST: Duration = Duration::from_secs(6);
const RATE: u32 = 1_500;

#[test]
fn one_replica_is_killed_again_and_again() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let mut random = Rng::with_seed(seed);
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), RATE);
    for _ in 0..from_environment("BPMONITOR_TEST_KILLS", 5) {
        let replica = deployment.launch();
        pass(Duration::from_millis(300) + moment(&mut random, LONGEST));
        replica.kill();
    }
    let replica = deployment.start();
    let sent = load.stop();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&sent);
}

#[test]
fn one_of_two_replicas_is_killed_again_and_again() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let mut random = Rng::with_seed(seed);
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), RATE);
    let mut replicas = vec![deployment.launch(), deployment.launch()];
    for _ in 0..from_environment("BPMONITOR_TEST_KILLS", 5) {
        pass(moment(&mut random, LONGEST));
        let which = random.usize(..replicas.len());
        replicas.remove(which).kill();
        replicas.push(deployment.launch());
    }
    let sent = load.stop();
    deployment.settled();
    for replica in replicas {
        assert_eq!(replica.stop(), Some(0));
    }
    deployment.account(&sent);
}
