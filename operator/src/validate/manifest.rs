//! What the workloads read with `-f`.

use bpmonitor_crds::{BpMonitor, BpMonitorSpec, Classifier, Kibana, Producer};
use kube::{Resource, ResourceExt};
use serde_json::json;

use crate::error::Error;

/// The manifest of a monitor. What no workload reads is left at its default, so that scaling and the like start no pod anew.
pub(super) fn manifest(monitor: &BpMonitor) -> Result<String, Error> {
    let spec = BpMonitorSpec {
        paused: false,
        kibana: Kibana::default(),
        producer: Producer::default(),
        classifier: Classifier::default(),
        ..monitor.spec.clone()
    };
    let manifest = json!({
        "apiVersion": BpMonitor::api_version(&()),
        "kind": BpMonitor::kind(&()),
        "metadata": {"name": monitor.name_any(), "namespace": monitor.namespace()},
        "spec": spec,
    });
    serde_saphyr::to_string(&manifest)
        .map_err(|error| Error::Unwritable { what: "the manifest", error: error.to_string() })
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::manifest::read_manifest;

    use super::*;

    fn monitor() -> BpMonitor {
        let mut monitor = BpMonitor::new("ward-3", BpMonitorSpec::default());
        monitor.metadata.namespace = Some("cardiology".to_owned());
        monitor
    }

    #[test]
    fn workloads_can_read_it() {
        let mut monitor = monitor();
        monitor.spec.patients.locale = "de".to_owned();
        let read = read_manifest(&manifest(&monitor).unwrap()).unwrap();
        assert_eq!((read.name_any(), read.namespace()), ("ward-3".to_owned(), monitor.namespace()));
        assert_eq!(read.spec, monitor.spec);
    }

    #[test]
    fn scaling_changes_nothing_in_it() {
        let mut scaled = monitor();
        scaled.spec.classifier.replicas = 3;
        scaled.spec.paused = true;
        assert_eq!(manifest(&scaled).unwrap(), manifest(&monitor()).unwrap());
        scaled.spec.patients.count = 3;
        assert_ne!(manifest(&scaled).unwrap(), manifest(&monitor()).unwrap());
    }
}
