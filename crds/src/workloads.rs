//! Producer and classifier: how many, with which resources, and what their pods carry besides.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, LocalObjectReference, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schema::terse;

/// The producer of simulated readings. There is one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Producer {
    /// Requests and limits of the container, as in a Pod.
    #[schemars(transform = terse)]
    pub resources: ResourceRequirements,
    /// What the pod carries besides.
    pub pod: PodOverrides,
}

/// The classifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Classifier {
    /// How many classifiers share the partitions; `kubectl scale` sets it too. More than partitions are idle.
    #[schemars(range(min = 0, max = 10_000))]
    pub replicas: u32,
    /// Requests and limits of the container, as in a Pod.
    #[schemars(transform = terse)]
    pub resources: ResourceRequirements,
    /// What the pods carry besides.
    pub pod: PodOverrides,
    /// Scaling by lag, where KEDA is installed.
    pub autoscaling: Autoscaling,
}

/// Scaling of the classifier by lag, where KEDA is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Autoscaling {
    /// The most replicas, at most kafka.topic.partitions. 0: off.
    #[schemars(range(min = 0, max = 10_000))]
    pub max: u32,
    /// How many unread observations one replica is for.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub lag_per_replica: u32,
}

/// What pods carry besides what the operator sets.
///
/// These are Kubernetes' own types, so that a mistake is refused with the monitor and not later, out of sight, with
/// the Deployment; only their descriptions are left out, which would be most of the definition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct PodOverrides {
    /// Labels; those of the operator win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations; those of the operator win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Labels that a node must have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that are tolerated, as in a Pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = terse)]
    pub tolerations: Vec<Toleration>,
    /// Nearness to nodes and pods, as in a Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = terse)]
    pub affinity: Option<Affinity>,
    /// Spread over nodes and zones, as in a Pod.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = terse)]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// Priority class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// Secrets for the registry of the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = terse)]
    pub image_pull_secrets: Vec<LocalObjectReference>,
}

impl Default for Classifier {
    fn default() -> Self {
        Self {
            replicas: 1,
            resources: ResourceRequirements::default(),
            pod: PodOverrides::default(),
            autoscaling: Autoscaling::default(),
        }
    }
}

impl Default for Autoscaling {
    fn default() -> Self {
        Self { max: 0, lag_per_replica: 1_000 }
    }
}
