//! The finalizer: removes what garbage collection does not reach, and never keeps a monitor because something is gone.

use std::time::Duration;

use bpmonitor_crds::{BpMonitor, BpMonitorSpec};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::controller::Action;
use kube::runtime::events::{Event, EventType};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::Context;
use crate::dereference::dereference;
use crate::error::{Error, is_not_found};
use crate::finding::Finding;
use crate::kinds::monitor_ref;
use crate::labels;
use crate::model::Monitor;
use crate::strimzi::{KafkaTopic, KafkaUser};
use crate::text::cut;
use crate::validate::{Draft, key_is_ours, validate};
use crate::{apply, elasticsearch, kibana, names};

/// The finalizer's name.
pub const FINALIZER: &str = "bpmonitor.dev/cleanup";

/// Why an Elasticsearch has nothing of the monitor any more.
const GONE: [&str; 2] = ["ElasticsearchMissing", "EckMissing"];
/// How many times as long it is tried where data is to go, which nobody would notice later.
const WITH_DATA: u32 = 5;
/// When to try again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long one try may take.
const WITHIN: Duration = Duration::from_secs(20);

/// Removes what belongs to a monitor that is going.
///
/// # Errors
///
/// What could not be removed yet.
pub async fn clean_up(monitor: &BpMonitor, context: &Context) -> Result<Action, Error> {
    let with_data = monitor.annotations().get(labels::DELETE_DATA).is_some_and(|value| value == "true");
    let tried = tokio::time::timeout(WITHIN, remove_all(monitor, context, with_data)).await;
    let left = match tried {
        Ok(Ok(())) => None,
        Ok(Err(left)) => Some(left),
        Err(_) => Some(format!("it took longer than {} s", WITHIN.as_secs())),
    };
    if let Some(left) = left {
        let times = if with_data { WITH_DATA } else { 1 };
        if !is_out_of_patience(monitor, context.settings.patience * times) {
            return Err(Error::Cleanup(left));
        }
        tell_what_is_left(monitor, context, &left).await;
    }
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    context.forget(&monitor_ref(&namespace, &name));
    tracing::info!(monitor = format!("{namespace}/{name}"), with_data, "removed");
    Ok(Action::await_change())
}

/// How long to wait before the next try.
pub fn wait(error: &Error) -> Option<Duration> {
    matches!(error, Error::Cleanup(_)).then_some(AGAIN)
}

fn is_out_of_patience(monitor: &BpMonitor, patience: Duration) -> bool {
    let Some(deleted) = &monitor.metadata.deletion_timestamp else { return false };
    Timestamp::now().duration_since(deleted.0).unsigned_abs() > patience
}

/// Removes all that can be removed, and gives what could not.
async fn remove_all(monitor: &BpMonitor, context: &Context, with_data: bool) -> Result<(), String> {
    let mut left = Vec::new();
    let found = dereference(context, monitor).await.map_err(|error| error.to_string())?;
    let draft = validate(monitor, &found, &context.settings.images).map_err(|error| error.to_string())?;
    left.extend(remove_elasticsearch(context, &draft, with_data).await);
    left.extend(remove_kibana(context, monitor, &draft).await);
    left.extend(remove_strimzi(context, monitor, with_data).await.err().map(|error| error.to_string()));
    if with_data {
        left.extend(remove_data(context, monitor, &draft.monitor).await.err().map(|error| error.to_string()));
    }
    if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
}

/// A cluster that is gone has taken everything with it. Where only the way there is, the index would stay unseen.
async fn remove_elasticsearch(context: &Context, draft: &Draft, with_data: bool) -> Option<String> {
    let removed = match &draft.elasticsearch {
        Ok(admin) => elasticsearch::remove(context, &draft.monitor, admin, with_data).await,
        Err(finding) if with_data && !GONE.contains(&finding.reason.as_str()) => Err(finding.clone()),
        Err(_) => Ok(()),
    };
    removed.err().map(|Finding { message, .. }| message)
}

/// Dashboards and rules are no data: they go in any case.
async fn remove_kibana(context: &Context, monitor: &BpMonitor, draft: &Draft) -> Option<String> {
    kibana::remove(context, monitor, &draft.monitor).await.unwrap_or_else(|error| Some(error.to_string()))
}

