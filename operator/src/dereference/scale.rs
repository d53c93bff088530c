//! How many classifiers there are now, and who says so.

use bpmonitor_crds::BpMonitor;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;

use super::fetch::{Fetched, fetch};
use crate::context::Context;
use crate::error::Error;
use crate::labels::MANAGER;
use crate::names::{self, Component};

/// How many classifiers there are now, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveScale {
    /// What the Deployment asks for.
    pub replicas: i32,
    /// Whether somebody else than the operator set it.
    pub is_others: bool,
}

/// Reads it where an autoscaler may say it; elsewhere it is the operator's to say.
pub(super) async fn read(
    context: &Context,
    monitor: &BpMonitor,
    scaled_objects: bool,
) -> Result<Option<LiveScale>, Error> {
    if monitor.spec.classifier.autoscaling.max == 0 || !scaled_objects {
        return Ok(None);
    }
    let name = names::workload(&monitor.name_any(), Component::Classifier);
    let namespace = monitor.namespace().unwrap_or_default();
    let Fetched::There(deployment) = fetch::<Deployment>(&context.client, &namespace, &name).await? else {
        return Ok(None);
    };
    Ok(Some(LiveScale {
        replicas: deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        is_others: deployment.managed_fields().iter().any(is_others),
    }))
}

fn is_others(entry: &ManagedFieldsEntry) -> bool {
    let owns = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:spec")?.get("f:replicas"));
    owns.is_some() && entry.manager.as_deref() != Some(MANAGER)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_are_somebody_elses_once_they_set_them() {
        let entry = |manager: &str, fields| ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        };
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        assert!(is_others(&entry("kube-controller-manager", replicas.clone())));
        assert!(!is_others(&entry(MANAGER, replicas)));
        assert!(!is_others(&entry("kube-controller-manager", json!({"f:status": {}}))));
    }
}
