//! Stops the workloads where they cannot be built but must not run.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, is_not_found};
use crate::labels::MANAGER;
use crate::model::Monitor;
use crate::names::{self, Component};
use crate::status::workloads;

/// Lets no pod run; the Deployments stay.
///
/// # Errors
///
/// The API server's.
pub async fn stop(context: &Context, monitor: &Monitor) -> Result<(), Error> {
    for component in [Component::Producer, Component::Classifier] {
        let live = workloads::read(context, &monitor.namespace, &monitor.name, component).await?;
        if live.is_none_or(|live| live.replicas == Some(0)) {
            continue;
        }
        let name = names::workload(&monitor.name, component);
        let api = Api::<Deployment>::namespaced(context.client.clone(), &monitor.namespace);
        let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
        match api.patch(&name, &parameters, &patch).await {
            Err(error) if !is_not_found(&error) => {
                return Err(Error::kube(format!("stopping the Deployment {name}"))(error));
            }
            _ => tracing::warn!(namespace = monitor.namespace, name, "stopped"),
        }
    }
    Ok(())
}
