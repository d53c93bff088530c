//! Rebalances under load: replicas come, go, are killed and fall asleep; they share one archive.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::deployment::Deployment;
use common::load::Load;
use common::mixture::Mixture;
use common::replica::Replica;
use common::{pass, seed, turn, until};

const RATE: u32 = 1_500;

/// How many partitions a replica says are its own.
fn partitions(replica: &Replica) -> u64 {
    replica.metrics().get("bpmonitor_partitions").map_or(0, |count| *count as u64)
}

fn shared_out(replicas: &[&Replica]) -> bool {
    replicas.iter().all(|replica| partitions(replica) > 0)
        && replicas.iter().map(|of| partitions(of)).sum::<u64>() == 3
}

#[test]
fn one_to_three_to_one() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), RATE);
    let first = deployment.start();
    pass(Duration::from_secs(2));
    let (second, third) = (deployment.launch(), deployment.launch());
    until("each replica has a partition", || shared_out(&[&first, &second, &third]));
    pass(Duration::from_secs(2));
    assert_eq!(first.stop(), Some(0), "scaled down by SIGTERM");
    until("two replicas share the partitions", || shared_out(&[&second, &third]));
    pass(Duration::from_secs(1));
    third.kill();
    until("the last replica has all", || shared_out(&[&second]));
    let sent = load.stop();
    deployment.settled();
    assert_eq!(second.stop(), Some(0));
    let accounts = deployment.account(&sent);
    assert!(accounts.lines > 0);
}

#[test]
fn a_zombie_neither_commits_nor_writes() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), RATE);
    let zombie = deployment.start();
    pass(Duration::from_secs(2));
    for _ in 0..2 {
        zombie.signal("STOP");
        let heir = deployment.launch();
        until("another has taken all partitions over", || shared_out(&[&heir]));
        pass(Duration::from_secs(1));
        zombie.signal("CONT");
        until("the partitions are shared out again", || shared_out(&[&zombie, &heir]));
        pass(Duration::from_secs(1));
        assert_eq!(heir.stop(), Some(0));
        until("it has all partitions back", || shared_out(&[&zombie]));
    }
    let sent = load.stop();
    deployment.settled();
    assert_eq!(zombie.stop(), Some(0));
    deployment.account_with_zombies(&sent);
}

#[test]
fn a_zombie_whose_work_was_held_up_neither_commits_nor_writes() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let messages = Mixture::new(seed).take(30_000);
    deployment.publish(&messages);
    // Stopped at different moments of a backlog: in the middle of a bulk, of an archive's append, of a commit.
    let mut zombies = Vec::new();
    for millis in [250, 400, 550] {
        let zombie = deployment.launch();
        pass(Duration::from_millis(millis));
        zombie.signal("STOP");
        zombies.push(zombie);
    }
    let heir = deployment.launch();
    until("another has taken all partitions over", || shared_out(&[&heir]));
    for zombie in &zombies {
        zombie.signal("CONT");
    }
    deployment.settled();
    for replica in zombies {
        assert_eq!(replica.stop(), Some(0));
    }
    assert_eq!(heir.stop(), Some(0));
    deployment.settled();
    deployment.account_with_zombies(&messages);
}
