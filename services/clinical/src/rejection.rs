//! Why an Observation could not be read (Rejection), or need not be (skipped).

use std::fmt;

use enumset::EnumSetType;
use serde::{Deserialize, Serialize};

/// Why an Observation could not be read. The variants' messages quote nothing of its content.
#[derive(EnumSetType, Debug, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
// The order is that of the rules: of two faults the first decides.
pub enum RejectionReason {
    /// Not valid JSON in UTF-8.
    NotJson,
    /// JSON, but not the shape of a FHIR resource.
    NotFhir,
    /// Larger than records of its source may be: 256 MiB in a file.
    TooLarge,
    /// Nested deeper than 128 levels.
    TooDeep,
    /// No `status`.
    NoStatus,
    /// A withdrawal that does not say of what.
    NoId,
    /// A side is there more than once.
    Ambiguous,
    /// A side's value is not a non-negative number that can be held exactly.
    InvalidValue,
    /// A side's unit is unknown or contradicts itself.
    InvalidUnit,
    /// A comparator leaves the category open.
    Comparator,
    /// Outside what is plausible.
    Implausible,
    /// A side is missing, and the other does not prove a category alone.
    Incomplete,
    /// No patient that could be identified.
    NoSubject,
    /// The effective time is not a FHIR date.
    InvalidTime,
    /// Neither an effective time nor `issued`.
    NoTime,
    /// The effective time lies further ahead than the allowed skew.
    Future,
    /// The anomaly store refused the document for what it says.
    Refused,
}

impl RejectionReason {
    /// The code used in documents, metrics and dead letters.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::NotFhir => "not_fhir",
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::NoStatus => "no_status",
            Self::NoId => "no_id",
            Self::Ambiguous => "ambiguous",
            Self::InvalidValue => "invalid_value",
            Self::InvalidUnit => "invalid_unit",
            Self::Comparator => "comparator",
            Self::Implausible => "implausible",
            Self::Incomplete => "incomplete",
            Self::NoSubject => "no_subject",
            Self::InvalidTime => "invalid_time",
            Self::NoTime => "no_time",
            Self::Future => "future",
            Self::Refused => "refused",
        }
    }

    /// What is wrong and what would mend it. Quotes nothing of the content.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotJson => "not valid JSON in UTF-8; send one FHIR resource in JSON, a Bundle or NDJSON",
            Self::NotFhir => {
                "not the shape of a FHIR resource: no resourceType, or a needed field there twice or of the wrong JSON type"
            }
            Self::TooLarge => {
                "larger than a record may be (256 MiB in a file); send smaller Bundles or NDJSON"
            }
            Self::TooDeep => "nested deeper than 128 levels",
            Self::NoStatus => "the Observation has no status",
            Self::NoId => "the withdrawal has no id and no content to find the withdrawn Observation by",
            Self::Ambiguous => "the systolic or the diastolic pressure is there more than once",
            Self::InvalidValue => {
                "a pressure's value is not a non-negative JSON number of at most 28 digits (22 in kPa) in valueQuantity"
            }
            Self::InvalidUnit => {
                "a pressure's unit is none of mm[Hg], mmHg, mm Hg, kPa, or unit and code differ"
            }
            Self::Comparator => "a pressure's comparator leaves the category open",
            Self::Implausible => {
                "systolic outside 40-300 mmHg, diastolic outside 20-200 mmHg, or diastolic not below systolic"
            }
            Self::Incomplete => "a pressure is missing, and the other alone proves no category",
            Self::NoSubject => "no subject that identifies a Patient",
            Self::InvalidTime => "the effective time is not a FHIR date or time",
            Self::NoTime => "neither an effective time nor issued",
            Self::Future => "the effective time is further ahead of the clock than the allowed skew",
            Self::Refused => {
                "Elasticsearch refused the document itself: it is too large, or does not fit the index's mapping"
            }
        }
    }
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

/// Why an entry is nothing to be read here. It is counted, and kept nowhere.
#[derive(EnumSetType, Debug, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Another resource than an Observation, or none.
    NotObservation,
    /// An Observation of something else.
    NotBloodPressure,
    /// An average over readings.
    Average,
    /// A mean arterial pressure alone.
    MeanPressure,
    /// A panel that only points to its members.
    MembersOnly,
    /// A status that is not to be processed.
    Status,
    /// A Bundle without entries.
    EmptyBundle,
    /// A reading of a patient who was erased.
    Erased,
    /// A Kafka record without content.
    Blank,
}

impl SkipReason {
    /// The code used in output and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotObservation => "not_observation",
            Self::NotBloodPressure => "not_blood_pressure",
            Self::Average => "average",
            Self::MeanPressure => "mean_pressure",
            Self::MembersOnly => "members_only",
            Self::Status => "status",
            Self::EmptyBundle => "empty_bundle",
            Self::Erased => "erased",
            Self::Blank => "blank",
        }
    }
}

#[cfg(test)]
mod tests {
    use enumset::EnumSet;

    use super::*;

    #[test]
    fn the_code_is_what_serde_writes() {
        for reason in EnumSet::<RejectionReason>::all() {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
        }
        for reason in EnumSet::<SkipReason>::all() {
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
        }
    }
}
