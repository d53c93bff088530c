//! What runs for a monitor, in its own namespace: built from what was validated, without asking anybody. The same monitor gives the
//! same objects, to the byte.

pub mod classifier;
pub mod config_map;
pub mod disruption_budget;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod kibana_record;
pub(crate) mod metadata;
pub mod network_policy;
pub mod object;
mod pod;
pub mod pod_monitor;
pub mod producer;
pub mod scaled_object;
pub mod service;
pub mod service_account;
pub mod volume_claim;

pub use kibana_record::kibana_record;
pub use object::Object;

use crate::model::Monitor;
use crate::names::Component;

/// What a workload mounts, as a checksum: its pods are made anew when it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// Of the producer's manifest and Secrets.
    pub producer: String,
    /// Of the classifier's.
    pub classifier: String,
}

/// All that is to be in the monitor's namespace, in the order in which it is applied: what pods need comes before them, and the
/// classifier before the producer.
pub fn workloads(monitor: &Monitor, checksums: &Checksums) -> Vec<Object> {
    let mut objects = vec![Object::of(&config_map::config_map(monitor))];
    objects.extend(volume_claim::volume_claim(monitor).as_ref().map(Object::of));
    for component in components(monitor) {
        objects.push(Object::of(&service_account::service_account(monitor, component)));
        objects.push(Object::of(&network_policy::network_policy(monitor, component)));
        objects.push(Object::of(&service::service(monitor, component)));
    }
    objects.push(Object::of(&disruption_budget::disruption_budget(monitor)));
    for component in components(monitor) {
        objects.push(Object::of(&match component {
            Component::Classifier => classifier::deployment(monitor, &checksums.classifier),
            Component::Producer => producer::deployment(monitor, &checksums.producer),
        }));
    }
    objects.extend(pod_monitor::pod_monitor(monitor));
    objects.extend(scaled_object::scaled_object(monitor));
    objects
}

/// The workloads that there are to be: nobody is simulated where there are no patients.
pub fn components(monitor: &Monitor) -> Vec<Component> {
    let producer = (monitor.spec.patients.count > 0).then_some(Component::Producer);
    [Some(Component::Classifier), producer].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::fixtures::{all, kinds_and_names, monitor};

    #[test]
    fn a_monitor_has_these_objects_in_this_order() {
        let expected = [
            "ConfigMap ward-3-manifest",
            "PersistentVolumeClaim ward-3-archive",
            "ServiceAccount ward-3-classifier",
            "NetworkPolicy ward-3-classifier",
            "Service ward-3-classifier",
            "ServiceAccount ward-3-producer",
            "NetworkPolicy ward-3-producer",
            "Service ward-3-producer",
            "PodDisruptionBudget ward-3-classifier",
            "Deployment ward-3-classifier",
            "Deployment ward-3-producer",
            "PodMonitor ward-3",
        ];
        assert_eq!(kinds_and_names(&all(&monitor(""))), expected);
        let scaled = kinds_and_names(&all(&monitor("spec: {classifier: {autoscaling: {max: 3}}}")));
        assert_eq!(
            scaled[12..],
            ["TriggerAuthentication ward-3-classifier", "ScaledObject ward-3-classifier"]
        );
    }

    #[test]
    fn nothing_is_there_of_a_producer_without_patients() {
        let objects = kinds_and_names(&all(&monitor("spec: {patients: {count: 0}}")));
        assert!(!objects.iter().any(|object| object.contains("producer")), "{objects:?}");
        assert!(objects.contains(&"Deployment ward-3-classifier".to_owned()));
    }

    #[test]
    fn a_paused_monitor_keeps_all_but_its_pods() {
        let running = kinds_and_names(&all(&monitor("")));
        let paused = all(&monitor("spec: {paused: true}"));
        assert_eq!(kinds_and_names(&paused), running);
        let replicas = paused.iter().filter(|object| object.kind() == "Deployment");
        assert!(replicas.map(|object| &object.body["spec"]["replicas"]).all(|replicas| *replicas == 0));
    }

    #[test]
    fn the_same_monitor_gives_the_same_bytes() {
        let bytes = || serde_json::to_vec(&all(&monitor("")).into_iter().map(|o| o.body).collect::<Vec<_>>());
        assert_eq!(bytes().unwrap(), bytes().unwrap());
    }

    #[test]
    fn the_longest_name_is_short_enough_for_what_derives_from_it() {
        let mut monitor = monitor("spec: {classifier: {autoscaling: {max: 3}}}");
        monitor.name = "w".repeat(bpmonitor_crds::NAME_MAX_LENGTH);
        for object in all(&monitor) {
            // A pod's name has the Deployment's, and 17 characters behind it; the autoscaler's is keda-hpa-NAME.
            let most = match object.kind() {
                "Deployment" => 63 - 17,
                "ScaledObject" => 54,
                _ => 63,
            };
            assert!(object.name.len() <= most, "{} {}", object.kind(), object.name);
            for (_, label) in object.body["metadata"]["labels"].as_object().unwrap() {
                assert!(label.as_str().unwrap().len() <= 63);
            }
        }
    }
}
