//! What becomes of monitors when the control plane itself fails: definitions that are missing, an API server that restarts, refuses or
//! hangs, watches that have expired, a slow etcd, and objects that an older version stored. In a control plane of this test's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::time::{Duration, Instant};

use bpmonitor_crds::{BpMonitor, definition};
use common::control_plane::ControlPlane;
use common::replica::Replica;
use common::unending;
use common::{PATIENCE, REPAIR, Ward, client_with_token, elastic, install, strimzi, there, until};
use futures_util::TryStreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Event, ServiceAccount};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::core::GroupVersionKind;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a request may take to have the API server's one seat.
const HELD_WITHIN: Duration = Duration::from_secs(2);

/// One after the other, for each disturbs whoever else is there. `BPMONITOR_TEST_FAULT` names one of them to be tried alone.
#[tokio::test(flavor = "multi_thread")]
async fn monitors_outlive_the_faults_of_their_control_plane() {
    let only = std::env::var("BPMONITOR_TEST_FAULT").ok();
    let is_asked = |fault: &str| {
        let is_asked = only.as_deref().is_none_or(|only| only == fault);
        println!("{fault}{}", if is_asked { "" } else { ": not asked for" });
        is_asked
    };
    let plane = ControlPlane::up("operator-faults", &["kube-controller-manager"]);
    if is_asked("definitions") {
        definitions_come_late(&plane).await;
    }
    if is_asked("replicas") {
        replicas_are_handed_over(&plane).await;
    }
    if is_asked("refusals") {
        the_api_server_refuses(&plane).await;
    }
    if is_asked("watches") {
        a_watch_expires_while_the_api_server_restarts(&plane).await;
    }
    if is_asked("etcd") {
        etcd_is_slow(&plane).await;
    }
    if is_asked("leader") {
        a_leader_without_its_api_server_ends(&plane).await;
    }
    if is_asked("versions") {
        an_older_version_has_stored_objects(&plane).await;
    }
}

/// The token of who may do what `rbac.yaml` lets the operator do, in all namespaces.
async fn with_rights(plane: &ControlPlane, ward: &Ward) -> String {
    let text = include_str!("../rbac.yaml").split("\n---\n").next().unwrap();
    plane.apply(&serde_saphyr::from_str(text).unwrap(), "test");
    ward.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "operator"}})).await;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": ward.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "bp-monitor-operator"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": ward.namespace}],
    });
    plane.apply(&binding, "test");
    let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
    let accounts = ward.api::<ServiceAccount>();
    let answer = accounts.create_token_request("operator", &PostParams::default(), &request).await.unwrap();
    answer.status.unwrap().token.unwrap()
}

fn foreign(ward: &Ward, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(ward.client.clone(), &ward.namespace, &kind)
}

async fn is_there(api: &Api<DynamicObject>, name: &str) -> bool {
    api.get_opt(name).await.is_ok_and(|object| object.is_some())
}

async fn replicas(ward: &Ward) -> Option<i32> {
    ward.api::<Deployment>().get("ward-3-classifier").await.unwrap().spec.unwrap().replicas
}

async fn checksum(ward: &Ward) -> String {
    let deployment = ward.api::<Deployment>().get("ward-3-classifier").await.unwrap();
    let template = deployment.spec.unwrap().template.metadata.unwrap();
    template.annotations.unwrap()["bpmonitor.dev/checksum"].clone()
}

/// Strimzi, ECK, the Prometheus Operator and KEDA are installed while an operator for all namespaces runs, with just its own rights.
async fn definitions_come_late(plane: &ControlPlane) {
    plane.uninstall("strimzi");
    plane.uninstall("eck");
    let mut ward = Ward::at(plane.client().await).await;
    let restricted = client_with_token(&plane.kubeconfig(), &with_rights(plane, &ward).await).await;
    ward.start_for(restricted, Vec::new());
    ward.monitor("ward-3", json!({})).await;
    let message = ward.condition_is("ward-3", "KafkaReady", "False", "StrimziMissing").await;
    assert!(message.contains("install it"), "{message}");
    let message = ward.condition_is("ward-3", "ElasticsearchReady", "False", "EckMissing").await;
    assert!(message.contains("spec.elasticsearch.url"), "{message}");

    plane.install("strimzi");
    plane.install("eck");
    let begun = Instant::now();
    ward.condition_is("ward-3", "KafkaReady", "False", "KafkaMissing").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "False", "ElasticsearchMissing").await;
    println!("Strimzi and ECK were noticed after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(15));

    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-classifier", PATIENCE).await;
    let pod_monitors = foreign(&ward, "monitoring.coreos.com", "v1", "PodMonitor");
    plane.install("prometheus-operator");
    let took = until("there is a PodMonitor", PATIENCE, || is_there(&pod_monitors, "ward-3")).await;
    println!("the Prometheus Operator was noticed after {took:?}");
    let scaled = foreign(&ward, "keda.sh", "v1alpha1", "ScaledObject");
    plane.install("keda");
    let autoscaling = json!({"autoscaling": {"max": 3}});
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await, "classifier": autoscaling}))
        .await;
    until("there is a ScaledObject", PATIENCE, || is_there(&scaled, "ward-3-classifier")).await;
    ward.end().await;
}

