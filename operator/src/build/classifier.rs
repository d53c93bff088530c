//! The classifiers' Deployment: as many as share the partitions, on one node where their archive's volume is.

use bpmonitor_crds::PodOverrides;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Affinity, PersistentVolumeClaimVolumeSource, PodAffinityTerm, TopologySpreadConstraint, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{owned, pods};
use super::pod::{ARCHIVE_DIRECTORY, Environment, Pod};
use super::volume_claim::{binds_to_one_node, volume_claim};
use crate::model::{Monitor, Replicas};
use crate::names::{self, Component};

/// What is requested where the manifest says nothing.
const REQUESTS: [(&str, &str); 2] = [("cpu", "100m"), ("memory", "128Mi")];
/// How long a classifier may take to finish what it began.
const DRAIN_SECONDS: i64 = 20;
/// Then it leaves its group, for which it takes 8 s at most, and answers who asked before.
const GRACE_SECONDS: i64 = DRAIN_SECONDS + 15;
const COMPONENT: Component = Component::Classifier;
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The Deployment of the classifiers.
pub fn deployment(monitor: &Monitor, checksum: &str) -> Deployment {
    Deployment {
        metadata: owned(monitor, names::workload(&monitor.name, COMPONENT), COMPONENT.as_str()),
        spec: Some(DeploymentSpec {
            replicas: replicas(monitor),
            revision_history_limit: Some(2),
            selector: pods(monitor, COMPONENT),
            strategy: Some(strategy(monitor)),
            template: pod(monitor, checksum).template(monitor),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

/// None where somebody else says it: a field that is not applied is not taken away from them.
fn replicas(monitor: &Monitor) -> Option<i32> {
    match monitor.replicas {
        _ if monitor.spec.paused => Some(0),
        Replicas::Applied(replicas) => Some(replicas),
        Replicas::Delegated => None,
    }
}

/// A successor comes first, except where it might have to wait for room on the one node.
fn strategy(monitor: &Monitor) -> DeploymentStrategy {
    let (surge, unavailable) = if binds_to_one_node(monitor) {
        (IntOrString::Int(0), IntOrString::Int(1))
    } else {
        (IntOrString::String("25%".to_owned()), IntOrString::Int(0))
    };
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(surge),
            max_unavailable: Some(unavailable),
        }),
    }
}

fn pod<'m>(monitor: &'m Monitor, checksum: &'m str) -> Pod<'m> {
    let mut environment = Environment::new();
    environment.kafka(&monitor.kafka, &monitor.kafka.classifier);
    environment.set("BPMONITOR_KAFKA_REJECTED_TOPIC", &monitor.kafka.topics.rejected);
    environment.set("BPMONITOR_KAFKA_STATE_TOPIC", &monitor.kafka.topics.state);
    environment.set("BPMONITOR_KAFKA_GROUP", &monitor.kafka.topics.group);
    environment.elasticsearch(&monitor.elasticsearch);
    environment.archive(monitor);
    environment.pseudonym_key(&monitor.pseudonym_key);
    environment.set("BPMONITOR_DRAIN", format!("{DRAIN_SECONDS}s"));
    let classifier = &monitor.spec.classifier;
    Pod {
        component: COMPONENT,
        image: &monitor.platform.images.classifier,
        resources: &classifier.resources,
        requests: REQUESTS,
        overrides: &classifier.pod,
        environment,
        volume: archive(monitor),
        affinity: affinity(monitor, &classifier.pod),
        spread: spread(monitor, &classifier.pod),
        grace_seconds: GRACE_SECONDS,
        checksum,
    }
}

/// The archive's volume, where it is one.
fn archive(monitor: &Monitor) -> Option<(Volume, VolumeMount)> {
    let claim_name = volume_claim(monitor)?.metadata.name?;
    let name = "archive".to_owned();
    let mount = VolumeMount {
        name: name.clone(),
        mount_path: ARCHIVE_DIRECTORY.to_owned(),
        ..VolumeMount::default()
    };
    let claim =
        PersistentVolumeClaimVolumeSource { claim_name, ..PersistentVolumeClaimVolumeSource::default() };
    Some((Volume { name, persistent_volume_claim: Some(claim), ..Volume::default() }, mount))
}

/// What the manifest asks for, and all on one node where the volume is mounted by one node only.
fn affinity(monitor: &Monitor, overrides: &PodOverrides) -> Option<Affinity> {
    if !binds_to_one_node(monitor) {
        return overrides.affinity.clone();
    }
    let mut affinity = overrides.affinity.clone().unwrap_or_default();
    let terms = &mut affinity
        .pod_affinity
        .get_or_insert_default()
        .required_during_scheduling_ignored_during_execution;
    terms.get_or_insert_default().push(PodAffinityTerm {
        label_selector: Some(pods(monitor, COMPONENT)),
        topology_key: HOSTNAME.to_owned(),
        ..PodAffinityTerm::default()
    });
    Some(affinity)
}

/// What the manifest asks for; else over the nodes as far as there is room, unless all must be on one.
fn spread(monitor: &Monitor, overrides: &PodOverrides) -> Vec<TopologySpreadConstraint> {
    if !overrides.topology_spread_constraints.is_empty() || binds_to_one_node(monitor) {
        return overrides.topology_spread_constraints.clone();
    }
    vec![TopologySpreadConstraint {
        max_skew: 1,
        topology_key: HOSTNAME.to_owned(),
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(pods(monitor, COMPONENT)),
        ..TopologySpreadConstraint::default()
    }]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::build::fixtures::monitor;

    const MANY: &str = "spec: {archive: {persistentVolumeClaim: {accessMode: ReadWriteMany}}}";
    const BUCKET: &str = "spec: {archive: {s3: {bucket: ward-archive}}}";

    fn spec(yaml: &str) -> DeploymentSpec {
        deployment(&monitor(yaml), "").spec.unwrap()
    }

    #[test]
    fn replicas_are_not_applied_where_others_say_them() {
        let cases = [
            (Replicas::Applied(3), false, Some(3)),
            (Replicas::Delegated, false, None),
            (Replicas::Applied(3), true, Some(0)),
            (Replicas::Delegated, true, Some(0)),
        ];
        for (given, paused, expected) in cases {
            let mut monitor = monitor("");
            (monitor.replicas, monitor.spec.paused) = (given, paused);
            let body = serde_json::to_value(deployment(&monitor, "")).unwrap();
            assert_eq!(
                body["spec"].get("replicas").cloned(),
                expected.map(|n| json!(n)),
                "{given:?} {paused}"
            );
        }
    }

    #[test]
    fn one_node_where_the_volume_is_mounted_by_one() {
        let one = spec("");
        let pods = one.template.spec.unwrap();
        let body = serde_json::to_value(pods.affinity.unwrap()).unwrap();
        let term = &body["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0];
        assert_eq!(term["topologyKey"], "kubernetes.io/hostname");
        assert_eq!(term["labelSelector"]["matchLabels"]["app.kubernetes.io/component"], "classifier");
        assert_eq!(pods.topology_spread_constraints, None);
        let update = one.strategy.unwrap().rolling_update.unwrap();
        assert_eq!(
            (update.max_surge, update.max_unavailable),
            (Some(IntOrString::Int(0)), Some(IntOrString::Int(1)))
        );
    }

    #[test]
    fn many_nodes_where_the_archive_lets_them() {
        for yaml in [MANY, BUCKET] {
            let many = spec(yaml);
            let pods = many.template.spec.unwrap();
            assert_eq!(pods.affinity, None, "{yaml}");
            let spread = &pods.topology_spread_constraints.unwrap()[0];
            assert_eq!((&*spread.when_unsatisfiable, &*spread.topology_key), ("ScheduleAnyway", HOSTNAME));
            let update = many.strategy.unwrap().rolling_update.unwrap();
            assert_eq!(update.max_unavailable, Some(IntOrString::Int(0)));
        }
    }

    #[test]
    fn a_bucket_takes_the_place_of_the_volume() {
        for (yaml, is_mounted) in [("", true), (MANY, true), (BUCKET, false)] {
            let pods = spec(yaml).template.spec.unwrap();
            let claims: Vec<_> = pods
                .volumes
                .iter()
                .flatten()
                .filter_map(|volume| volume.persistent_volume_claim.as_ref())
                .collect();
            assert_eq!(claims.iter().any(|claim| claim.claim_name == "ward-3-archive"), is_mounted, "{yaml}");
            let mounts = pods.containers[0].volume_mounts.iter().flatten();
            let archive: Vec<_> = mounts.filter(|mount| mount.mount_path == ARCHIVE_DIRECTORY).collect();
            assert_eq!(archive.len(), usize::from(is_mounted));
            assert!(archive.iter().all(|mount| mount.read_only != Some(true)));
        }
    }

    #[test]
    fn the_manifests_own_nearness_stays_beside_the_volumes() {
        let own = "spec: {classifier: {pod: {affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: \
                   [{topologyKey: zone, labelSelector: {matchLabels: {a: b}}}]}}, topologySpreadConstraints: \
                   [{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]}}}";
        let pods = spec(own).template.spec.unwrap();
        let terms = pods.affinity.unwrap().pod_affinity.unwrap();
        let terms = terms.required_during_scheduling_ignored_during_execution.unwrap();
        let keys: Vec<_> = terms.iter().map(|term| &*term.topology_key).collect();
        assert_eq!(keys, ["zone", HOSTNAME]);
        assert_eq!(pods.topology_spread_constraints.unwrap()[0].max_skew, 2);
    }

    #[test]
    fn a_pod_may_take_longer_to_end_than_its_drain() {
        let pods = spec("").template.spec.unwrap();
        assert!(pods.termination_grace_period_seconds.unwrap() > DRAIN_SECONDS + 8);
    }
}
