//! A workload's headless Service: what finds its pods for probes and metrics.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::owned;
use super::pod::{PORT, PORT_NAME};
use crate::labels;
use crate::model::Monitor;
use crate::names::{self, Component};

/// The headless Service of a workload. It has the pods that are not ready too: of them the metrics tell most.
pub fn service(monitor: &Monitor, component: Component) -> Service {
    Service {
        metadata: owned(monitor, names::workload(&monitor.name, component), component.as_str()),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(labels::selector(&monitor.name, component.as_str())),
            ports: Some(vec![ServicePort {
                name: Some(PORT_NAME.to_owned()),
                port: PORT,
                protocol: Some("TCP".to_owned()),
                target_port: Some(IntOrString::String(PORT_NAME.to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::{deployments, monitor};

    #[test]
    fn it_finds_the_pods_by_labels_that_they_have() {
        let monitor = monitor("");
        for (component, deployment) in
            [Component::Producer, Component::Classifier].into_iter().zip(deployments(&monitor))
        {
            let spec = service(&monitor, component).spec.unwrap();
            let pod = deployment.spec.unwrap().template;
            let labels = pod.metadata.unwrap().labels.unwrap();
            assert!(spec.selector.unwrap().iter().all(|(key, value)| labels.get(key) == Some(value)));
            let port = &spec.ports.unwrap()[0];
            let container = pod.spec.unwrap().containers.remove(0);
            let target = &container.ports.unwrap()[0];
            assert_eq!(port.target_port, target.name.clone().map(IntOrString::String));
            assert_eq!((port.port, spec.cluster_ip.as_deref()), (8080, Some("None")));
        }
    }
}
