//! From FHIR R4 blood-pressure Observations to Readings and Assessments: pure rules, no I/O, no clock of its own.
//!
//! [`read_next`] takes bytes apart into entries, each of which is a [`Reading`], a [`Withdrawal`], skipped, or
//! rejected with a [`RejectionReason`]. [`assess`] says what is thought of a Reading under given [`Thresholds`].
//! The rules stand in `docs/clinical-rules.md` with their sources.

mod assessment;
mod bundle;
mod category;
mod codes;
mod components;
mod effective;
mod elements;
mod fhir;
mod field;
mod flags;
mod identity;
mod nesting;
mod observation;
mod patient;
mod pressure;
mod reading;
mod record;
mod rejection;
mod settings;
mod sides;
mod thresholds;
mod time;
mod version;

pub use assessment::{Assessment, Reason, assess};
pub use category::{Category, Severity};
pub use flags::Flag;
pub use identity::{DocumentId, PseudonymKey};
pub use patient::{Patient, PatientIdentity};
pub use pressure::{Comparator, Limit, Pressure};
pub use reading::{Finding, ObservationKey, ReadContext, Reading, Source, Withdrawal};
pub use record::{Entry, MAX_RECORD_BYTES, Step, read_all, read_next};
pub use rejection::{RejectionReason, SkipReason};
pub use settings::{PatientThresholds, PressureLimits, Profile, ThresholdSettings};
pub use thresholds::{Band, Limits, ThresholdError, Thresholds};
pub use version::Version;
