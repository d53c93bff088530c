//! Topics that go and come: one that is made later, and one that is deleted and made anew under the same name.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::collections::BTreeMap;

use common::deployment::{Deployment, Place};
use common::expected::{Expected, comparable};
use common::held;
use common::mixture::Mixture;
use common::{pass, seed, until};

#[test]
fn a_topic_that_is_made_later() {
    let deployment = Deployment::without_topics(Place::shared());
    deployment.make_index();
    let replica = deployment.launch();
    replica.await_trouble("TopicMissing");
    assert!(replica.is_live());
    deployment.make_topics();
    let all = Mixture::new(seed()).take(1_000);
    deployment.publish(&all);
    deployment.settled();
    until("it is ready", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}

#[test]
fn a_dead_letter_topic_that_is_made_later() {
    let deployment = Deployment::without_topics(Place::shared());
    deployment.make_index();
    deployment.place.kafka.create_topic(&deployment.topic, 3);
    let all = Mixture::new(seed()).take(1_000);
    deployment.publish(&all);
    let replica = deployment.launch();
    replica.await_trouble("dead-letters: TopicMissing");
    deployment.place.kafka.create_topic(&deployment.rejected, 1);
    deployment.settled();
    until("it is ready", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}

/// Deleted and made anew while the classifier runs; and, the second time, while it does not.
#[test]
fn a_topic_deleted_and_made_anew() {
    let deployment = Deployment::new();
    let seed = seed();
    let (mut documents, mut lines, mut letters) = (BTreeMap::new(), BTreeMap::new(), 0);
    let mut archived: BTreeMap<std::path::PathBuf, Vec<u8>> = BTreeMap::new();
    let mut replica = deployment.start();
    // The second topic has fewer records than the first, the third more: offsets alone would not tell them apart.
    for (round, count) in [2_000, 700, 4_000, 3_000].into_iter().enumerate() {
        let all = Mixture::new(seed + round as u64).take(count);
        deployment.publish(&all);
        deployment.settled();
        let records = deployment.place.kafka.read(&deployment.topic);
        assert_eq!(records.len(), count);
        let expected = Expected::of(&deployment.classifier(), &deployment.topic, &records, |_| false);
        for (id, stored) in expected.documents {
            documents.insert(id, stored);
        }
        for (line, count) in expected.lines {
            *lines.entry(line).or_default() += count;
        }
        letters += expected.letters.len();
        if round == 2 {
            assert_eq!(replica.stop(), Some(0));
            make_anew(&deployment);
            replica = deployment.launch();
        } else if round < 2 {
            make_anew(&deployment);
        }
        for (path, bytes) in &archived {
            assert_eq!(std::fs::read(path).unwrap(), *bytes, "{} was touched", path.display());
        }
        let closed = held::files(&deployment.archive).into_iter();
        archived = closed.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    }
    assert_eq!(replica.stop(), Some(0));
    let found = deployment.place.elastic.documents(&deployment.index).into_iter().map(|(id, mut stored)| {
        stored.source = comparable(stored.source);
        (id, stored)
    });
    assert!(documents.into_iter().eq(found), "every document of every topic is there");
    let found = held::lines(&deployment.archive, &deployment.topic);
    let found: BTreeMap<String, usize> = found.into_iter().map(|(line, files)| (line, files.len())).collect();
    let missing = lines.iter().filter(|(line, count)| found.get(*line) != Some(*count)).count();
    assert_eq!((missing, found.len()), (0, lines.len()), "every line of every topic is there once");
    let written = deployment.place.kafka.read(&deployment.rejected).len();
    assert_eq!(written, letters, "every dead letter of every topic is there");
}

fn make_anew(deployment: &Deployment) {
    deployment.place.kafka.delete_topics(&[&deployment.topic]);
    pass(std::time::Duration::from_millis(500));
    deployment.place.kafka.create_topic(&deployment.topic, 3);
}
