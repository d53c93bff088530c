//! Faults of the index itself, made in the real Elasticsearch: blocks, a full disk, closed, deleted.

use bpmonitor_crds::index::index;
use elasticsearch::http::Method;
use serde_json::json;

use super::common::{CANARY, Ward, done, fails, impatient, logs, poison, start, write, writes};

/// Writes while the index is blocked; lifted when the condition has shown it, the documents are there.
async fn survives_block(block: &str, reason: &str) {
    let ward = Ward::new().await;
    let (store, condition) = ward.store();
    let writes = writes(1_200);
    ward.set(json!({block: true})).await;
    let writing = start(store, &writes);
    fails(&condition, reason).await;
    ward.set(json!({block: null})).await;
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only() {
    survives_block("index.blocks.read_only", "IndexReadOnly").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_for_writing() {
    survives_block("index.blocks.write", "IndexReadOnly").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_at_its_flood_stage() {
    survives_block("index.blocks.read_only_allow_delete", "DiskFloodStage").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store();
    let writes = writes(100);
    ward.ask(Method::Post, &format!("{}/_close", ward.names().index()), None).await;
    let writing = start(store, &writes);
    fails(&condition, "IndexClosed").await;
    ward.ask(Method::Post, &format!("{}/_open", ward.names().index()), None).await;
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
}

/// As after the loss of a node, or where every disk is above its low watermark.
#[tokio::test(flavor = "multi_thread")]
async fn on_no_node() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store_at(ward.connection.clone(), impatient());
    let name = ward.names().index();
    let only_on = "index.routing.allocation.require._name";
    ward.setup.delete_index(&name).await.unwrap();
    let mut homeless = index(&ward.names(), 1);
    homeless["settings"][only_on] = json!("nobody");
    ward.ask(Method::Put, &format!("{name}?wait_for_active_shards=0"), Some(homeless)).await;
    let writes = writes(100);
    let writing = start(store, &writes);
    fails(&condition, "IndexUnallocated").await;
    ward.set(json!({only_on: null})).await;
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_and_made_again() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store();
    let name = ward.names().index();
    ward.setup.delete_index(&name).await.unwrap();
    let writes = writes(1_200);
    let writing = start(store, &writes);
    fails(&condition, "IndexMissing").await;
    let found = ward.setup.count(&format!("{name},{}", ward.alias())).await;
    assert_eq!(
        found.unwrap_err().status,
        Some(404),
        "writing has made neither the index nor one of its alias's name"
    );
    ward.make().await;
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_index_to_write_to() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store();
    let action = |is_write_index: bool| {
        let (index, alias) = (ward.names().index(), ward.alias());
        json!({"actions": [{"add": {"index": index, "alias": alias, "is_write_index": is_write_index}}]})
    };
    ward.ask(Method::Post, "_aliases", Some(action(false))).await;
    let writes = writes(20);
    let writing = start(store, &writes);
    fails(&condition, "IndexRefusesDocuments").await;
    ward.ask(Method::Post, "_aliases", Some(action(true))).await;
    assert_eq!(done(writing).await, [], "it was not the documents' fault");
    ward.holds(&writes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_says_what_documents_say() {
    let ward = Ward::new().await;
    let (store, condition) = ward.store();
    ward.set(json!({"index.blocks.write": true})).await;
    let mixed = [write(1, 1), poison(2), write(3, 1)];
    let writing = start(store, &mixed);
    let detail = fails(&condition, "IndexReadOnly").await;
    let failure = condition.get().map(|failure| format!("{failure:?}")).unwrap_or_default();
    ward.set(json!({"index.blocks.write": null})).await;
    assert_eq!(done(writing).await.len(), 1);
    let index = ward.names().index();
    let document = serde_json::to_value(json!({CANARY: CANARY})).unwrap();
    let error =
        ward.setup.ask(Method::Post, &format!("{index}/_doc"), Some(&document), "writing").await.unwrap_err();
    assert_eq!(error.kind, "strict_dynamic_mapping_exception");
    for said in [logs(), detail, failure, error.to_string(), format!("{error:?}")] {
        assert!(!said.contains(CANARY), "{said}");
        assert!(!said.contains(&write(1, 1).id.to_string()), "{said}");
    }
    assert!(logs().contains("IndexReadOnly"), "the failure itself is logged");
}
