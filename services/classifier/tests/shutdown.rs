//! SIGTERM under load: what was begun is finished and committed, within the limit, and nothing is repeated afterwards.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::{Duration, Instant};

use bpmonitor_test_support::http_proxy::{Fault, HttpProxy};
use common::deployment::{Deployment, Place};
use common::expected::Expected;
use common::held;
use common::load::Load;
use common::mixture::Mixture;
use common::{pass, seed, turn, until};

#[test]
fn sigterm_commits_all_that_was_written() {
    let _turn = turn();
    let (deployment, seed) = (Deployment::new(), seed());
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), 2_000);
    for _ in 0..3 {
        let replica = deployment.start();
        pass(Duration::from_millis(1_500));
        let asked = Instant::now();
        assert_eq!(replica.stop(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
        // What is there is what is committed, and no more: so nothing will be repeated.
        let records = deployment.place.kafka.read(&deployment.topic);
        let partitions = [0, 1, 2];
        let committed = deployment.place.kafka.committed(&deployment.group, &deployment.topic, &partitions);
        let is_committed = |partition, offset: u64| {
            committed.get(&partition).is_some_and(|end| i64::try_from(offset).unwrap() < *end)
        };
        let before: Vec<_> =
            records.into_iter().filter(|record| is_committed(record.partition, record.offset)).collect();
        let expected = Expected::of(&deployment.classifier(), &deployment.topic, &before, |_| false);
        let lines = held::lines(&deployment.archive, &deployment.topic);
        assert_eq!(lines.values().map(Vec::len).sum::<usize>(), expected.lines.values().sum::<usize>());
        let (letters, written) =
            held::letters(&deployment.place.kafka, &deployment.rejected, &deployment.topic);
        assert_eq!((letters, written), (expected.letters.clone(), expected.letters.len()));
    }
    let replica = deployment.start();
    let sent = load.stop();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    assert_eq!(deployment.account(&sent).repeated_letters, 0);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let _turn = turn();
    let place = Place::shared();
    let proxy = HttpProxy::start(&place.url);
    let deployment = Deployment::at(Place { url: proxy.url(), ..place });
    let replica = deployment.start();
    proxy.set(Fault::Hang);
    let messages = Mixture::new(seed()).take(200);
    deployment.publish(&messages);
    until("a bulk is under way", || proxy.arrived() > 0);
    replica.signal("TERM");
    pass(Duration::from_millis(500));
    let asked = Instant::now();
    assert_eq!(replica.stop(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(2));
    proxy.set(Fault::None);
    let replica = deployment.start();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&messages);
}

#[test]
fn what_cannot_be_finished_within_the_limit_is_left_to_the_next() {
    let _turn = turn();
    let place = Place::shared();
    let proxy = HttpProxy::start(&place.url);
    let mut deployment = Deployment::at(Place { url: proxy.url(), ..place });
    deployment.options = ["--drain", "2s"].map(str::to_owned).to_vec();
    let replica = deployment.start();
    proxy.set(Fault::Answer(503));
    let messages = Mixture::new(seed()).take(2_000);
    deployment.publish(&messages);
    replica.await_trouble("ElasticsearchUnavailable");
    let asked = Instant::now();
    let code = replica.stop();
    assert!(asked.elapsed() < Duration::from_secs(6), "it took {:?}", asked.elapsed());
    println!("exit code of a drain that was given up: {code:?}");
    proxy.set(Fault::None);
    let replica = deployment.start();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&messages);
}