/// Removes users, and topics where data is to go.
async fn remove_strimzi(context: &Context, monitor: &BpMonitor, with_data: bool) -> Result<(), Error> {
    let (own, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let bpmonitor_crds::KafkaAccess::Cluster(cluster) = monitor.spec.kafka.access() else { return Ok(()) };
    let namespace = crate::dereference::namespace_of(&own, &cluster.namespace);
    let selector = labels::selects(&own, &name);
    delete_selected::<KafkaUser>(context, namespace, &selector).await?;
    if with_data {
        delete_selected::<KafkaTopic>(context, namespace, &selector).await?;
    }
    Ok(())
}

async fn delete_selected<K>(context: &Context, namespace: &str, selector: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api = Api::<K>::namespaced(context.client.clone(), namespace);
    let kind = K::kind(&());
    let listed = match api.list_metadata(&ListParams::default().labels(selector)).await {
        // Where Strimzi is gone, so are its users and topics.
        Err(error) if is_not_found(&error) => return Ok(()),
        listed => listed.map_err(Error::kube(format!("listing the monitor's {kind}s")))?,
    };
    for object in listed {
        delete::<K>(context, namespace, &object.name_any()).await?;
    }
    Ok(())
}

async fn delete<K>(context: &Context, namespace: &str, name: &str) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api = Api::<K>::namespaced(context.client.clone(), namespace);
    match api.delete(name, &DeleteParams::background()).await {
        Err(error) if !is_not_found(&error) => {
            Err(Error::kube(format!("deleting the {} {namespace}/{name}", K::kind(&())))(error))
        }
        _ => Ok(()),
    }
}

/// Removes the archive's volume, and the key where the operator made it.
async fn remove_data(context: &Context, resource: &BpMonitor, monitor: &Monitor) -> Result<(), Error> {
    let namespace = &monitor.namespace;
    delete::<PersistentVolumeClaim>(context, namespace, &names::archive(&monitor.name)).await?;
    if key_is_ours(resource) {
        delete::<Secret>(context, namespace, &monitor.pseudonym_key.secret).await?;
    }
    Ok(())
}

/// Lets a monitor go that this version cannot read: removes the users that are known to be its, and tells that more may be left.
///
/// # Errors
///
/// The API server's.
pub async fn let_go(context: &Context, metadata: &ObjectMeta) -> Result<(), Error> {
    let mut monitor = BpMonitor::new("", BpMonitorSpec::default());
    monitor.metadata = metadata.clone();
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let reference = monitor_ref(&namespace, &name);
    let users = context.cache.of(&reference).into_iter().filter(|key| key.kind == KafkaUser::kind(&()));
    for user in users {
        apply::delete(context, &user).await?;
    }
    tell_what_is_left(
        &monitor,
        context,
        "the API key in Elasticsearch, what is in Kibana, and what was to go with its data",
    )
    .await;
    let others = monitor.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER);
    let others: Vec<_> = others.collect();
    // The resource version keeps what somebody else has set meanwhile.
    let patch = json!({"metadata": {"finalizers": others, "resourceVersion": monitor.resource_version()}});
    let api = Api::<BpMonitor>::namespaced(context.client.clone(), &namespace);
    match api.patch_metadata(&name, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Err(error) if !is_not_found(&error) => Err(Error::kube("removing the finalizer")(error)),
        _ => {
            context.forget(&reference);
            Ok(())
        }
    }
}

async fn tell_what_is_left(monitor: &BpMonitor, context: &Context, left: &str) {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let note = format!("gone, but something may be left behind, to be removed by hand: {left}");
    tracing::warn!(monitor = format!("{namespace}/{name}"), "{note}");
    let event = Event {
        type_: EventType::Warning,
        reason: "LeftBehind".to_owned(),
        note: Some(cut(&note, 1024).to_owned()),
        action: "Finalize".to_owned(),
        secondary: None,
    };
    if let Err(error) = context.recorder.publish(&event, &monitor.object_ref(&())).await {
        tracing::debug!("an event was not written: {error}");
    }
}
