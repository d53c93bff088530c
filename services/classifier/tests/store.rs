//! Elasticsearch in trouble of every kind: the classifier says so, pauses, stays a member of its group, keeps its memory bounded, and
//! goes on by itself; then everything is accounted for.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use bpmonitor_test_support::http_proxy::{Fault, HttpProxy};
use common::deployment::{Deployment, Place};
use common::mixture::{Mixture, Sent};
use common::replica::Replica;
use common::{pass, seed, turn, until};
use serde_json::json;

/// A deployment whose Elasticsearch is behind a proxy.
fn behind_proxy() -> (HttpProxy, Deployment) {
    let place = Place::shared();
    let proxy = HttpProxy::start(&place.url);
    let place = Place { url: proxy.url(), ..place };
    (proxy, Deployment::at(place))
}

/// Publishes more, which makes a bulk necessary.
fn publish_more(deployment: &Deployment, mixture: &mut Mixture, all: &mut Vec<Sent>) {
    let more = mixture.take(500);
    deployment.publish(&more);
    all.extend(more);
}

fn settle_and_account(deployment: &Deployment, replica: Replica, all: &[Sent]) {
    deployment.settled();
    until("it is ready again", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(all);
}

#[test]
fn answers_of_trouble() {
    let _turn = turn();
    let (proxy, deployment) = behind_proxy();
    let (mut mixture, mut all) = (Mixture::new(seed()), Vec::new());
    let replica = deployment.start();
    for (fault, reason) in [
        (Fault::Answer(429), "ElasticsearchTooManyRequests"),
        (Fault::Answer(503), "ElasticsearchUnavailable"),
        (Fault::Answer(401), "ElasticsearchUnauthorized"),
        (Fault::Answer(403), "ElasticsearchForbidden"),
        (Fault::Answer(404), "IndexMissing"),
        (Fault::Answer(500), "elasticsearch: "),
        (Fault::Cut, "ElasticsearchUnreachable"),
        (Fault::CutAfter, "ElasticsearchUnreachable"),
    ] {
        proxy.set(fault);
        publish_more(&deployment, &mut mixture, &mut all);
        replica.await_trouble(reason);
        assert!(replica.is_live());
        proxy.set(Fault::None);
        deployment.settled();
        until("it is ready again", || replica.is_ready());
    }
    proxy.refuse();
    publish_more(&deployment, &mut mixture, &mut all);
    replica.await_trouble("ElasticsearchUnreachable");
    proxy.accept();
    // For a while half of every bulk fails, and each part that is tried again too.
    proxy.set(Fault::HalfOfBulk);
    publish_more(&deployment, &mut mixture, &mut all);
    publish_more(&deployment, &mut mixture, &mut all);
    proxy.set_for(20, Fault::Delay(Duration::from_millis(300)));
    publish_more(&deployment, &mut mixture, &mut all);
    proxy.set(Fault::Limit(20_000));
    publish_more(&deployment, &mut mixture, &mut all);
    proxy.set(Fault::None);
    settle_and_account(&deployment, replica, &all);
}

#[test]
fn an_index_that_is_read_only_closed_or_gone() {
    let _turn = turn();
    let mut deployment = Deployment::new();
    let elastic = deployment.place.elastic.clone();
    let index = deployment.index.clone();
    let (mut mixture, mut all) = (Mixture::new(seed()), Vec::new());
    let replica = deployment.start();
    let block = |name: &str, value: Option<bool>| {
        elastic.good("PUT", &format!("{index}/_settings"), Some(&json!({name: value})));
    };
    for (name, reason) in [
        ("index.blocks.write", "IndexReadOnly"),
        ("index.blocks.read_only", "IndexReadOnly"),
        ("index.blocks.read_only_allow_delete", "DiskFloodStage"),
    ] {
        // Elasticsearch itself lifts a flood stage's block when it looks at a disk that has room, so once may be too late.
        let is_said = (0..5).any(|_| {
            block(name, Some(true));
            publish_more(&deployment, &mut mixture, &mut all);
            let is_said = || replica.why_not_ready().is_some_and(|why| why.contains(reason));
            until("it is said, or all is written", || is_said() || deployment.left().is_empty());
            is_said()
        });
        assert!(is_said, "{reason} was not said by /ready");
        block(name, None);
        deployment.settled();
        until("it is ready again", || replica.is_ready());
    }
    elastic.good("POST", &format!("{index}/_close"), None);
    publish_more(&deployment, &mut mixture, &mut all);
    replica.await_trouble("IndexClosed");
    elastic.good("POST", &format!("{index}/_open"), None);
    deployment.settled();

    // Deleted while nothing is under way: what it held is read again from the beginning, as an operator would do it.
    elastic.good("DELETE", &index, None);
    publish_more(&deployment, &mut mixture, &mut all);
    replica.await_trouble("IndexMissing");
    deployment.make_index();
    deployment.settled();
    until("it is ready again", || replica.is_ready());
    let found = elastic.documents(&deployment.index);
    assert!(!found.is_empty(), "what came afterwards is there");
    assert_eq!(replica.stop(), Some(0));
    // By a group of its own, into an archive of its own.
    deployment.group = format!("{}-again", deployment.group);
    deployment.archive = deployment.file("again");
    let replica = deployment.start();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    assert_documents(&deployment, &all);
}

/// The documents alone: dead letters of two groups are in one topic here.
fn assert_documents(deployment: &Deployment, all: &[Sent]) {
    let records = deployment.place.kafka.read(&deployment.topic);
    assert_eq!(records.len(), all.len());
    let classifier = deployment.classifier();
    let expected = common::expected::Expected::of(&classifier, &deployment.topic, &records, |_| false);
    let found = deployment.place.elastic.documents(&deployment.index);
    let found = found.into_iter().map(|(id, mut stored)| {
        stored.source = common::expected::comparable(stored.source);
        (id, stored)
    });
    assert!(expected.documents.into_iter().eq(found), "every document is there again");
}

#[test]
fn a_backlog_of_200_000_records_waits_in_kafka_and_not_in_memory() {
    let _turn = turn();
    let (proxy, deployment) = behind_proxy();
    let seed = seed();
    let count = usize::try_from(common::from_environment("BPMONITOR_TEST_BACKLOG", 200_000)).unwrap();
    let mut all = Mixture::new(seed).take(1_000);
    deployment.publish(&all);
    let replica = deployment.start();
    deployment.settled();
    proxy.set(Fault::Answer(503));
    let backlog = Mixture::plain(seed + 1).take(count);
    deployment.publish(&backlog);
    all.extend(backlog);
    replica.await_trouble("ElasticsearchUnavailable");
    let (_, before) = deployment.place.kafka.members(&deployment.group);
    // Twice as long as a session: a member that did not poll or beat would be out by now.
    pass(Duration::from_secs(7));
    let (state, after) = deployment.place.kafka.members(&deployment.group);
    assert_eq!(
        (state.as_str(), &after),
        ("Stable", &before),
        "it is the same member, with the same partitions"
    );
    assert_eq!(after.len(), 1);
    assert!(replica.is_live() && !replica.is_ready());
    assert!(replica.log().contains("reading is paused"), "consumption is paused");
    let (paused, _) = replica.memory();

    // Another comes and goes meanwhile: what is assigned now is paused too.
    let other = deployment.launch();
    until("two share the partitions", || {
        deployment.place.kafka.members(&deployment.group).1.len() == 2
            && other.metrics().get("bpmonitor_partitions").is_some_and(|count| *count > 0.0)
    });
    pass(Duration::from_secs(6));
    other.kill();
    pass(Duration::from_secs(15));
    let (held, most) = replica.memory();
    println!(
        "resident: {paused} MiB while paused, {held} MiB after a rebalance meanwhile, {most} MiB at most"
    );
    assert!(most < 128, "{most} MiB at most");
    proxy.set(Fault::None);
    deployment.settled();
    let (_, most) = replica.memory();
    println!("resident at most, with the backlog written: {most} MiB");
    assert!(most < 128, "{most} MiB at most");
    settle_and_account(&deployment, replica, &all);
}

/// A member that was taken for dead while it was paused has to read on once its partitions come back.
#[test]
fn a_member_that_was_out_while_it_was_paused_reads_on() {
    let _turn = turn();
    let (proxy, deployment) = behind_proxy();
    let replica = deployment.start();
    proxy.set(Fault::Answer(503));
    let all = Mixture::plain(seed()).take(30_000);
    deployment.publish(&all);
    until("it is paused", || replica.log().contains("reading is paused"));
    replica.signal("STOP");
    until("its session is over", || deployment.place.kafka.members(&deployment.group).1.is_empty());
    replica.signal("CONT");
    until("it has its partitions back", || replica.log().matches("partitions are assigned").count() > 1);
    proxy.set(Fault::None);
    settle_and_account(&deployment, replica, &all);
}

#[test]
fn a_bulk_that_hangs_is_given_up_and_sent_again() {
    let _turn = turn();
    let (proxy, deployment) = behind_proxy();
    let replica = deployment.start();
    proxy.set_for(1, Fault::HangAfter);
    let all = Mixture::new(seed()).take(500);
    deployment.publish(&all);
    replica.await_trouble("ElasticsearchTimeout");
    settle_and_account(&deployment, replica, &all);
}

#[test]
fn what_elasticsearch_refuses_is_a_dead_letter_and_holds_nothing_up() {
    let _turn = turn();
    let deployment = Deployment::new();
    // A resource that names a field twice is FHIR enough to be read, as its fields of interest are there once; no document may do so.
    deployment.set_spec(&json!({"privacy": {"storeResource": true}}));
    let replica = deployment.start();
    let mut all = Mixture::plain(seed()).take(600);
    for sent in all.iter_mut().step_by(7) {
        let text = String::from_utf8(sent.payload.take().unwrap()).unwrap();
        let twice =
            format!("{},\"note\":[{{\"text\":\"once\",\"text\":\"twice\"}}]}}", &text[..text.len() - 1]);
        sent.payload = Some(twice.into_bytes());
    }
    deployment.publish(&all);
    let is_refused = |document: &bpmonitor_pipeline::Document| {
        document.fhir_resource.as_ref().is_some_and(|resource| resource.get().contains("twice"))
    };
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    let accounts = deployment.account_refusing(&all, is_refused);
    assert!(accounts.expected.tally.rejections["refused"] > 10);
}

#[test]
fn an_index_of_another_mapping_is_waited_for_and_nobody_rejects() {
    let deployment = Deployment::without_topics(Place::shared());
    deployment.make_topics();
    deployment.make_index_with(&json!({"observation_id": {"type": "long"}}));
    let replica = deployment.start();
    let all = Mixture::new(seed()).take(500);
    deployment.publish(&all);
    replica.await_trouble("MappingOutdated");
    deployment.delete_index();
    deployment.make_index();
    settle_and_account(&deployment, replica, &all);
}
