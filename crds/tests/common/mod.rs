//! The cases of `rules.yaml`: for every rule a spec that keeps it, and one that breaks it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failing helper fails its test")]

use serde::Deserialize;
use serde_json::{Value, json};

/// What the rule about names says.
pub(crate) const NAME_RULE: &str = "the name must be at most 35 lower-case letters, digits and hyphens, without dots, \
                             beginning with a letter and ending with a letter or digit";

/// Names that are none.
pub(crate) const WRONG_NAMES: [&str; 4] = ["ward.3", "3-west", "-ward", "ward-"];

/// One entry of `rules.yaml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The spec before the change, for what cannot be changed.
    pub(crate) was: Option<Value>,
    /// Keeps the rule.
    pub(crate) accepted: Value,
    /// Breaks it.
    pub(crate) refused: Value,
    /// Where.
    pub(crate) at: String,
    /// What it says.
    pub(crate) says: String,
}

impl Case {
    /// The same limits, for one patient.
    fn per_patient(&self) -> Option<Self> {
        let wrap = |spec: &Value| {
            let mut entry = spec["thresholds"].clone();
            entry["patient"] = json!("0f3a9c");
            json!({"thresholds": {"perPatient": [entry]}})
        };
        let at = self.at.strip_prefix("spec.thresholds.")?;
        Some(Self {
            was: None,
            accepted: wrap(&self.accepted),
            refused: wrap(&self.refused),
            at: format!("spec.thresholds.perPatient[0].{at}"),
            says: self.says.clone(),
        })
    }
}

/// All cases; those of thresholds for one patient too.
pub(crate) fn cases() -> Vec<Case> {
    let cases: Vec<Case> = serde_saphyr::from_str(include_str!("../rules.yaml")).expect("rules.yaml");
    let for_patients: Vec<Case> = cases.iter().filter_map(Case::per_patient).collect();
    [cases, for_patients].concat()
}
