//! What the operator says of a monitor: conditions, the names of things, thresholds in force.

pub mod conditions;
pub mod counts;
mod events;
mod thresholds;
pub mod workloads;

use bpmonitor_crds::{BpMonitor, BpMonitorStatus, ClassifierStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, is_not_found};
use crate::finding::Finding;
use crate::kibana;
use crate::labels::{self, MANAGER};
use crate::names::Component;

/// What a reconcile found out.
#[derive(Clone, Debug)]
pub struct Report {
    /// Why the spec cannot be, or why nothing may run; none where all is well.
    pub obstacle: Option<Finding>,
    /// Of Kafka.
    pub kafka: Finding,
    /// Of Elasticsearch.
    pub elasticsearch: Finding,
    /// Of Kibana.
    pub kibana: kibana::Outcome,
    /// Of the producer.
    pub producer: Finding,
    /// Of the classifier.
    pub classifier: Finding,
    /// How many pods the classifier has.
    pub replicas: i32,
    /// The topic, where it is known.
    pub topic: Option<String>,
    /// The index, where it is known.
    pub index: Option<String>,
}

impl Report {
    /// Whether all of it is as it is to be.
    pub fn is_ready(&self) -> bool {
        self.obstacle.is_none() && self.parts().all(|part| part.holds)
    }

    /// What must hold, in the order in which it is told.
    fn parts(&self) -> impl Iterator<Item = &Finding> {
        let kibana = self.kibana.is_needed.then_some(&self.kibana.finding);
        [&self.kafka, &self.elasticsearch, &self.classifier, &self.producer].into_iter().chain(kibana)
    }
}

/// Writes a report into the status, where it says anything new, and tells of changes with events.
///
/// # Errors
///
/// The API server's.
pub async fn write(context: &Context, monitor: &BpMonitor, report: &Report) -> Result<(), Error> {
    let before = monitor.status.clone().unwrap_or_default();
    let status = status(monitor, &before, report, &Time(Timestamp::now()));
    if status == before {
        return Ok(());
    }
    patch(context, monitor, &status).await?;
    events::tell(context, monitor, &before.conditions, &status.conditions).await;
    Ok(())
}

/// Writes that a reconcile failed, and leaves the rest as it was.
///
/// # Errors
///
/// The API server's.
pub async fn write_failure(context: &Context, monitor: &BpMonitor, error: &Error) -> Result<(), Error> {
    let before = monitor.status.clone().unwrap_or_default();
    let ready = ("Ready", Finding::no("ReconcileFailed", format!("{error}: it is tried again by itself")));
    let generation = monitor.metadata.generation;
    let conditions = conditions::updated(&before.conditions, &[ready], generation, &Time(Timestamp::now()));
    let status = BpMonitorStatus { conditions, ..before.clone() };
    if status == before {
        return Ok(());
    }
    patch(context, monitor, &status).await?;
    events::tell(context, monitor, &before.conditions, &status.conditions).await;
    Ok(())
}

/// Says of a monitor that this version cannot read why it is not ready, and leaves the rest as it was.
///
/// It is no server-side apply: for that the API server too would have to read all of it.
///
/// # Errors
///
/// The API server's.
pub async fn write_unreadable(
    context: &Context,
    metadata: &ObjectMeta,
    finding: Finding,
) -> Result<(), Error> {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let name = metadata.name.as_deref().unwrap_or_default();
    let api = dynamic(context, namespace);
    let live = match api.get(name).await {
        Err(error) if is_not_found(&error) => return Ok(()),
        live => live.map_err(Error::kube(format!("reading {namespace}/{name}")))?,
    };
    let before = live.data.pointer("/status/conditions").cloned().unwrap_or_default();
    let before: Vec<Condition> = serde_json::from_value(before).unwrap_or_default();
    let now = Time(Timestamp::now());
    let after = conditions::updated(&before, &[("Ready", finding)], metadata.generation, &now);
    if after == before {
        return Ok(());
    }
    let version = json!({"resourceVersion": live.resource_version()});
    let patch = Patch::Merge(json!({"metadata": version, "status": {"conditions": after}}));
    let parameters = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    written(context, api.patch_status(name, &parameters, &patch).await, namespace, name)
}

fn status(monitor: &BpMonitor, before: &BpMonitorStatus, report: &Report, now: &Time) -> BpMonitorStatus {
    let generation = monitor.metadata.generation;
    let findings = conditions::findings(report, monitor.spec.paused);
    let selector = labels::selector(&monitor.name_any(), Component::Classifier.as_str());
    let selector: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    BpMonitorStatus {
        observed_generation: generation,
        conditions: conditions::updated(&before.conditions, &findings, generation, now),
        topic: report.topic.clone().or_else(|| before.topic.clone()),
        index: report.index.clone().or_else(|| before.index.clone()),
        dashboard: dashboard(report, before),
        thresholds: thresholds::in_force(&monitor.spec.thresholds).or_else(|| before.thresholds.clone()),
        classifier: Some(ClassifierStatus { replicas: report.replicas, selector: selector.join(",") }),
        observations: before.observations.clone(),
    }
}

/// Where the dashboard is: as it was, while that is not known.
fn dashboard(report: &Report, before: &BpMonitorStatus) -> Option<String> {
    let found = report.kibana.dashboard.clone().or_else(|| before.dashboard.clone());
    found.filter(|path| !path.is_empty())
}

/// Counts are another field manager's, so that neither writes what the other one knows.
async fn patch(context: &Context, monitor: &BpMonitor, status: &BpMonitorStatus) -> Result<(), Error> {
    let status = BpMonitorStatus { observations: None, ..status.clone() };
    patch_as(context, monitor, MANAGER, json!(status)).await
}

/// Writes what `manager` knows of the status. A monitor that is gone meanwhile needs none.
pub(crate) async fn patch_as(
    context: &Context,
    monitor: &BpMonitor,
    manager: &str,
    status: serde_json::Value,
) -> Result<(), Error> {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let api = dynamic(context, &namespace);
    let body = json!({
        "apiVersion": BpMonitor::api_version(&()),
        "kind": BpMonitor::kind(&()),
        // Of this one, and not of one of the same name that came after it.
        "metadata": {"uid": monitor.uid()},
        "status": status,
    });
    let answer = api.patch_status(&name, &PatchParams::apply(manager).force(), &Patch::Apply(&body)).await;
    written(context, answer, &namespace, &name)
}

/// Monitors not as our own type: what is written is there also where this version cannot read all of one.
fn dynamic(context: &Context, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<BpMonitor>(&());
    Api::namespaced_with(context.client.clone(), namespace, &kind)
}

fn written(
    context: &Context,
    answer: kube::Result<DynamicObject>,
    namespace: &str,
    name: &str,
) -> Result<(), Error> {
    match answer {
        Err(error) if !is_not_found(&error) => {
            Err(Error::kube(format!("writing the status of {namespace}/{name}"))(error))
        }
        _ => {
            context.metrics.status_written();
            Ok(())
        }
    }
}
