//! Dashboards and alert rules come with a monitor, follow it, and go with it; nothing of anybody else's is touched. Kibana is stood in for
//! by a server that is as strict as it is.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::time::Duration;

use bpmonitor_crds::BpMonitor;
use bpmonitor_crds::index::mappings;
use bpmonitor_test_kibana::server::{FakeKibana, PASSWORD, USER};
use common::{PATIENCE, Ward, there, until};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

/// The kinds of what a monitor has in Kibana, and how many of each.
const WRITTEN: [(&str, usize); 5] =
    [("index-pattern", 1), ("search", 2), ("dashboard", 3), ("connector", 1), ("alert-rule", 4)];

async fn login(ward: &Ward, password: &str) {
    ward.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kibana"},
        "stringData": {"username": USER, "password": password},
    }))
    .await;
}

/// `spec.kibana` for a server.
fn given(server: &FakeKibana, space: &str) -> Value {
    json!({"url": server.url(), "insecure": true, "auth": {"secretRef": {"name": "kibana"}}, "space": space})
}

fn counts(server: &FakeKibana, space: &str) -> [(&'static str, usize); 5] {
    WRITTEN.map(|(kind, _)| (kind, server.state().ids(space, kind).len()))
}

fn rule_names(server: &FakeKibana) -> String {
    let state = server.state();
    let ids = state.ids("", "alert-rule");
    ids.iter().filter_map(|id| state.get("", "alert-rule", id)).map(|rule| rule["name"].to_string()).collect()
}

async fn dashboard(ward: &Ward) -> Option<String> {
    ward.api::<BpMonitor>().get("ward-3").await.unwrap().status.unwrap().dashboard
}

async fn delete(ward: &Ward, limit: Duration) {
    let monitors = ward.api::<BpMonitor>();
    monitors.delete("ward-3", &DeleteParams::default()).await.unwrap();
    until("the monitor is gone", limit, || async { monitors.get_opt("ward-3").await.unwrap().is_none() })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_come_follow_and_go() {
    let server = FakeKibana::start(mappings());
    server.state().put("", "dashboard", "somebody's", json!({}));
    let mut ward = Ward::begin().await;
    login(&ward, PASSWORD).await;
    ward.monitor("ward-3", json!({"kibana": given(&server, "")})).await;
    let message = ward.condition_is("ward-3", "KibanaReady", "True", "DashboardsReady").await;
    let path = format!("/app/dashboards#/view/bp.{}.ward-3.ward-now", ward.namespace);
    assert!(message.contains(&path), "{message}");
    until("the status says where it is", PATIENCE, || async {
        dashboard(&ward).await.as_ref() == Some(&path)
    })
    .await;
    let mut expected = WRITTEN;
    expected[2].1 += 1;
    assert_eq!(counts(&server, ""), expected);
    there(&ward.api::<ConfigMap>(), "ward-3-kibana", PATIENCE).await;

    // Another operator, and a change that is none of Kibana's: nothing is written.
    let writes = server.state().writes;
    ward.stop().await;
    ward.start();
    ward.monitor("ward-3", json!({"kibana": given(&server, ""), "paused": true})).await;
    ward.condition_is("ward-3", "Paused", "True", "Asked").await;
    ward.condition_is("ward-3", "KibanaReady", "True", "DashboardsReady").await;
    assert_eq!(server.state().writes, writes);

    // The manifest's limits are those of the rules.
    let thresholds = json!({"crisis": {"systolic": 190}});
    ward.monitor("ward-3", json!({"kibana": given(&server, ""), "thresholds": thresholds})).await;
    until("the rules have the new limit", PATIENCE, || async {
        rule_names(&server).contains("systolic > 190")
    })
    .await;
    assert_eq!(counts(&server, ""), expected);

    // What somebody removed comes again with the next look, which a new operator takes at once.
    let first = path.rsplit('/').next().unwrap();
    server.state().take("", "dashboard", first).unwrap();
    ward.stop().await;
    ward.start();
    until("the dashboard is there again", PATIENCE, || async { counts(&server, "") == expected }).await;

    delete(&ward, Duration::from_secs(20)).await;
    assert_eq!(counts(&server, ""), WRITTEN.map(|(kind, _)| (kind, usize::from(kind == "dashboard"))));
    assert_eq!(server.state().ids("", "dashboard"), ["somebody's"]);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_space_and_none() {
    let server = FakeKibana::start(mappings());
    let ward = Ward::begin().await;
    login(&ward, PASSWORD).await;
    ward.monitor("ward-3", json!({"kibana": given(&server, "")})).await;
    ward.condition_is("ward-3", "KibanaReady", "True", "DashboardsReady").await;
    ward.monitor("ward-3", json!({"kibana": given(&server, "cardiology")})).await;
    let none = WRITTEN.map(|(kind, _)| (kind, 0));
    until("they have moved", PATIENCE, || async {
        counts(&server, "cardiology") == WRITTEN && counts(&server, "") == none
    })
    .await;
    let mut kibana = given(&server, "cardiology");
    kibana["enabled"] = json!(false);
    ward.monitor("ward-3", json!({"kibana": kibana})).await;
    ward.condition_is("ward-3", "KibanaReady", "True", "Disabled").await;
    assert_eq!(counts(&server, "cardiology"), none);
    assert!(server.state().spaces.contains("cardiology"), "others may use it");
    assert_eq!(dashboard(&ward).await, None);
    assert!(ward.api::<ConfigMap>().get_opt("ward-3-kibana").await.unwrap().is_none());
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_them_away_is_told() {
    let server = FakeKibana::start(mappings());
    server.state().is_starting = true;
    let ward = Ward::begin().await;
    // Nobody named one, and there is none: it is told.
    ward.monitor("ward-3", json!({})).await;
    let message = ward.condition_is("ward-3", "KibanaReady", "False", "KibanaMissing").await;
    assert!(message.contains("bp-kibana") && message.contains("spec.kibana.enabled"), "{message}");
    // It comes, and is noticed.
    ward.apply(json!({
        "apiVersion": "kibana.k8s.elastic.co/v1", "kind": "Kibana", "metadata": {"name": "bp-kibana"},
        "spec": {"version": "9.1.0", "count": 1, "elasticsearchRef": {"name": "bp-elasticsearch"}},
    }))
    .await;
    ward.condition_is("ward-3", "KibanaReady", "False", "KibanaNotReady").await;

    ward.monitor("ward-3", json!({"kibana": given(&server, "")})).await;
    ward.condition_is("ward-3", "KibanaReady", "False", "SecretMissing").await;
    login(&ward, "wrong").await;
    ward.condition_is("ward-3", "KibanaReady", "False", "KibanaStarting").await;
    server.state().is_starting = false;
    touch(&ward).await;
    let message = ward.condition_is("ward-3", "KibanaReady", "False", "KibanaUnauthorized").await;
    assert!(!message.contains("wrong"), "{message}");
    server.state().refuses_imports = true;
    login(&ward, PASSWORD).await;
    let message = ward.condition_is("ward-3", "KibanaReady", "False", "ImportFailed").await;
    assert!(message.contains("missing_references"), "{message}");
    server.state().refuses_imports = false;
    touch(&ward).await;
    ward.condition_is("ward-3", "KibanaReady", "True", "DashboardsReady").await;

    // It goes although its Kibana is gone.
    drop(server);
    delete(&ward, Duration::from_secs(90)).await;
    ward.end().await;
}

/// Has the monitor looked at, in place of waiting until it is by itself.
async fn touch(ward: &Ward) {
    let annotation =
        json!({"metadata": {"annotations": {"touched": bpmonitor_test_support::unique::name("at")}}});
    let monitors = ward.api::<BpMonitor>();
    monitors.patch("ward-3", &PatchParams::default(), &Patch::Merge(annotation)).await.unwrap();
}
