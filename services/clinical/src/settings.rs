//! The threshold settings as a manifest writes them: a profile and single values that override it.

use serde::{Deserialize, Serialize};

use crate::Category;

/// A published set of category limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Profile {
    /// AHA/ACC 2017 (the 2025 guideline keeps the same bands). doi:10.1161/HYP.0000000000000065
    #[default]
    #[serde(rename = "aha-2017")]
    Aha2017,
    /// ESC 2024: "elevated" from 120/70, one "hypertension" from 140/90. doi:10.1093/eurheartj/ehae178
    #[serde(rename = "esc-2024")]
    Esc2024,
    /// Above 140/90 only.
    #[serde(rename = "simple-140-90")]
    Simple14090,
}

/// Limits of one category that override the profile's, in mmHg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PressureLimits {
    /// Systolic limit, in mmHg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 400)))]
    pub systolic: Option<u16>,
    /// Diastolic limit, in mmHg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schemars", schemars(range(min = 1, max = 400)))]
    pub diastolic: Option<u16>,
}

/// One patient's own limits; what is not given here is the ward's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatientThresholds {
    /// The patient's pseudonym, as `bpmonitor pseudonym ID` prints it.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1, max = 128)))]
    pub patient: String,
    /// Overrides for `hypertensive_crisis`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crisis: Option<PressureLimits>,
    /// Overrides for `hypertension_stage2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage2: Option<PressureLimits>,
    /// Overrides for `hypertension_stage1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage1: Option<PressureLimits>,
    /// Overrides for `elevated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elevated: Option<PressureLimits>,
    /// Overrides for `hypotension`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypotension: Option<PressureLimits>,
}

/// The `thresholds` of a `BpMonitor`: a profile, single values over it, and which categories are stored as anomalies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ThresholdSettings {
    /// The published set of limits to start from. Strict (`>`) or inclusive (`>=`) limits belong to it and stay
    /// when a value is overridden.
    pub profile: Profile,
    /// Overrides for `hypertensive_crisis`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crisis: Option<PressureLimits>,
    /// Overrides for `hypertension_stage2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage2: Option<PressureLimits>,
    /// Overrides for `hypertension_stage1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage1: Option<PressureLimits>,
    /// Overrides for `elevated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elevated: Option<PressureLimits>,
    /// Overrides for `hypotension`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypotension: Option<PressureLimits>,
    /// Limits of single patients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schemars", schemars(length(max = 256)))]
    pub per_patient: Vec<PatientThresholds>,
    /// The categories that are stored as anomalies; readings of the others go to the archive.
    #[cfg_attr(feature = "schemars", schemars(length(max = 6)))]
    pub anomalies: Vec<Category>,
}

impl Default for ThresholdSettings {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            crisis: None,
            stage2: None,
            stage1: None,
            elevated: None,
            hypotension: None,
            per_patient: Vec::new(),
            anomalies: vec![
                Category::Elevated,
                Category::HypertensionStage1,
                Category::HypertensionStage2,
                Category::HypertensiveCrisis,
                Category::Hypotension,
            ],
        }
    }
}