/// The number of classifiers is the operator's to say until KEDA's autoscaler says it, and again when that is switched off.
async fn replicas_are_handed_over(plane: &ControlPlane) {
    plane.install("keda");
    let mut ward = Ward::at(plane.client().await).await;
    ward.start();
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    let spec = |classifier: Value| json!({"elasticsearch": elasticsearch, "classifier": classifier});
    ward.monitor("ward-3", spec(json!({"replicas": 2, "autoscaling": {"max": 3}}))).await;
    let scaled = foreign(&ward, "keda.sh", "v1alpha1", "ScaledObject");
    until("there is a ScaledObject", PATIENCE, || is_there(&scaled, "ward-3-classifier")).await;
    ward.settled().await;
    assert_eq!(replicas(&ward).await, Some(2));

    // As an autoscaler does it: through the scale subresource.
    let by_autoscaler =
        PatchParams { field_manager: Some("kube-controller-manager".to_owned()), ..PatchParams::default() };
    let deployments = ward.api::<Deployment>();
    let three = Patch::Merge(json!({"spec": {"replicas": 3}}));
    deployments.patch_scale("ward-3-classifier", &by_autoscaler, &three).await.unwrap();
    until("the operator has let the number go", PATIENCE, || async {
        let deployment = deployments.get("ward-3-classifier").await.unwrap();
        let ours = deployment
            .managed_fields()
            .iter()
            .filter(|entry| entry.manager.as_deref() == Some("bp-monitor-operator"));
        ours.into_iter()
            .all(|entry| entry.fields_v1.as_ref().unwrap().0["f:spec"].get("f:replicas").is_none())
    })
    .await;
    let mut other = spec(json!({"replicas": 2, "autoscaling": {"max": 3}}));
    other["thresholds"] = json!({"stage1": {"systolic": 131}});
    let before = checksum(&ward).await;
    ward.monitor("ward-3", other).await;
    until("the pods are to be made anew", PATIENCE, || async { checksum(&ward).await != before }).await;
    ward.settled().await;
    assert_eq!(replicas(&ward).await, Some(3), "the autoscaler's number stays");

    ward.monitor("ward-3", spec(json!({"replicas": 2}))).await;
    until("the number is the operator's again", PATIENCE, || async { replicas(&ward).await == Some(2) })
        .await;
    until("there is no ScaledObject any more", PATIENCE, || async {
        !is_there(&scaled, "ward-3-classifier").await
    })
    .await;

    // kubectl scale bpmonitor ward-3 --replicas 1
    let monitors = ward.api::<BpMonitor>();
    let one = Patch::Merge(json!({"spec": {"replicas": 1}}));
    monitors.patch_scale("ward-3", &PatchParams::default(), &one).await.unwrap();
    until("kubectl scale is followed", REPAIR, || async { replicas(&ward).await == Some(1) }).await;
    let scale = monitors.get_scale("ward-3").await.unwrap();
    assert!(scale.status.unwrap().selector.unwrap().contains("app.kubernetes.io/instance=ward-3"));
    ward.end().await;
}

