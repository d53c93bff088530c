//! Many monitors at the same time: how long the operator takes for a burst of new ones and for looking at all of them again, how much
//! memory that needs, and that it lets alone what has settled. On a control plane of this test's own; `BPMONITOR_TEST_MONITORS` says how
//! many (25; the long form takes 500).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::status::conditions::is_true;
use bpmonitor_test_strimzi::{Settings, StandIn};
use bpmonitor_test_support::lab::{self, SecureElasticsearch};
use common::control_plane::ControlPlane;
use common::replica::Replica;
use common::{REPAIR, Ward, elastic, there, until};
use futures_util::{StreamExt, stream};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, watcher};
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio::task::JoinHandle;

/// What was promised of 500 monitors, on two cores.
const BURST: Duration = Duration::from_secs(180);
const RESYNC: Duration = Duration::from_secs(60);
const MEMORY: u64 = 150 * 1024 * 1024;
/// From how many monitors on it is the long form.
const MANY: usize = 100;
/// How many monitors are made at the same time.
const AT_ONCE: usize = 32;

fn number() -> usize {
    std::env::var("BPMONITOR_TEST_MONITORS").map_or(25, |number| number.parse().unwrap())
}

/// How long it is looked whether anything is written to what has settled: in the long form for longer than the counts are apart.
fn quiet(number: usize) -> Duration {
    Duration::from_secs(if number < MANY { 10 } else { 75 })
}

fn name(number: usize) -> String {
    format!("ward-{number}")
}

/// Says of each Deployment what its controller would if pods ran: there is no node here, and nobody else who says so.
fn say_deployments_run(ward: &Ward) -> JoinHandle<()> {
    let api: Api<Deployment> = ward.api();
    tokio::spawn(async move {
        let deployments =
            watcher(api.clone(), watcher::Config::default()).default_backoff().applied_objects();
        let say = |deployment: Deployment| {
            let api = api.clone();
            async move {
                let generation = deployment.metadata.generation;
                let observed = deployment.status.as_ref().and_then(|status| status.observed_generation);
                if observed == generation {
                    return;
                }
                let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas);
                let status = json!({"status": {
                    "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
                    "readyReplicas": replicas, "availableReplicas": replicas,
                }});
                let parameters = PatchParams::default();
                let _ = api.patch_status(&deployment.name_any(), &parameters, &Patch::Merge(status)).await;
            }
        };
        deployments.filter_map(async |deployment| deployment.ok()).for_each_concurrent(AT_ONCE, say).await;
    })
}

/// The monitors as they are, by a watch: to list them again and again is work for the API server, and time that is not the operator's.
fn watched(ward: &Ward) -> (Store<BpMonitor>, JoinHandle<()>) {
    let (store, writer) = reflector::store();
    let events = watcher(ward.api::<BpMonitor>(), watcher::Config::default()).default_backoff();
    (store, tokio::spawn(events.reflect(writer).for_each(|_| std::future::ready(()))))
}

fn ready(monitors: &Store<BpMonitor>) -> usize {
    let is_ready = |monitor: &&Arc<BpMonitor>| {
        let Some(status) = &monitor.status else { return false };
        status.observed_generation == monitor.metadata.generation && is_true(&status.conditions, "Ready")
    };
    monitors.state().iter().filter(is_ready).count()
}

/// How many objects and how many statuses the operator has sent to the API server so far.
async fn sent(replica: &Replica) -> (f64, f64) {
    let applied = replica.metric("bpmonitor_operator_applied_total", "").await;
    (applied, replica.metric("bpmonitor_operator_statuses_total", "").await)
}

