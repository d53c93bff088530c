//! The `BpMonitor` resource itself and the rules that span its parts.

use bpmonitor_clinical::ThresholdSettings;
use kube::{
    CustomResource,
    core::{Reason, Rule},
};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    Archive, BpMonitorStatus, Classifier, Elasticsearch, Kafka, Kibana, Patients, Privacy, Producer, Rate,
    Source,
    rules::{add, rule_at},
    schema::tidy,
    thresholds,
};

/// The longest name of a monitor, in characters.
///
/// A pod of the classifier is called `<name>-classifier-<10 of the replica set>-<5 of its own>` and must be a host
/// name of at most 63; Kubernetes would cut a longer one so that it no longer says which replica set it is of. All else
/// that derives from the name (labels and Services of 63, topics of 249) is then short enough too.
pub const NAME_MAX_LENGTH: usize = 63 - "-classifier".len() - "-0123456789".len() - "-01234".len();

/// What the pipeline shall be. Whatever is not given has the default shown.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "bpmonitor.dev",
    version = "v1alpha1",
    kind = "BpMonitor",
    plural = "bpmonitors",
    singular = "bpmonitor",
    shortname = "bpm",
    category = "health",
    namespaced,
    cel,
    status = "BpMonitorStatus",
    derive = "PartialEq",
    doc = "A blood-pressure monitoring pipeline: simulated or real readings, their classification, and where they go.",
    validation = name_rule(),
    scale(
        spec_replicas_path = ".spec.classifier.replicas",
        status_replicas_path = ".status.classifier.replicas",
        label_selector_path = ".status.classifier.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether the whole pipeline works"
    ),
    printcolumn(
        name = "Patients",
        type_ = "integer",
        json_path = ".spec.patients.count",
        description = "Simulated patients"
    ),
    printcolumn(
        name = "Rate",
        type_ = "number",
        json_path = ".spec.rate.perSecond",
        description = "Simulated observations a second"
    ),
    printcolumn(
        name = "Classified",
        type_ = "integer",
        json_path = ".status.observations.classified",
        description = "Observations classified so far"
    ),
    printcolumn(
        name = "Anomalies",
        type_ = "integer",
        json_path = ".status.observations.anomalies",
        description = "Anomalies among them"
    ),
    printcolumn(
        name = "Lag",
        type_ = "integer",
        json_path = ".status.observations.lag",
        description = "Observations published and not yet classified"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since when the monitor exists"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1,
        description = "Why it is ready or not"
    ),
    printcolumn(
        name = "Thresholds",
        type_ = "string",
        json_path = ".status.thresholds.profile",
        priority = 1,
        description = "Profile of the thresholds in force"
    ),
    printcolumn(
        name = "Topic",
        type_ = "string",
        json_path = ".status.topic",
        priority = 1,
        description = "Topic of the observations"
    )
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rules, transform = tidy)]
pub struct BpMonitorSpec {
    /// Stops producer and classifier, and keeps everything.
    pub paused: bool,
    /// The simulated patients.
    pub patients: Patients,
    /// How often the ward is measured.
    pub rate: Rate,
    /// Where the categories begin: a profile, and single values over it.
    #[schemars(transform = thresholds::rules)]
    pub thresholds: ThresholdSettings,
    /// What is known of the systems that publish the observations.
    pub source: Source,
    /// How Kafka is reached, and the observations' topic.
    pub kafka: Kafka,
    /// How Elasticsearch is reached, and the index of anomalies.
    pub elasticsearch: Elasticsearch,
    /// How Kibana is reached, and where data view, dashboards and rules go.
    pub kibana: Kibana,
    /// The producer of simulated readings. There is one.
    pub producer: Producer,
    /// The classifier.
    pub classifier: Classifier,
    /// Where normal readings are archived, and for how long.
    pub archive: Archive,
    /// What of a patient may be seen and stored.
    pub privacy: Privacy,
}

fn rules(schema: &mut Schema) {
    add(
        schema,
        [rule_at(
            ".classifier.autoscaling.max",
            "self.classifier.autoscaling.max <= self.kafka.topic.partitions",
            "must not exceed kafka.topic.partitions, since further replicas would be idle: lower it",
        )],
    );
}

/// Services begin with a letter, so the name they derive from does too.
fn name_rule() -> Rule {
    Rule::new(format!(
        "self.metadata.name.size() <= {NAME_MAX_LENGTH} && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')"
    ))
    .message(
        format!(
            "the name must be at most {NAME_MAX_LENGTH} lower-case letters, digits and hyphens, without dots, \
             beginning with a letter and ending with a letter or digit"
        )
        .as_str(),
    )
    .reason(Reason::FieldValueInvalid)
}
