//! The patients: each is made of the seed and the patient's number alone, whatever the size of the ward.

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::draw::{Draws, Purpose, bits, unit};
use crate::number::{cell, real};
use crate::pressure::Build;
use crate::{History, Locale};

/// The age of the youngest, in years.
const YOUNGEST: f64 = 18.0;
/// The age that nobody reaches, in years.
const OLDEST: f64 = 96.0;
const DAYS_PER_YEAR: f64 = 365.25;
/// 18 years, rounded up, in days.
const ADULT_DAYS: i64 = 6_575;

/// A simulated patient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patient {
    /// The patient's number in the ward, from 0.
    pub number: u32,
    /// The `id` of the FHIR Patient that the observations refer to.
    pub id: String,
    /// Given name.
    pub given: &'static str,
    /// Family name.
    pub family: &'static str,
    /// Sex.
    pub sex: Sex,
    /// Date of birth. From the first reading on, everyone is 18 years old or older.
    pub birth_date: Date,
}

/// Sex of a patient, as FHIR's `administrative-gender`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Sex {
    /// FHIR's code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }
}

/// Sex and name of a patient.
pub(crate) struct Identity {
    pub(crate) sex: Sex,
    pub(crate) given: &'static str,
    pub(crate) family: &'static str,
}

impl Identity {
    pub(crate) fn new(seed: u32, patient: u32, locale: Locale) -> Self {
        const DIGITS: u32 = 20;
        let mut draws = Draws::new(bits(seed, Purpose::Identity, u64::from(patient), 0));
        let is_female = draws.unit(DIGITS) < 0.5;
        let (sex, given) =
            if is_female { (Sex::Female, locale.names.female) } else { (Sex::Male, locale.names.male) };
        let given = one_of(given, draws.unit(DIGITS));
        Self { sex, given, family: one_of(locale.names.family, draws.unit(DIGITS)) }
    }
}

fn one_of(names: &[&'static str], draw: f64) -> &'static str {
    let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
    names.get(cell(draw * f64::from(count))).copied().unwrap_or_default()
}

/// The age at the ward's start, in years; a ward has more of the old.
fn age(seed: u32, patient: u32) -> f64 {
    let draw = unit(bits(seed, Purpose::Age, u64::from(patient), 0));
    YOUNGEST + (OLDEST - YOUNGEST) * (1.0 - draw * draw.sqrt())
}

/// What is peculiar to a patient's pressure.
pub(crate) fn build(seed: u32, patient: u32) -> Build {
    Build::new(age(seed, patient), bits(seed, Purpose::Build, u64::from(patient), 0))
}

/// The `id` of the FHIR Patient with this number in the ward of this seed.
pub fn patient_id(seed: u32, patient: u32) -> String {
    format!("sim-{seed}-{patient}")
}

impl Patient {
    pub(crate) fn new(seed: u32, number: u32, locale: Locale, start: Timestamp, history: History) -> Self {
        let Identity { sex, given, family } = Identity::new(seed, number, locale);
        let birth_date = birth_date(age(seed, number), start, history);
        Self { number, id: patient_id(seed, number), given, family, sex, birth_date }
    }
}

fn birth_date(age: f64, start: Timestamp, history: History) -> Date {
    let youngest = ADULT_DAYS + i64::from(history.days);
    let days = real(youngest).max(age * DAYS_PER_YEAR);
    let days = i64::try_from(cell(days)).unwrap_or(youngest);
    let today = TimeZone::UTC.to_datetime(start).date();
    let span = Span::new().try_days(days).unwrap_or_default();
    today.saturating_sub(span)
}
