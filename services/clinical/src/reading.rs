//! What was understood of an Observation: a Reading, a withdrawal, or neither.

use std::borrow::Cow;

use enumset::EnumSet;
use jiff::{SignedDuration, Timestamp};

use crate::{Flag, MAX_RECORD_BYTES, Patient, Pressure, RejectionReason, SkipReason, Version};

/// What is declared about where Observations come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The server's base URL that relative references and ids belong to; empty where it is not known.
    pub base_url: String,
    /// Whether `Observation.id` tells one Observation from another.
    pub unique_ids: bool,
    /// How far ahead of the clock an effective time may lie.
    pub max_skew: SignedDuration,
    /// The largest record that is read, in bytes.
    pub max_record_bytes: usize,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            unique_ids: true,
            max_skew: SignedDuration::from_hours(24),
            max_record_bytes: MAX_RECORD_BYTES,
        }
    }
}

/// Everything outside of an Observation that its reading depends on.
#[derive(Clone, Copy, Debug)]
pub struct ReadContext<'c> {
    /// Where it comes from.
    pub source: &'c Source,
    /// The clock.
    pub now: Timestamp,
    /// When the record was written: its version where the Observation names none.
    pub record_time: Timestamp,
}

/// What tells one Observation from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationKey<'a> {
    /// The base of the server that the id belongs to; empty where it is not known.
    pub base: Cow<'a, str>,
    /// `Observation.id`, if there is one.
    pub id: Option<Cow<'a, str>>,
    /// Whether the id is to be trusted to be unique. Where it is not, or is missing, the content tells.
    pub id_is_unique: bool,
}

impl ObservationKey<'_> {
    /// The id, where it tells Observations apart.
    pub fn unique_id(&self) -> Option<&str> {
        self.id.as_deref().filter(|_| self.id_is_unique)
    }
}

/// What was understood of an Observation: whose blood pressure was what, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading<'a> {
    /// What tells it from others.
    pub key: ObservationKey<'a>,
    /// Which of several versions of it this is.
    pub version: Version,
    /// Whether it says that it replaces an earlier version.
    pub is_correction: bool,
    /// Whose it is.
    pub patient: Patient<'a>,
    /// The systolic pressure; missing on half a reading.
    pub systolic: Option<Pressure>,
    /// The diastolic pressure; missing on half a reading.
    pub diastolic: Option<Pressure>,
    /// When it was measured.
    pub effective: Timestamp,
    /// What had to be assumed or doubted.
    pub flags: EnumSet<Flag>,
}

/// An Observation that takes back what was stored under its key before.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal<'a> {
    /// What tells the withdrawn Observation from others.
    pub key: ObservationKey<'a>,
    /// Which version of it this is.
    pub version: Version,
    /// Whose it is, where that is still said.
    pub patient: Option<Patient<'a>>,
    /// The reading it was, where that is all still there.
    pub content: Option<Box<Reading<'a>>>,
}

/// What one entry turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding<'a> {
    /// A blood pressure that could be read.
    Reading(Reading<'a>),
    /// One that is taken back.
    Withdrawal(Withdrawal<'a>),
    /// Nothing to be read here.
    Skipped(SkipReason),
    /// One that could not be read.
    Rejected(RejectionReason),
}
