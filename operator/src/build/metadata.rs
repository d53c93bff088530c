//! The metadata of what is made for a monitor: name, labels, and whose it is.

use bpmonitor_crds::BpMonitor;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use kube::Resource;

use crate::labels;
use crate::model::Monitor;
use crate::names::Component;

/// Of what goes together with the monitor.
pub(super) fn owned(monitor: &Monitor, name: String, component: &str) -> ObjectMeta {
    ObjectMeta { owner_references: Some(vec![owner(monitor)]), ..kept(monitor, name, component) }
}

/// Of what stays when the monitor goes, because it holds data.
pub(super) fn kept(monitor: &Monitor, name: String, component: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(monitor.namespace.clone()),
        labels: Some(labels::all(&monitor.namespace, &monitor.name, component)),
        ..ObjectMeta::default()
    }
}

/// Selects a workload's pods.
pub(super) fn pods(monitor: &Monitor, component: Component) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels::selector(&monitor.name, component.as_str())),
        ..LabelSelector::default()
    }
}

/// That an object is the monitor's, and goes with it.
pub(crate) fn owner(monitor: &Monitor) -> OwnerReference {
    OwnerReference {
        api_version: BpMonitor::api_version(&()).into_owned(),
        kind: BpMonitor::kind(&()).into_owned(),
        name: monitor.name.clone(),
        uid: monitor.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

#[cfg(test)]
mod tests {
    use crate::build::fixtures::{all, monitor};

    #[test]
    fn all_but_the_archive_goes_with_the_monitor() {
        for object in all(&monitor("spec: {classifier: {autoscaling: {max: 3}}}")) {
            let owner = &object.body["metadata"]["ownerReferences"][0];
            if object.kind() == "PersistentVolumeClaim" {
                assert!(owner.is_null());
                continue;
            }
            assert_eq!(owner["apiVersion"], "bpmonitor.dev/v1alpha1", "{}", object.name);
            assert_eq!((&owner["kind"], &owner["name"]), (&"BpMonitor".into(), &"ward-3".into()));
            assert_eq!((&owner["controller"], &owner["blockOwnerDeletion"]), (&true.into(), &true.into()));
            assert_eq!(owner["uid"], "6a2f5c1e-8f0b-4a55-9d4c-0d6b8b8f6f11");
        }
    }

    #[test]
    fn everything_is_labelled() {
        for object in all(&monitor("spec: {classifier: {autoscaling: {max: 3}}}")) {
            let labels = &object.body["metadata"]["labels"];
            assert_eq!(labels["app.kubernetes.io/name"], "bp-monitor", "{}", object.name);
            assert_eq!(labels["app.kubernetes.io/instance"], "ward-3");
            assert_eq!(labels["app.kubernetes.io/managed-by"], "bp-monitor-operator");
            assert!(labels["app.kubernetes.io/component"].is_string(), "{}", object.name);
            assert_eq!(object.body["metadata"]["namespace"], "cardiology");
        }
    }
}