/// The API server answers 429 to whatever the operator would do to Deployments.
async fn the_api_server_refuses(plane: &ControlPlane) {
    let mut ward = Ward::at(plane.client().await).await;
    let token = with_rights(plane, &ward).await;
    let level = json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration",
        "metadata": {"name": ward.namespace},
        "spec": {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"},
        }},
    });
    plane.apply(&level, "test");
    let schema = json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema", "metadata": {"name": ward.namespace},
        "spec": {
            "matchingPrecedence": 2, "priorityLevelConfiguration": {"name": ward.namespace},
            "rules": [{
                "subjects": [{"kind": "ServiceAccount", "serviceAccount": {"name": "operator", "namespace": ward.namespace}}],
                "resourceRules": [{
                    "verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"], "namespaces": ["*"],
                }],
            }],
        },
    });
    plane.apply(&schema, "test");
    let restricted = client_with_token(&plane.kubeconfig(), &token).await;
    let refused = Api::<Deployment>::namespaced(restricted.clone(), &ward.namespace);
    let unending = hold_the_seat(&refused, || {
        unending::patch(plane.kubeconfig(), token.clone(), ward.namespace.clone())
    })
    .await;

    ward.start_as(restricted);
    let _strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    let message = ward.condition_is("ward-3", "Ready", "False", "ReconcileFailed").await;
    assert!(
        message.contains("applying the Deployment") && message.contains("tried again by itself"),
        "{message}"
    );
    // It is published once the condition is written.
    let events = ward.api::<Event>();
    until("an event says so", PATIENCE, || async {
        let events = events.list(&ListParams::default()).await.unwrap();
        events.iter().any(|event| event.reason.as_deref() == Some("ReconcileFailed"))
    })
    .await;
    plane.kubectl(&["delete", "flowschema", &ward.namespace]);
    unending.abort();
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.condition_is("ward-3", "Ready", "False", "NotAvailable").await;
    ward.end().await;
}

/// Of a level without seats the API server takes one request at a time all the same: holds that seat by a request that never ends. One that
/// comes before the API server knows of the level, or while another is looked at, does not have it, so there are others until it is held.
async fn hold_the_seat<F>(refused: &Api<Deployment>, unending: impl Fn() -> F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let nothing = Patch::Merge(json!({}));
    let is_refused = || async {
        let answer = refused.patch("none", &PatchParams::default(), &nothing).await;
        matches!(answer, Err(kube::Error::Api(status)) if status.code == 429)
    };
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let held = tokio::spawn(unending());
        let refuses = until("the API server refuses", PATIENCE, is_refused);
        if timeout(HELD_WITHIN, refuses).await.is_ok() {
            return held;
        }
        held.abort();
    }
    panic!("the API server refuses nothing");
}

