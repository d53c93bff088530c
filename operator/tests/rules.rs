//! Every rule of the definition, kept and broken, at a real API server; and what it fills in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;
#[path = "../../crds/tests/common/mod.rs"]
mod rules;

use bpmonitor_crds::NAME_MAX_LENGTH;
use common::Ward;
use kube::Error;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use rules::{Case, NAME_RULE, WRONG_NAMES, cases};
use serde_json::{Value, json};

/// Monitors as they are sent: not through our own type, which would fill in what is left out.
fn monitors(ward: &Ward) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("bpmonitor.dev", "v1alpha1", "BpMonitor"));
    Api::namespaced_with(ward.client.clone(), &ward.namespace, &kind)
}

fn monitor(name: &str, spec: &Value) -> DynamicObject {
    let monitor = json!({
        "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor", "metadata": {"name": name}, "spec": spec,
    });
    serde_json::from_value(monitor).unwrap()
}

fn tried() -> PostParams {
    PostParams { dry_run: true, ..PostParams::default() }
}

/// What the API server thinks of one of the two specs of a case: where, and what it says.
async fn outcome(monitors: &Api<DynamicObject>, case: &Case, spec: &Value) -> Vec<(String, String)> {
    let name = "ward-3";
    let Some(was) = &case.was else {
        return wrong(monitors.create(&tried(), &monitor(name, spec)).await);
    };
    let before = monitors.create(&PostParams::default(), &monitor(name, was)).await.unwrap();
    let mut after = monitor(name, spec);
    after.metadata.resource_version = before.metadata.resource_version;
    let replaced = monitors.replace(name, &tried(), &after).await;
    monitors.delete(name, &DeleteParams::default()).await.unwrap();
    wrong(replaced)
}

fn wrong(answer: Result<DynamicObject, Error>) -> Vec<(String, String)> {
    match answer {
        Ok(_) => Vec::new(),
        Err(Error::Api(status)) => {
            assert_eq!(status.code, 422, "{status:?}");
            let causes = status.details.into_iter().flat_map(|details| details.causes);
            causes.map(|cause| (cause.field, cause.message)).collect()
        }
        Err(error) => panic!("the API server: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_keeps_every_rule() {
    let ward = Ward::without_operator().await;
    let monitors = monitors(&ward);
    for case in cases() {
        assert_eq!(outcome(&monitors, &case, &case.accepted).await, [], "{}", case.accepted);
        let found = outcome(&monitors, &case, &case.refused).await;
        // Where the structure bounds the same field, that is said too.
        assert!(found.iter().all(|(at, _)| *at == case.at), "{}: {found:?}", case.refused);
        assert!(found.iter().any(|(_, says)| says.ends_with(&case.says)), "{}: {found:?}", case.refused);
    }
    ward.end_without_operator().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_refuses_a_wrong_name() {
    let ward = Ward::without_operator().await;
    let monitors = monitors(&ward);
    let (longest, too_long) = ("w".repeat(NAME_MAX_LENGTH), "w".repeat(NAME_MAX_LENGTH + 1));
    for name in ["ward-3", "w", &longest] {
        assert_eq!(wrong(monitors.create(&tried(), &monitor(name, &json!({}))).await), [], "{name}");
    }
    // What is no name of any object is refused before our rule is asked.
    for name in WRONG_NAMES
        .into_iter()
        .filter(|name| !name.starts_with('-') && !name.ends_with('-'))
        .chain([&*too_long])
    {
        let found = wrong(monitors.create(&tried(), &monitor(name, &json!({}))).await);
        assert!(found.iter().any(|(_, says)| says.ends_with(NAME_RULE)), "{name}: {found:?}");
    }
    ward.end_without_operator().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_fills_in_the_defaults() {
    let ward = Ward::without_operator().await;
    let monitors = monitors(&ward);
    let made =
        monitors.create(&tried(), &monitor("ward-3", &json!({"patients": {"count": 3}}))).await.unwrap();
    for (path, value) in [
        ("/spec/patients/count", json!(3)),
        ("/spec/patients/mix/normal", json!(50)),
        ("/spec/rate/perSecond", json!(5)),
        ("/spec/thresholds/profile", json!("aha-2017")),
        ("/spec/kafka/topic/partitions", json!(3)),
        ("/spec/classifier/replicas", json!(1)),
        ("/spec/archive/retention", json!("365d")),
        ("/spec/privacy/pseudonymise", json!(true)),
    ] {
        assert_eq!(made.data.pointer(path), Some(&value), "{path}");
    }
    // These would stand in the way of another profile, or of another way to reach Kafka.
    for path in ["/spec/thresholds/stage2", "/spec/kafka/clusterRef", "/spec/elasticsearch/clusterRef"] {
        assert_eq!(made.data.pointer(path), None, "{path}");
    }
    ward.end_without_operator().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_the_examples_are_taken() {
    let ward = Ward::without_operator().await;
    let monitors = monitors(&ward);
    for text in [
        include_str!("../../examples/ward.yaml"),
        include_str!("../../crds/tests/manifests/smallest.yaml"),
        include_str!("../../crds/tests/manifests/elsewhere.yaml"),
        include_str!("../../crds/tests/manifests/full.yaml"),
    ] {
        let mut manifest: Value = serde_saphyr::from_str(text).unwrap();
        manifest["metadata"].as_object_mut().unwrap().remove("namespace");
        let manifest: DynamicObject = serde_json::from_value(manifest).unwrap();
        assert_eq!(wrong(monitors.create(&tried(), &manifest).await), [], "{text}");
    }
    ward.end_without_operator().await;
}
