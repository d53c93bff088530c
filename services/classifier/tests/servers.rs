//! Kill -9 of the broker and of Elasticsearch at random moments under load, in a lab of the test's own. The classifier recovers by
//! itself, and every entry is accounted for.
//!
//! `BPMONITOR_TEST_SERVER_KILLS` says how many kills of each (1 unless given), `BPMONITOR_TEST_SEED` from which seed.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use common::deployment::Deployment;
use common::load::Load;
use common::mixture::{Mixture, Sent};
use common::own_lab::Own;
use common::{from_environment, moment, pass, seed, until};
use fastrand::Rng;
use serde_json::{Value, json};

/// One test, since one lab serves both: first each alone, then both at once, then a disk that is full, then a broker that is there only later.
#[test]
fn broker_and_elasticsearch_are_killed_again_and_again() {
    let own = Own::up("classifier-servers");
    let seed = seed();
    let mut random = Rng::with_seed(seed);
    let deployment = Deployment::at(own.place.clone());
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), 800);
    let mut replica = deployment.start();
    for _ in 0..from_environment("BPMONITOR_TEST_SERVER_KILLS", 1) {
        for parts in [&["elasticsearch"][..], &["kafka"], &["kafka", "elasticsearch"]] {
            pass(moment(&mut random, Duration::from_secs(3)));
            for part in parts {
                own.lab().signal(part, "KILL");
            }
            pass(moment(&mut random, Duration::from_secs(1)));
            for part in parts {
                own.lab().up(part);
            }
            until("the classifier is ready by itself", || replica.is_ready());
            assert!(replica.is_running() && replica.is_live());
        }
    }
    let sent = load.stop();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&sent);

    let sent = a_disk_past_its_flood_stage(&own, &deployment, sent, seed);
    a_broker_that_is_there_later(&own, &deployment, sent, seed);
    drop(deployment);
}

/// Elasticsearch finds its disk too full, and blocks the index until there is room again.
fn a_disk_past_its_flood_stage(
    own: &Own,
    deployment: &Deployment,
    mut sent: Vec<Sent>,
    seed: u64,
) -> Vec<Sent> {
    let set = |interval: Value, enabled: Value, free: Value| {
        let disk = json!({"threshold_enabled": enabled, "watermark": {"low": free, "high": free, "flood_stage": free}});
        let settings =
            json!({"cluster.info.update.interval": interval, "cluster.routing.allocation.disk": disk});
        own.place.elastic.good("PUT", "_cluster/settings", Some(&json!({"persistent": settings})));
    };
    let replica = deployment.start();
    set(json!("10s"), json!(true), json!("1000tb"));
    let mut mixture = Mixture::new(seed + 2);
    // Blocked is only what is written, so there has to be something to write when it happens.
    until("the disk is past its flood stage", || {
        let more = mixture.take(100);
        deployment.publish(&more);
        sent.extend(more);
        replica.why_not_ready().is_some_and(|why| why.contains("DiskFloodStage"))
    });
    assert!(replica.is_live());
    set(Value::Null, Value::Null, Value::Null);
    until("there is room again, and the classifier is ready by itself", || replica.is_ready());
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&sent);
    sent
}

/// The classifier is started first: it says what it waits for, and begins once the broker is there.
fn a_broker_that_is_there_later(own: &Own, deployment: &Deployment, mut sent: Vec<Sent>, seed: u64) {
    let more = Mixture::new(seed + 1).take(1_000);
    deployment.publish(&more);
    sent.extend(more);
    own.lab().signal("kafka", "KILL");
    let replica = deployment.launch();
    replica.await_trouble("KafkaUnreachable");
    assert!(replica.is_live(), "it is not restarted for what a restart does not mend");
    pass(Duration::from_secs(3));
    own.lab().up("kafka");
    until("the classifier is ready by itself", || replica.is_ready());
    deployment.settled();

    // Once more with nothing to read or write: it is ready again all the same.
    own.lab().signal("kafka", "KILL");
    replica.await_trouble("KafkaUnreachable");
    own.lab().up("kafka");
    until("an idle classifier is ready by itself", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&sent);
}
