//! The `PodMonitor`, by which Prometheus finds the workloads' metrics.

use kube::api::{ApiResource, GroupVersionKind};
use serde_json::json;

use super::metadata::owned;
use super::object::Object;
use super::pod::PORT_NAME;
use crate::labels;
use crate::model::Monitor;

/// The `PodMonitor` of both workloads; none where the cluster has no such kind.
pub fn pod_monitor(monitor: &Monitor) -> Option<Object> {
    if !monitor.platform.pod_monitors {
        return None;
    }
    let metadata = owned(monitor, monitor.name.clone(), "metrics");
    let mut selected = labels::selector(&monitor.name, "");
    selected.remove("app.kubernetes.io/component");
    let spec = json!({
        "selector": {"matchLabels": selected},
        "podMetricsEndpoints": [{"port": PORT_NAME, "path": "/metrics", "interval": "30s"}],
        "podTargetLabels": ["app.kubernetes.io/instance", "app.kubernetes.io/component"],
    });
    Some(Object::foreign(resource(), &metadata, spec))
}

/// The kind, as the Prometheus Operator defines it.
pub fn resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("monitoring.coreos.com", "v1", "PodMonitor"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn it_is_there_where_the_cluster_has_its_kind() {
        let mut monitor = monitor("");
        let object = pod_monitor(&monitor).unwrap();
        assert_eq!(
            (object.kind(), &*object.name, &*object.resource.plural),
            ("PodMonitor", "ward-3", "podmonitors")
        );
        let selected =
            json!({"app.kubernetes.io/name": "bp-monitor", "app.kubernetes.io/instance": "ward-3"});
        assert_eq!(object.body["spec"]["selector"]["matchLabels"], selected);
        monitor.platform.pod_monitors = false;
        assert_eq!(pod_monitor(&monitor), None);
    }
}
