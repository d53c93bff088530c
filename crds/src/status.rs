//! What the operator reports.

use bpmonitor_clinical::{Category, PressureLimits, Profile};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::core::{ListMerge, merge_strategy};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::schema::tidy;

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = tidy)]
pub struct BpMonitorStatus {
    /// The generation of the spec that the rest of the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `KafkaReady`, `ElasticsearchReady`, `KibanaReady`, `ProducerAvailable`, `ClassifierAvailable` and
    /// `Paused`, each with a reason and a sentence that says what to do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = by_type)]
    pub conditions: Vec<Condition>,
    /// The topic of the observations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The index of the anomalies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// The dashboard's path in Kibana.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dashboard: Option<String>,
    /// The thresholds in force: the profile's, with the single values over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thresholds: Option<ThresholdsInForce>,
    /// The classifier's replicas, for the scale subresource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classifier: Option<ClassifierStatus>,
    /// What became of the observations so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<ObservationCounts>,
}

/// The thresholds in force. A band that the profile does not have and nobody set is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ThresholdsInForce {
    /// The profile that the limits start from; whether they are strict or inclusive belongs to it.
    pub profile: Profile,
    /// Limits of `hypertensive_crisis`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crisis: Option<PressureLimits>,
    /// Limits of `hypertension_stage2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage2: Option<PressureLimits>,
    /// Limits of `hypertension_stage1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage1: Option<PressureLimits>,
    /// Limits of `elevated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevated: Option<PressureLimits>,
    /// Limits of `hypotension`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypotension: Option<PressureLimits>,
    /// The categories that are stored as anomalies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalies: Vec<Category>,
    /// How many patients have limits of their own.
    #[serde(default)]
    pub patients: u32,
}

/// The classifier's replicas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct ClassifierStatus {
    /// How many pods there are.
    pub replicas: i32,
    /// The label selector of the pods.
    pub selector: String,
}

/// What became of the observations so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ObservationCounts {
    /// Observations classified.
    pub classified: u64,
    /// Anomalies among them.
    pub anomalies: u64,
    /// Observations that could not be read.
    pub rejected: u64,
    /// Observations published and not yet classified.
    pub lag: u64,
    /// When these numbers were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Time>,
}

/// Lets several managers each own their condition.
#[expect(clippy::expect_used, reason = "a merge strategy is plain strings, which always serialise")]
fn by_type(schema: &mut Schema) {
    let mut value = schema.clone().to_value();
    merge_strategy(&mut value, ListMerge::Map(vec!["type".to_owned()]).into())
        .expect("a strategy serialises");
    *schema = value.try_into().expect("an object is a schema");
}
