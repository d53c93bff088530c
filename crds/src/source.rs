//! What is known of the observations' source.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    HumanDuration,
    rules::{add, rule_at},
};

/// What is known of the systems that publish the observations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = rules)]
pub struct Source {
    /// URL against which relative references (`Patient/123`) are resolved. Empty: they are taken as they are.
    #[schemars(length(max = 2048))]
    pub base_url: String,
    /// Whether an Observation's id means one observation only. False where the source gives ids out again: a
    /// document is then told by patient, time and values.
    pub unique_ids: bool,
    /// How far ahead of the clock a reading may lie before it is rejected: a whole number and a unit (s, m, h, d).
    pub max_skew: HumanDuration,
}

impl Default for Source {
    fn default() -> Self {
        Self { base_url: String::new(), unique_ids: true, max_skew: HumanDuration::new("24h") }
    }
}

fn rules(schema: &mut Schema) {
    add(
        schema,
        [rule_at(
            ".baseUrl",
            "self.baseUrl == '' || (isURL(self.baseUrl) && url(self.baseUrl).getScheme() in ['http', 'https'])",
            "must be an http or https URL, as in https://fhir.example/r4, or empty",
        )],
    );
}