/// A ward with an operator as a process of its own, and a monitor that has settled.
async fn with_process(plane: &ControlPlane) -> (Ward, Replica, strimzi::Strimzi) {
    let ward = Ward::at(plane.client().await).await;
    let replica = Replica::start(&ward, &plane.kubeconfig(), &["--no-leader-election"]);
    let strimzi = strimzi::begin(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    ward.condition_is("ward-3", "Ready", "False", "NotAvailable").await;
    ward.settled().await;
    (ward, replica, strimzi)
}

/// What is deleted while the operator sees nothing is missed by no watch, though the API server that comes back knows nothing of before.
async fn a_watch_expires_while_the_api_server_restarts(plane: &ControlPlane) {
    let (ward, replica, _strimzi) = with_process(plane).await;
    let maps = ward.api::<ConfigMap>();
    let seen = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    replica.signal("-STOP");
    maps.delete("ward-3-manifest", &DeleteParams::default()).await.unwrap();
    plane.lab().signal("kube-apiserver", "KILL");
    plane.lab().up("kube-apiserver");
    let is_expired = match maps.watch(&WatchParams::default(), &seen).await {
        Err(kube::Error::Api(status)) => status.code == 410,
        Err(error) => panic!("{error}"),
        Ok(events) => {
            let first = std::pin::pin!(events).try_next().await.unwrap();
            matches!(first, Some(WatchEvent::Error(status)) if status.code == 410)
        }
    };
    assert!(is_expired, "a watch from where the operator was is refused with 410");
    replica.signal("-CONT");
    let took = until("what was deleted is back", Duration::from_secs(15), || async {
        maps.get_opt("ward-3-manifest").await.is_ok_and(|map| map.is_some())
    })
    .await;
    println!("the operator has seen what it missed after {took:?}");
    ward.settled().await;
    maps.delete("ward-3-manifest", &DeleteParams::default()).await.unwrap();
    there(&maps, "ward-3-manifest", REPAIR).await;
    assert_eq!(replica.get("/ready").await.unwrap().0, 200);
    ward.end().await;
}

/// etcd answers only now and then; afterwards all is as it is to be.
async fn etcd_is_slow(plane: &ControlPlane) {
    let (ward, replica, _strimzi) = with_process(plane).await;
    let before = checksum(&ward).await;
    let mut spec =
        json!({"elasticsearch": elastic::given(&ward).await, "thresholds": {"stage1": {"systolic": 131}}});
    ward.monitor("ward-3", spec.clone()).await;
    for _ in 0..4 {
        plane.lab().signal("etcd", "STOP");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(replica.get("/health").await.unwrap().0, 200);
        plane.lab().signal("etcd", "CONT");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until("the pods are to be made anew", PATIENCE, || async { checksum(&ward).await != before }).await;
    spec["paused"] = json!(true);
    ward.monitor("ward-3", spec).await;
    ward.condition_is("ward-3", "Paused", "True", "Asked").await;
    ward.settled().await;
    let is_wrong = |line: &Value| line["level"] == "ERROR";
    assert!(!replica.log().iter().any(is_wrong), "{}", replica.last_lines());
    ward.end().await;
}

/// Another may lead by then, and whoever cannot ask must not go on.
async fn a_leader_without_its_api_server_ends(plane: &ControlPlane) {
    let ward = Ward::at(plane.client().await).await;
    let mut replica = Replica::start(&ward, &plane.kubeconfig(), &[]);
    until("it leads", PATIENCE, || replica.leads()).await;
    plane.lab().signal("kube-apiserver", "STOP");
    let begun = Instant::now();
    let ended = replica.ended(PATIENCE).await;
    println!("ended after {:?}", begun.elapsed());
    plane.lab().signal("kube-apiserver", "CONT");
    assert_eq!(ended.code(), Some(1));
    let last = replica.log().pop().unwrap();
    assert!(last["message"].as_str().unwrap().contains("the Lease was lost"), "{last}");
    plane.lab().up("kube-apiserver");
    ward.end_without_operator().await;
}

/// A monitor that an older definition let through and this version cannot read is told so, and goes when it is deleted; one that lacks
/// what is new is seen to; and what an older operator made and this one does not is put right.
async fn an_older_version_has_stored_objects(plane: &ControlPlane) {
    let mut ward = Ward::at(plane.client().await).await;
    let mut older = serde_json::to_value(definition()).unwrap();
    let schema = &mut older["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    *schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    install(&ward.client, &serde_json::from_value(older).unwrap()).await;
    let elasticsearch = elastic::given(&ward).await;
    until("the older definition is in force", PATIENCE, || async {
        let unreadable = json!({
            "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor", "metadata": {"name": "unreadable", "namespace": ward.namespace},
            "spec": {"patients": {"count": "many"}},
        });
        let monitors = foreign(&ward, "bpmonitor.dev", "v1alpha1", "BpMonitor");
        monitors.patch("unreadable", &PatchParams::apply("test"), &Patch::Apply(&unreadable)).await.is_ok()
    })
    .await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "patients": {"count": 3}})).await;
    install(&ward.client, &definition()).await;

    let monitor = ward.api::<BpMonitor>().get("ward-3").await.unwrap();
    let owner = json!([{
        "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor", "name": "ward-3", "uid": monitor.uid(), "controller": true,
    }]);
    let labels = json!({
        "app.kubernetes.io/managed-by": "bp-monitor-operator", "bpmonitor.dev/monitor": "ward-3",
        "bpmonitor.dev/namespace": ward.namespace,
    });
    let metadata = |name: &str| json!({"name": name, "namespace": ward.namespace, "labels": labels, "ownerReferences": owner});
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("ward-3-manifest"), "data": {"older.yaml": "{}"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("ward-3-older")});
    plane.apply(&map, "bp-monitor-operator");
    plane.apply(&account, "bp-monitor-operator");
    // What somebody copied with its labels is theirs.
    plane
        .apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("a-copy")}), "somebody");

    ward.start();
    let _strimzi = strimzi::begin(&ward).await;
    let message = ward.condition_is("unreadable", "Ready", "False", "Unreadable").await;
    assert!(message.contains("apply the monitor again"), "{message}");
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;
    let (maps, accounts) = (ward.api::<ConfigMap>(), ward.api::<ServiceAccount>());
    until("the older object is gone", PATIENCE, || async {
        accounts.get_opt("ward-3-older").await.unwrap().is_none()
    })
    .await;
    let data = maps.get("ward-3-manifest").await.unwrap().data.unwrap();
    assert_eq!(data.keys().collect::<Vec<_>>(), ["manifest.yaml"]);
    ward.settled().await;
    there(&maps, "a-copy", REPAIR).await;

    let monitors = foreign(&ward, "bpmonitor.dev", "v1alpha1", "BpMonitor");
    let finalizer = json!({"metadata": {"finalizers": ["bpmonitor.dev/cleanup"]}});
    monitors.patch("unreadable", &PatchParams::default(), &Patch::Merge(finalizer)).await.unwrap();
    monitors.delete("unreadable", &DeleteParams::default()).await.unwrap();
    until("the unreadable one is gone", PATIENCE, || async { !is_there(&monitors, "unreadable").await })
        .await;
    ward.end().await;
}
