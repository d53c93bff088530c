//! Faults between the store and Elasticsearch, injected by a proxy in front of the real one.

use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::elasticsearch::BulkSettings;
use bpmonitor_pipeline::{AnomalyStore, AnomalyWrite};
use bpmonitor_test_support::http_proxy::{Fault, HttpProxy};
use bpmonitor_test_support::lab;

use super::common::{Ward, done, fails, impatient, plain, start, usual, write, writes};

/// Writes while there is a fault, which ends when the condition has shown it; then everything is there, once.
async fn survives(fault: Fault, reason: &str, settings: BulkSettings) {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    let (store, condition) = ward.store_at(plain(proxy.url()), settings);
    let statistics = store.statistics();
    let writes = writes(1_200);
    proxy.set(fault);
    let writing = start(store, &writes);
    let detail = fails(&condition, reason).await;
    assert!(detail.contains(&ward.alias()), "{detail}");
    proxy.set(Fault::None);
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
    let retries = statistics.retries().find(|(known, _)| *known == reason);
    assert!(retries.is_some_and(|(_, count)| count > 0), "{retries:?}");
    assert_eq!((statistics.documents() + statistics.superseded(), statistics.refused()), (1_200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests() {
    survives(Fault::Answer(429), "ElasticsearchTooManyRequests", usual()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable() {
    survives(Fault::Answer(503), "ElasticsearchUnavailable", usual()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_nobody_knows() {
    survives(Fault::Answer(400), "IndexRefusesDocuments", usual()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_before_it_is_written() {
    survives(Fault::Hang, "ElasticsearchTimeout", impatient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_after_it_is_written() {
    survives(Fault::HangAfter, "ElasticsearchTimeout", impatient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slower_than_the_limit() {
    survives(Fault::Delay(Duration::from_secs(2)), "ElasticsearchTimeout", impatient()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_before_it_is_written() {
    survives(Fault::Cut, "ElasticsearchUnreachable", usual()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_it_is_written() {
    survives(Fault::CutAfter, "ElasticsearchUnreachable", usual()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_bulk() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    let (mut store, condition) = ward.store_at(plain(proxy.url()), usual());
    let writes: Vec<_> =
        (0..400).flat_map(|id| [write(id, 1), write(id, 3), write(id, 2), write(id, 3)]).collect();
    proxy.set(Fault::HalfOfBulk);
    // Each try gets half of the rest through.
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    let statistics = store.statistics();
    assert!(statistics.bulks() >= 8, "{} bulks", statistics.bulks());
    let settled = statistics.documents() + statistics.superseded();
    assert!(settled <= 1_600, "only what failed is sent again: {settled}");
    assert_eq!(condition.get(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_writes_that_overlap_the_last_one_holds() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    let (store, _) = ward.store_at(plain(proxy.url()), usual());
    let begun = [("first", 1_200), ("second", 10), ("third", 1_200), ("fourth", 600)].map(|(name, count)| {
        let mut writes = writes(count);
        for write in &mut writes {
            write.document.monitor = name.into();
        }
        writes
    });
    proxy.set(Fault::HalfOfBulk);
    let write = async |writes: &[AnomalyWrite]| store.clone().write(writes).await.unwrap();
    let [first, second, third, fourth] = &begun;
    let followed = [first, second, third].map(|writes| store.may_be_followed(writes));
    assert_eq!(followed, [true, false, true]);
    tokio::join!(biased; write(first), write(second));
    tokio::join!(biased; write(third), write(fourth));
    ward.holds(&begun.concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_but_within_the_limit() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    let (mut store, condition) = ward.store_at(plain(proxy.url()), usual());
    proxy.set(Fault::Delay(Duration::from_millis(700)));
    let (writes, started) = (writes(10), Instant::now());
    assert_eq!(store.write(&writes).await.unwrap(), []);
    assert!(started.elapsed() >= Duration::from_millis(700));
    ward.holds(&writes).await;
    assert_eq!((condition.get(), store.statistics().bulks()), (None, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn not_there_at_first_and_gone_later() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    proxy.refuse();
    let (store, condition) = ward.store_at(plain(proxy.url()), usual());
    let first = writes(1_200);
    let writing = start(store, &first);
    fails(&condition, "ElasticsearchUnreachable").await;
    proxy.accept();
    assert_eq!(done(writing).await, []);

    let (mut store, condition) = ward.store_at(plain(proxy.url()), usual());
    let all: Vec<_> = (0..1_200).map(|id| write(id, 2)).collect();
    let (half, rest) = all.split_at(600);
    store.write(half).await.unwrap();
    proxy.refuse();
    let writing = start(store, rest);
    fails(&condition, "ElasticsearchUnreachable").await;
    proxy.accept();
    assert_eq!(done(writing).await, []);
    ward.holds(&all).await;
    assert_eq!(condition.get(), None);
}

#[tokio::test]
async fn a_name_that_is_not_known() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store_at(plain("http://elasticsearch.invalid:9200".to_owned()), usual());
    let writing = start(store, &writes(1));
    fails(&condition, "ElasticsearchUnknownHost").await;
    writing.abort();
}

#[tokio::test]
async fn keys_read_again_do_not_hide_a_failure() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    proxy.set(Fault::Answer(401));
    let (store, condition) = ward.store_at(plain(proxy.url()), usual());
    let writing = start(store, &writes(3));
    fails(&condition, "ElasticsearchUnauthorized").await;
    // It waits between tries, longer each time.
    proxy.more(3).await;
    proxy.set(Fault::None);
    assert_eq!(done(writing).await, []);
    assert_eq!(condition.get(), None);
}
