//! The producer's Deployment: one pod, which ends before its successor begins.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy};

use super::metadata::{owned, pods};
use super::pod::{Environment, Pod};
use crate::model::Monitor;
use crate::names::{self, Component};

/// What is requested where the manifest says nothing.
const REQUESTS: [(&str, &str); 2] = [("cpu", "50m"), ("memory", "64Mi")];
/// Longer than the producer waits for Kafka to acknowledge what it sent.
const GRACE_SECONDS: i64 = 30;
const COMPONENT: Component = Component::Producer;

/// The Deployment of the producer.
pub fn deployment(monitor: &Monitor, checksum: &str) -> Deployment {
    Deployment {
        metadata: owned(monitor, names::workload(&monitor.name, COMPONENT), COMPONENT.as_str()),
        spec: Some(DeploymentSpec {
            replicas: Some(i32::from(!monitor.spec.paused)),
            revision_history_limit: Some(2),
            selector: pods(monitor, COMPONENT),
            // Two at the same time would publish everything twice.
            strategy: Some(DeploymentStrategy { type_: Some("Recreate".to_owned()), rolling_update: None }),
            template: pod(monitor, checksum).template(monitor),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn pod<'m>(monitor: &'m Monitor, checksum: &'m str) -> Pod<'m> {
    let mut environment = Environment::new();
    environment.kafka(&monitor.kafka, &monitor.kafka.producer);
    environment.set("BPMONITOR_KAFKA_STATE_TOPIC", &monitor.kafka.topics.state);
    let producer = &monitor.spec.producer;
    Pod {
        component: COMPONENT,
        image: &monitor.platform.images.producer,
        resources: &producer.resources,
        requests: REQUESTS,
        overrides: &producer.pod,
        environment,
        volume: None,
        affinity: producer.pod.affinity.clone(),
        spread: producer.pod.topology_spread_constraints.clone(),
        grace_seconds: GRACE_SECONDS,
        checksum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn there_is_one_and_never_two() {
        for (yaml, replicas) in [("", 1), ("spec: {paused: true}", 0)] {
            let spec = deployment(&monitor(yaml), "").spec.unwrap();
            assert_eq!(spec.replicas, Some(replicas), "{yaml}");
            assert_eq!(spec.strategy.unwrap().type_.as_deref(), Some("Recreate"));
        }
    }

    #[test]
    fn it_has_nothing_of_elasticsearch_the_archive_and_pseudonyms() {
        let template = deployment(&monitor(""), "").spec.unwrap().template.spec.unwrap();
        let text = serde_json::to_string(&template).unwrap();
        for absent in ["ELASTICSEARCH", "ARCHIVE", "PSEUDONYM", "ward-3-archive", "ward-3-kafka-classifier"] {
            assert!(!text.contains(absent), "{absent}");
        }
        assert!(text.contains("ward-3-kafka-producer"));
    }
}
