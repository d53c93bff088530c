//! From FHIR R4 blood-pressure Observations to Readings and Assessments: pure rules, no I/O, no clock of its own.

mod category;
mod settings;

pub use category::{Category, Severity};
pub use settings::{PatientThresholds, PressureLimits, Profile, ThresholdSettings};
