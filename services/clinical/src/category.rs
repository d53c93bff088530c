//! The categories of a blood pressure and their severity.

use enumset::EnumSetType;
use serde::{Deserialize, Serialize};

/// The clinical category of a Reading, most severe rule first.
///
/// The declaration order is the order in which the rules are tested: the first that holds is the category.
#[derive(EnumSetType, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[enumset(serialize_repr = "list")]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Severe hypertension: systolic > 180 or diastolic > 120 mmHg under AHA/ACC 2017.
    HypertensiveCrisis,
    /// Stage 2 hypertension: systolic >= 140 or diastolic >= 90 mmHg under AHA/ACC 2017.
    #[serde(rename = "hypertension_stage2")]
    HypertensionStage2,
    /// Stage 1 hypertension: systolic >= 130 or diastolic >= 80 mmHg under AHA/ACC 2017.
    #[serde(rename = "hypertension_stage1")]
    HypertensionStage1,
    /// Elevated: systolic >= 120 mmHg and none of the above under AHA/ACC 2017.
    Elevated,
    /// Hypotension: systolic < 90 or diastolic < 60 mmHg.
    Hypotension,
    /// None of the others.
    Normal,
}

/// How much a category matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A normal reading.
    None,
    /// Elevated, stage 1 or hypotension.
    Moderate,
    /// Stage 2.
    High,
    /// Crisis.
    Critical,
}

impl Category {
    /// Every category, most severe rule first.
    pub const ALL: [Self; 6] = [
        Self::HypertensiveCrisis,
        Self::HypertensionStage2,
        Self::HypertensionStage1,
        Self::Elevated,
        Self::Hypotension,
        Self::Normal,
    ];

    /// The id used in documents, metrics and manifests.
    pub const fn id(self) -> &'static str {
        match self {
            Self::HypertensiveCrisis => "hypertensive_crisis",
            Self::HypertensionStage2 => "hypertension_stage2",
            Self::HypertensionStage1 => "hypertension_stage1",
            Self::Elevated => "elevated",
            Self::Hypotension => "hypotension",
            Self::Normal => "normal",
        }
    }

    /// How much this category matters.
    pub const fn severity(self) -> Severity {
        match self {
            Self::HypertensiveCrisis => Severity::Critical,
            Self::HypertensionStage2 => Severity::High,
            Self::HypertensionStage1 | Self::Elevated | Self::Hypotension => Severity::Moderate,
            Self::Normal => Severity::None,
        }
    }
}

impl Severity {
    /// The id used in documents.
    pub const fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_what_serde_writes() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_string(&category).unwrap(), format!("\"{}\"", category.id()));
            let severity = category.severity();
            assert_eq!(serde_json::to_string(&severity).unwrap(), format!("\"{}\"", severity.id()));
        }
    }
}
