//! What is shared between the consumer's thread and the pipeline, without a Kafka.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Intake, Span};
use crate::{Extent, Message, Origin};

const LONG: Duration = Duration::from_secs(30);

fn record(partition: i32, offset: u64, bytes: usize) -> Message {
    Message {
        origin: Origin { topic: "topic".into(), partition, offset, line: 0 },
        time: Timestamp::from_second(1_000_000 + i64::try_from(offset).unwrap()).unwrap(),
        bytes: vec![b'x'; bytes],
        extent: Extent::Whole,
        entry: None,
    }
}

async fn take(intake: &Intake, most_bytes: usize) -> (Vec<(i32, u64)>, Vec<Span>) {
    let (records, spans) = intake.take(most_bytes).await.unwrap();
    (records.iter().map(|record| (record.origin.partition, record.origin.offset)).collect(), spans)
}

fn ends(spans: &[Span]) -> Vec<(i32, u64, u64)> {
    spans.iter().map(|span| (span.partition, span.first, span.next)).collect()
}

#[tokio::test]
async fn a_batch_has_what_is_there_and_says_how_far_each_partition_is() {
    let intake = Intake::default();
    intake.assign([0, 1]);
    intake.put(vec![record(0, 7, 10), record(1, 3, 10), record(0, 9, 10)]);
    let (records, spans) = take(&intake, 1 << 20).await;
    assert_eq!(records, [(0, 7), (1, 3), (0, 9)]);
    assert_eq!(
        ends(&spans),
        [(0, 7, 10), (1, 3, 4)],
        "an offset may be left out, as where a transaction was aborted"
    );
    assert_eq!(spans[0].times.len(), 2);
    assert_eq!(spans[0].first_time, Timestamp::from_second(1_000_007).unwrap());
}

#[tokio::test]
async fn a_batch_is_bounded_but_never_empty() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put((0..3).map(|offset| record(0, offset, 1000)).collect());
    assert_eq!(take(&intake, 1).await.0, [(0, 0)], "one that is larger alone");
    assert_eq!(take(&intake, 2000).await.0, [(0, 1), (0, 2)]);
}

#[tokio::test]
async fn records_of_partitions_that_are_not_ours_are_left_to_their_owner() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put(vec![record(1, 0, 10), record(0, 0, 10)]);
    assert_eq!(take(&intake, 1 << 20).await.0, [(0, 0)]);
}

#[tokio::test]
async fn what_waits_of_a_revoked_partition_is_forgotten() {
    let intake = Intake::default();
    intake.assign([0, 1]);
    intake.put(vec![record(0, 0, 10), record(1, 0, 10)]);
    assert!(intake.revoke(&[0], Duration::ZERO), "nothing of it was given");
    assert_eq!(take(&intake, 1 << 20).await.0, [(1, 0)]);
}

#[tokio::test]
async fn a_revocation_waits_for_the_commit_of_what_was_given() {
    let intake = Arc::new(Intake::default());
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10), record(0, 1, 10)]);
    let (_, spans) = take(&intake, 1 << 20).await;
    let revoking = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || intake.revoke(&[0], LONG))
    };
    intake.hurry().await;
    assert!(intake.is_revoking());
    assert!(intake.is_owned(0, spans[0].epoch), "until it is committed");
    intake.committed(0, spans[0].epoch, 2);
    assert!(revoking.join().unwrap(), "clean");
    assert!(!intake.is_owned(0, spans[0].epoch) && !intake.is_revoking());
}

#[tokio::test]
async fn a_revocation_ends_without_the_commit_after_its_limit() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10)]);
    let (_, spans) = take(&intake, 1 << 20).await;
    assert!(!intake.revoke(&[0], Duration::from_millis(20)));
    assert!(!intake.is_owned(0, spans[0].epoch));
}

#[tokio::test]
async fn a_revocation_waits_for_a_commit_that_is_under_way_whatever_its_limit() {
    let intake = Arc::new(Intake::default());
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10)]);
    let (_, spans) = take(&intake, 1 << 20).await;
    let assignment = (0, spans[0].epoch);
    assert!(intake.begin_commit([assignment]));
    let revoking = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || intake.revoke(&[0], Duration::ZERO))
    };
    intake.hurry().await;
    while intake.is_revoking() {
        thread::yield_now();
    }
    assert!(!revoking.is_finished() && intake.is_owned(0, spans[0].epoch));
    intake.end_commit();
    assert!(!revoking.join().unwrap(), "not all was committed");
    assert!(!intake.begin_commit([assignment]), "it is another's now");
}

#[tokio::test]
async fn a_partition_that_comes_back_is_another_assignment() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10)]);
    let (_, before) = take(&intake, 1 << 20).await;
    intake.revoke(&[0], Duration::ZERO);
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10)]);
    let (_, after) = take(&intake, 1 << 20).await;
    assert!(!intake.is_owned(0, before[0].epoch) && intake.is_owned(0, after[0].epoch));
    intake.committed(0, before[0].epoch, 1);
    assert!(intake.last_committed(&[0]).is_empty(), "a commit of before says nothing of now");
}

#[tokio::test]
async fn offsets_that_begin_again_are_a_batch_and_an_epoch_of_their_own() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put(vec![record(0, 40, 10), record(0, 41, 10), record(0, 0, 10), record(0, 1, 10)]);
    let (records, old) = take(&intake, 1 << 20).await;
    assert_eq!(records, [(0, 40), (0, 41)]);
    let (records, new) = take(&intake, 1 << 20).await;
    assert_eq!(records, [(0, 0), (0, 1)]);
    assert!(!old[0].is_anew && new[0].is_anew && old[0].epoch != new[0].epoch);
    assert!(intake.is_owned(0, old[0].epoch), "what is gathered of the old topic is still to be archived");
}

#[test]
fn a_full_intake_has_room_again_once_something_is_taken() {
    let intake = Arc::new(Intake::default());
    intake.assign([0]);
    assert!(intake.wait_for_room(Duration::ZERO));
    let more_than_room = (super::ROOM >> 20) as u64 + 1;
    intake.put((0..more_than_room).map(|offset| record(0, offset, 1 << 20)).collect());
    assert!(!intake.wait_for_room(Duration::from_millis(5)), "it is full");
    let waiting = {
        let intake = Arc::clone(&intake);
        thread::spawn(move || {
            let begun = Instant::now();
            (intake.wait_for_room(LONG), begun.elapsed())
        })
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(intake.take(1 << 22)).unwrap();
    let (room, waited) = waiting.join().unwrap();
    assert!(room && waited < LONG);
}

#[tokio::test]
async fn a_closed_intake_gives_what_waits_and_then_nothing() {
    let intake = Intake::default();
    intake.assign([0]);
    intake.put(vec![record(0, 0, 10)]);
    intake.close();
    assert_eq!(take(&intake, 1 << 20).await.0, [(0, 0)]);
    assert!(intake.take(1 << 20).await.is_none());
}
