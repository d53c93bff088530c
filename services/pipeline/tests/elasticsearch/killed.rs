//! An Elasticsearch that is killed, or stopped, under writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bpmonitor_pipeline::AnomalyStore;
use bpmonitor_pipeline::cluster::elasticsearch::BulkSettings;
use bpmonitor_test_support::lab::OwnLab;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::common::{LIMIT, Ward, fails, plain, usual, writes};

const PART: &str = "elasticsearch";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let own = spawn_blocking(|| OwnLab::up("killed-elasticsearch", PART)).await.unwrap();
    let ward = Ward::at(plain(own.lab().variable("BPMONITOR_TEST_ELASTICSEARCH"))).await;
    let settings = BulkSettings { timeout: Duration::from_secs(5), ..usual() };
    let (mut store, condition) = ward.store_at(ward.connection.clone(), settings);
    let all = writes(6_000);
    let (task, acknowledged) = (all.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&acknowledged);
    let writing = tokio::spawn(async move {
        for batch in task.chunks(20) {
            assert_eq!(store.write(batch).await.unwrap(), []);
            counted.fetch_add(batch.len(), Ordering::Relaxed);
        }
    });
    for (signal, reason) in [("KILL", "ElasticsearchUnreachable"), ("STOP", "ElasticsearchTimeout")] {
        let goal = acknowledged.load(Ordering::Relaxed) + 200;
        let progress = async {
            while acknowledged.load(Ordering::Relaxed) < goal {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(LIMIT, progress).await.expect("it writes");
        let lab = own.lab().clone();
        spawn_blocking(move || lab.signal(PART, signal)).await.unwrap();
        fails(&condition, reason).await;
        let lab = own.lab().clone();
        spawn_blocking(move || lab.up(PART)).await.unwrap();
    }
    timeout(3 * LIMIT, writing).await.expect("the writes go on").unwrap();
    ward.holds(&all).await;
    assert_eq!(condition.get(), None);
}
