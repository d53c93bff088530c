//! What is larger than Elasticsearch or a proxy takes: bulks are split, single documents refused.

use bpmonitor_pipeline::cluster::elasticsearch::BulkSettings;
use bpmonitor_pipeline::{AnomalyStore, AnomalyWrite, Refused};
use bpmonitor_test_support::http_proxy::{Fault, HttpProxy};
use bpmonitor_test_support::lab;

use super::common::{Ward, plain, usual, write, writes};

fn with_resource_of(bytes: usize, id: u32) -> AnomalyWrite {
    let mut write = write(id, 1);
    write.document.fhir_resource =
        Some(serde_json::from_str(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes))).unwrap());
    write
}

#[tokio::test(flavor = "multi_thread")]
async fn bulks_are_bounded() {
    let ward = Ward::new().await;
    let settings = BulkSettings { bytes: 20_000, ..usual() };
    let (mut store, _) = ward.store_at(ward.connection.clone(), settings);
    let writes = writes(300);
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    let statistics = store.statistics();
    assert!(statistics.bulks() > 5);
    assert!(statistics.bytes() <= statistics.bulks() * 20_000, "{statistics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_that_is_too_large_is_split_and_smaller_ones_follow() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    proxy.set(Fault::Limit(50_000));
    let (mut store, condition) = ward.store_at(plain(proxy.url()), usual());
    let writes = writes(400);
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    let refused = || store.statistics().retries().find(|(reason, _)| *reason == "BulkTooLarge").unwrap().1;
    let at_first = refused();
    assert!(at_first > 0);
    store.write(&writes).await.unwrap();
    let count = store.statistics().retries().find(|(reason, _)| *reason == "BulkTooLarge").unwrap().1;
    assert_eq!(count, at_first, "once learned, nothing larger is sent");
    assert_eq!(condition.get(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_too_large_is_refused_alone() {
    let ward = Ward::new().await;
    let proxy = HttpProxy::start(&lab::elasticsearch());
    proxy.set(Fault::Limit(50_000));
    let (mut store, _) = ward.store_at(plain(proxy.url()), usual());
    let mut writes = writes(20);
    writes[11] = with_resource_of(60_000, 11);
    assert_eq!(store.write(&writes).await.unwrap(), [Refused { write: 11 }]);
    writes.remove(11);
    ward.holds(&writes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_above_the_limit_is_not_even_sent() {
    let ward = Ward::new().await;
    let settings = BulkSettings { document_bytes: 50_000, ..usual() };
    let (mut store, _) = ward.store_at(ward.connection.clone(), settings);
    let writes = [with_resource_of(60_000, 1), write(2, 1), with_resource_of(60_000, 3)];
    assert_eq!(store.write(&writes).await.unwrap(), [Refused { write: 0 }, Refused { write: 2 }]);
    ward.holds(&writes[1..2]).await;
    assert_eq!(store.write(&writes[..1]).await.unwrap(), [Refused { write: 0 }], "also alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_document_goes_alone_and_arrives() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    let writes = [write(1, 1), with_resource_of(22 << 20, 2), write(3, 1)];
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    assert_eq!(store.statistics().bulks(), 3);
}
