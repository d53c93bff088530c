//! Server-side apply: nothing is sent where nothing would change, and what is no longer wanted is removed.

use std::sync::Arc;

use bpmonitor_crds::BpMonitor;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use sha2::{Digest, Sha256};

use crate::build::Object;
use crate::cache::{Applied, Key, Live};
use crate::context::Context;
use crate::dereference::SecretData;
use crate::error::{Error, is_not_found};
use crate::kinds::{self, MonitorRef};
use crate::labels::{self, MANAGER};
use crate::model::Monitor;
use crate::names;

/// Applies an object, unless it is there just so. Gives it as the API server has it.
///
/// # Errors
///
/// The API server's.
pub async fn apply(
    context: &Context,
    owner: &MonitorRef,
    namespace: &str,
    object: &Object,
) -> Result<Arc<Live>, Error> {
    let key = Key::new(object.kind(), namespace, &object.name);
    let checksum = hex::encode(Sha256::digest(object.body.to_string()));
    if let Some(live) = context.cache.unchanged(&key, &checksum) {
        return Ok(live);
    }
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), namespace, &object.resource);
    let parameters = PatchParams::apply(MANAGER).force();
    let applied = api.patch(&object.name, &parameters, &Patch::Apply(&object.body)).await;
    let applied = applied.map_err(Error::kube(format!(
        "applying the {} {namespace}/{}",
        object.kind(),
        object.name
    )))?;
    context.metrics.applied(object.kind());
    let live = Arc::new(Live::of(&applied));
    let resource_version = applied.resource_version().unwrap_or_default();
    context.cache.applied(key, Applied { checksum, resource_version, live: Arc::clone(&live) });
    tracing::debug!(monitor = %owner, kind = object.kind(), name = object.name, "applied");
    Ok(live)
}

/// A Secret of the monitor's that goes with it.
///
/// # Errors
///
/// It cannot be written, which is a mistake in this program.
pub fn secret_object(
    monitor: &Monitor,
    name: &str,
    component: &str,
    data: &SecretData,
) -> Result<Object, Error> {
    let data = data.iter().map(|(key, value)| (key.clone(), ByteString(value.clone()))).collect();
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(monitor.namespace.clone()),
            labels: Some(labels::all(&monitor.namespace, &monitor.name, component)),
            owner_references: Some(vec![owner_reference(monitor)]),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    };
    let body = serde_json::to_value(&secret)
        .map_err(|error| Error::Unwritable { what: "a Secret", error: error.to_string() })?;
    Ok(Object { resource: ApiResource::erase::<Secret>(&()), name: name.to_owned(), body })
}

fn owner_reference(monitor: &Monitor) -> OwnerReference {
    OwnerReference {
        api_version: BpMonitor::api_version(&()).into_owned(),
        kind: BpMonitor::kind(&()).into_owned(),
        name: monitor.name.clone(),
        uid: monitor.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Removes the objects of a monitor that are not among those wanted, but for those that hold data.
///
/// # Errors
///
/// The API server's.
pub async fn prune(
    context: &Context,
    owner: &MonitorRef,
    monitor: &str,
    wanted: &[Key],
) -> Result<(), Error> {
    for key in context.cache.of(owner) {
        if wanted.contains(&key) || holds_data(&key, monitor) {
            continue;
        }
        delete(context, &key).await?;
        tracing::info!(monitor = %owner, kind = key.kind, name = key.name, "removed what is no longer wanted");
    }
    Ok(())
}

fn holds_data(key: &Key, monitor: &str) -> bool {
    match key.kind.as_str() {
        "PersistentVolumeClaim" | "KafkaTopic" => true,
        "Secret" => key.name == names::pseudonyms(monitor),
        _ => false,
    }
}

/// Deletes an object of a watched kind; nothing where it is not there.
///
/// # Errors
///
/// The API server's.
pub async fn delete(context: &Context, key: &Key) -> Result<(), Error> {
    let kinds = kinds::watched();
    let Some(watched) = kinds.iter().find(|watched| watched.resource.kind == key.kind) else { return Ok(()) };
    let api =
        Api::<DynamicObject>::namespaced_with(context.client.clone(), &key.namespace, &watched.resource);
    match api.delete(&key.name, &DeleteParams::background()).await {
        Err(error) if !is_not_found(&error) => {
            Err(Error::kube(format!("deleting the {} {}/{}", key.kind, key.namespace, key.name))(error))
        }
        _ => Ok(()),
    }
}