/// The resource versions of all that was made for monitors.
async fn children(ward: &Ward) -> Vec<(String, String, String)> {
    let versions = ward.versions().await.into_iter();
    versions.filter(|(kind, ..)| kind != "BpMonitor").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_monitors() {
    let number = number();
    let plane = ControlPlane::up("operator-scale", &[]);
    let ward = Ward::at(plane.client().await).await;
    let (settings, secure) = backends(&plane, &ward, number);
    let stand_in = StandIn::start(ward.client.clone(), settings).unwrap();
    stand_in.make_kafka().await.unwrap();
    let _deployments = say_deployments_run(&ward);
    let elasticsearch = elastic::of(&ward, &secure).await;
    let replica = Replica::start(&ward, &plane.kubeconfig(), &["--no-leader-election"]);
    replica.is_ready().await;

    let (monitors, _watch) = watched(&ward);
    let begun = Instant::now();
    let spec = json!({"elasticsearch": elasticsearch, "kafka": {"topic": {"partitions": 1}}});
    let apply = |number| {
        let (ward, spec) = (&ward, spec.clone());
        async move { ward.monitor(&name(number), spec).await }
    };
    stream::iter(0..number).for_each_concurrent(AT_ONCE, apply).await;
    until("all are ready", BURST, || async { ready(&monitors) == number }).await;
    println!("{number} new monitors: ready after {:?}", begun.elapsed());
    assert!(begun.elapsed() < BURST);

    // The API server writes a volume claim once more when it is applied for the second time, though nothing of it changes.
    ward.settled().await;
    let replica = looks_at_all_again(&ward, &plane, replica, number).await;
    ward.settled().await;
    let settled = children(&ward).await;
    let before = sent(&replica).await;
    tokio::time::sleep(quiet(number)).await;
    let after = sent(&replica).await;
    assert_eq!(children(&ward).await, settled, "what has settled is let alone");
    assert!(after.0 - before.0 < 0.5, "nothing is sent that says nothing");
    // Their counts are read once a minute, and written where they changed.
    let written = after.1 - before.1;
    println!("{number} monitors: {written} statuses written in {:?}", quiet(number));
    let most = number * usize::try_from(quiet(number).as_secs() / 60).unwrap();
    assert!(written <= f64::from(u32::try_from(most).unwrap()), "{written} statuses");
    let replica = looks_at_all_again(&ward, &plane, replica, number).await;
    assert_eq!(children(&ward).await, settled, "another operator finds it as it is to be");

    let maps = ward.api::<ConfigMap>();
    let first = format!("{}-manifest", name(0));
    maps.delete(&first, &DeleteParams::default()).await.unwrap();
    there(&maps, &first, REPAIR).await;
    let last = format!("{}-classifier", name(number - 1));
    let deployments = ward.api::<Deployment>();
    let by_hand = PatchParams { field_manager: Some("somebody".to_owned()), ..PatchParams::default() };
    deployments.patch(&last, &by_hand, &Patch::Merge(json!({"spec": {"replicas": 7}}))).await.unwrap();
    until("a Deployment is as it was", REPAIR, || async {
        deployments.get(&last).await.unwrap().spec.unwrap().replicas == Some(1)
    })
    .await;
    let peak = replica.peak_memory();
    println!("{number} monitors: {} MiB at most", peak / 1024 / 1024);
    assert!(peak < MEMORY, "{peak} bytes");

    let with_data = Patch::Merge(json!({"metadata": {"annotations": {"bpmonitor.dev/delete-data": "true"}}}));
    let monitors = ward.api::<BpMonitor>();
    for number in 0..number {
        monitors.patch(&name(number), &PatchParams::default(), &with_data).await.unwrap();
    }
    let begun = Instant::now();
    monitors.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    until("all are gone, with their data", BURST, || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        monitors.list_metadata(&ListParams::default()).await.unwrap().items.is_empty()
    })
    .await;
    println!("{number} monitors: gone with their data after {:?}", begun.elapsed());
}

/// The Kafka and the Elasticsearch: those that all tests share; for very many topics and indices others, which nobody else has to bear.
fn backends(plane: &ControlPlane, ward: &Ward, number: usize) -> (Settings, SecureElasticsearch) {
    if number < MANY {
        return (Settings::lab(&ward.namespace, "bp-kafka"), lab::elasticsearch_secure());
    }
    plane.lab().up("kafka");
    plane.lab().up("elasticsearch-secure");
    (plane.kafka(&ward.namespace), plane.elasticsearch_secure())
}

/// Starts an operator that knows nothing yet in the place of this one, and waits until it has looked at all.
async fn looks_at_all_again(
    ward: &Ward,
    plane: &ControlPlane,
    mut replica: Replica,
    number: usize,
) -> Replica {
    let peak = replica.peak_memory();
    assert!(peak < MEMORY, "{peak} bytes");
    replica.signal("-TERM");
    assert!(replica.ended(Duration::from_secs(20)).await.success(), "{}", replica.last_lines());
    let begun = Instant::now();
    let replica = Replica::start(ward, &plane.kubeconfig(), &["--no-leader-election"]);
    let wanted = u32::try_from(number).unwrap();
    until("all were looked at", RESYNC, || async {
        replica.metric("bpmonitor_operator_reconciles_total", "result=\"ready\"").await >= f64::from(wanted)
    })
    .await;
    println!(
        "{number} monitors: all looked at again {:?} after a start, {} MiB so far",
        begun.elapsed(),
        peak / 1024 / 1024
    );
    replica
}
