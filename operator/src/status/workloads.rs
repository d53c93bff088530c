//! Whether producer and classifier run, from what Kubernetes says of their Deployments.

use k8s_openapi::api::apps::v1::DeploymentStatus;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};

use crate::cache::Live;
use crate::context::Context;
use crate::error::{Error, is_not_found};
use crate::finding::Finding;
use crate::names::{self, Component};

/// A Deployment as it is; none where it is not there.
///
/// # Errors
///
/// The API server's.
pub async fn read(
    context: &Context,
    namespace: &str,
    monitor: &str,
    component: Component,
) -> Result<Option<Live>, Error> {
    let name = names::workload(monitor, component);
    let resource = ApiResource::erase::<k8s_openapi::api::apps::v1::Deployment>(&());
    let api = Api::<DynamicObject>::namespaced_with(context.client.clone(), namespace, &resource);
    match api.get(&name).await {
        Ok(deployment) => Ok(Some(Live::of(&deployment))),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(Error::kube(format!("reading the Deployment {namespace}/{name}"))(error)),
    }
}

/// How many pods a Deployment has.
pub fn replicas(live: Option<&Live>) -> i32 {
    live.and_then(|live| status(live).replicas).unwrap_or_default()
}

/// Whether a workload runs as it is to.
pub fn finding(component: Component, live: Option<&Live>, is_paused: bool) -> Finding {
    let what = component.as_str();
    if is_paused {
        return Finding::no("Paused", format!("the monitor is paused, so the {what} does not run"));
    }
    let Some(live) = live else {
        return Finding::no(
            "NotMadeYet",
            format!("the {what} is made once Kafka, Elasticsearch and the spec are as they are to be"),
        );
    };
    let status = status(live);
    let wanted = live.replicas.unwrap_or(1);
    if wanted == 0 {
        return Finding::no("NoReplicas", format!("the {what} has no replicas: raise spec.{what}.replicas"));
    }
    let is_observed = status.observed_generation.unwrap_or_default() >= live.generation;
    let count = |count: Option<i32>| i64::from(count.unwrap_or_default());
    let (updated, available) = (count(status.updated_replicas), count(status.available_replicas));
    if is_observed && updated >= wanted && available >= wanted && count(status.replicas) == wanted {
        return Finding::yes("Available", format!("{available} of {wanted} run"));
    }
    if let Some((reason, said)) = trouble(&status).filter(|_| is_observed) {
        return Finding::no(&reason, format!("the {what} does not run: {said}"));
    }
    let (reason, ready) = if is_observed && available > 0 {
        ("RollingOut", updated.min(available))
    } else {
        ("NotAvailable", available.min(updated))
    };
    Finding::no(
        reason,
        format!("{ready} of {wanted} of the {what} run: see its pods, their events, logs and /ready"),
    )
}

/// What keeps a Deployment from getting on.
fn trouble(status: &DeploymentStatus) -> Option<(String, String)> {
    let conditions = status.conditions.iter().flatten();
    let mut troubles = conditions.filter(|condition| {
        matches!(
            (condition.type_.as_str(), condition.status.as_str()),
            ("ReplicaFailure", "True") | ("Progressing", "False")
        )
    });
    let condition = troubles.next()?;
    let reason = condition.reason.clone().unwrap_or_else(|| condition.type_.clone());
    Some((reason, condition.message.clone().unwrap_or_default()))
}

fn status(live: &Live) -> DeploymentStatus {
    serde_json::from_value(live.status.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn found(generation: i64, replicas: i64, status: Value) -> (bool, String) {
        let live = Live { generation, replicas: Some(replicas), status, ..Live::default() };
        let finding = finding(Component::Classifier, Some(&live), false);
        (finding.holds, finding.reason)
    }

    #[test]
    fn it_runs_once_all_replicas_are_new_and_available() {
        let status = |updated: i32, available: i32, all: i32| {
            json!({
                "observedGeneration": 2, "updatedReplicas": updated, "availableReplicas": available, "replicas": all,
            })
        };
        let cases = [
            (2, 2, status(2, 2, 2), true, "Available"),
            (3, 2, status(2, 2, 2), false, "NotAvailable"),
            (2, 2, status(1, 2, 3), false, "RollingOut"),
            (2, 2, status(2, 0, 2), false, "NotAvailable"),
            (2, 0, status(0, 0, 0), false, "NoReplicas"),
            (1, 1, Value::Null, false, "NotAvailable"),
        ];
        for (generation, replicas, status, holds, reason) in cases {
            let (held, why) = found(generation, replicas, status.clone());
            assert_eq!((held, why.as_str()), (holds, reason), "{status}");
        }
    }

    #[test]
    fn what_kubernetes_says_is_passed_on() {
        let condition = json!({
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota",
        });
        let live = Live {
            generation: 1,
            replicas: Some(1),
            status: json!({"observedGeneration": 1, "conditions": [condition]}),
            ..Live::default()
        };
        let finding = finding(Component::Producer, Some(&live), false);
        assert_eq!(finding.reason, "FailedCreate");
        assert!(finding.message.contains("exceeded quota"));
    }
}
