//! The limits in force: a profile with its overrides applied, for the ward and for single patients.

use std::collections::HashMap;

use enumset::EnumSet;
use rust_decimal::Decimal;
use serde::Serialize;

use crate::{Category, Limit, PatientThresholds, PressureLimits, Profile, ThresholdSettings};

/// The limits of one band, in mmHg. A side without a limit is not tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Band {
    /// The systolic limit.
    pub systolic: Option<Limit>,
    /// The diastolic limit.
    pub diastolic: Option<Limit>,
}

/// One complete set of limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Of a hypertensive crisis.
    pub crisis: Band,
    /// Of stage 2 hypertension.
    pub stage2: Band,
    /// Of stage 1 hypertension.
    pub stage1: Band,
    /// Of elevated pressure.
    pub elevated: Band,
    /// A reading is low below these, strictly.
    pub hypotension: Band,
}

/// The thresholds in force: for the ward, for single patients, and what of it is stored as an anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    ward: Limits,
    patients: HashMap<String, Limits>,
    anomalies: EnumSet<Category>,
}

/// Two limits that contradict each other once profile and overrides are put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {lower} ({lower_mmhg} mmHg) must be {relation} {upper} ({upper_mmhg} mmHg)")]
pub struct ThresholdError {
    /// Where in the manifest, such as `spec.thresholds.perPatient[2]`.
    pub path: String,
    /// The limit that should be the smaller one.
    pub lower: String,
    /// Its value, in mmHg.
    pub lower_mmhg: Decimal,
    /// The limit that should be the larger one.
    pub upper: String,
    /// Its value, in mmHg.
    pub upper_mmhg: Decimal,
    /// What is asked for: `below` or `at most`.
    pub relation: &'static str,
}

impl Default for Thresholds {
    fn default() -> Self {
        let settings = ThresholdSettings::default();
        Self {
            ward: Limits::of(settings.profile),
            patients: HashMap::new(),
            anomalies: settings.anomalies.into_iter().collect(),
        }
    }
}

impl Thresholds {
    /// Puts a manifest's settings over their profile.
    ///
    /// # Errors
    ///
    /// Every pair of limits that is out of order: hypotension < elevated < stage 1 < stage 2 <= crisis on
    /// each side, and diastolic < systolic in each band.
    pub fn resolve(settings: &ThresholdSettings) -> Result<Self, Vec<ThresholdError>> {
        let ward = Limits::of(settings.profile).overridden(&Overrides::from(settings));
        let mut errors = ward.contradictions("spec.thresholds");
        let ward_is_sound = errors.is_empty();
        let mut patients = HashMap::new();
        for (index, patient) in settings.per_patient.iter().enumerate() {
            let limits = ward.overridden(&Overrides::from(patient));
            if ward_is_sound {
                errors.extend(limits.contradictions(&format!("spec.thresholds.perPatient[{index}]")));
            }
            patients.insert(patient.patient.clone(), limits);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let anomalies = settings.anomalies.iter().copied().collect();
        Ok(Self { ward, patients, anomalies })
    }

    /// Whether any patient has limits of their own.
    pub fn are_per_patient(&self) -> bool {
        !self.patients.is_empty()
    }

    /// The limits for a patient, by pseudonym; the ward's where none is given or nothing is set for them.
    pub fn limits(&self, pseudonym: Option<&str>) -> &Limits {
        pseudonym.and_then(|patient| self.patients.get(patient)).unwrap_or(&self.ward)
    }

    /// The categories that are stored as anomalies.
    pub const fn anomalies(&self) -> EnumSet<Category> {
        self.anomalies
    }

    /// Whether a reading with these categories is stored as an anomaly.
    pub fn is_anomaly(&self, categories: EnumSet<Category>) -> bool {
        !self.anomalies.is_disjoint(categories)
    }
}

/// Single values that override a set of limits.
struct Overrides {
    crisis: Option<PressureLimits>,
    stage2: Option<PressureLimits>,
    stage1: Option<PressureLimits>,
    elevated: Option<PressureLimits>,
    hypotension: Option<PressureLimits>,
}

macro_rules! overrides_from {
    ($($settings:ty),+) => {$(
        impl From<&$settings> for Overrides {
            fn from(settings: &$settings) -> Self {
                Self {
                    crisis: settings.crisis,
                    stage2: settings.stage2,
                    stage1: settings.stage1,
                    elevated: settings.elevated,
                    hypotension: settings.hypotension,
                }
            }
        }
    )+};
}
overrides_from!(ThresholdSettings, PatientThresholds);

impl Limits {
    fn of(profile: Profile) -> Self {
        match profile {
            Profile::Aha2017 => Self {
                crisis: band(Some(180), Some(120), false),
                stage2: band(Some(140), Some(90), true),
                stage1: band(Some(130), Some(80), true),
                elevated: band(Some(120), None, true),
                hypotension: band(Some(90), Some(60), false),
            },
            Profile::Esc2024 => Self {
                crisis: band(Some(180), Some(110), true),
                stage2: band(Some(140), Some(90), true),
                stage1: band(None, None, true),
                elevated: band(Some(120), Some(70), true),
                hypotension: band(Some(90), Some(60), false),
            },
            Profile::Simple14090 => Self {
                crisis: band(Some(180), Some(120), false),
                stage2: band(Some(140), Some(90), false),
                stage1: band(None, None, false),
                elevated: band(None, None, false),
                hypotension: band(Some(90), Some(60), false),
            },
        }
    }

    fn overridden(&self, overrides: &Overrides) -> Self {
        let otherwise = self.stage2.systolic.is_some_and(|limit| limit.inclusive);
        Self {
            crisis: self.crisis.overridden(overrides.crisis, otherwise),
            stage2: self.stage2.overridden(overrides.stage2, otherwise),
            stage1: self.stage1.overridden(overrides.stage1, otherwise),
            elevated: self.elevated.overridden(overrides.elevated, otherwise),
            hypotension: self.hypotension.overridden(overrides.hypotension, false),
        }
    }

    /// The mildest band that is called hypertension.
    pub(crate) fn mildest_hypertension(&self) -> Band {
        Band {
            systolic: self.stage1.systolic.or(self.stage2.systolic),
            diastolic: self.stage1.diastolic.or(self.stage2.diastolic),
        }
    }

    fn contradictions(&self, path: &str) -> Vec<ThresholdError> {
        let bands = [
            ("hypotension", self.hypotension),
            ("elevated", self.elevated),
            ("stage1", self.stage1),
            ("stage2", self.stage2),
            ("crisis", self.crisis),
        ];
        let mut errors = Vec::new();
        let mut check =
            |lower: (String, Option<Limit>), upper: (String, Option<Limit>), equal_allowed: bool| {
                let (Some(low), Some(high)) = (lower.1, upper.1) else {
                    return;
                };
                if low.mmhg < high.mmhg || (equal_allowed && low.mmhg == high.mmhg) {
                    return;
                }
                errors.push(ThresholdError {
                    path: path.to_owned(),
                    lower: lower.0,
                    lower_mmhg: low.mmhg,
                    upper: upper.0,
                    upper_mmhg: high.mmhg,
                    relation: if equal_allowed { "at most" } else { "below" },
                });
            };
        for side in [Side::Systolic, Side::Diastolic] {
            let given: Vec<_> =
                bands.iter().filter_map(|(name, band)| band.side(side).map(|limit| (*name, limit))).collect();
            for pair in given.windows(2) {
                let [(lower, low), (upper, high)] = pair else {
                    continue;
                };
                let equal_allowed = (*lower, *upper) == ("stage2", "crisis");
                check(
                    (format!("{lower}.{}", side.name()), Some(*low)),
                    (format!("{upper}.{}", side.name()), Some(*high)),
                    equal_allowed,
                );
            }
        }
        for (name, band) in bands {
            check(
                (format!("{name}.diastolic"), band.diastolic),
                (format!("{name}.systolic"), band.systolic),
                false,
            );
        }
        errors
    }
}

#[derive(Clone, Copy)]
enum Side {
    Systolic,
    Diastolic,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Systolic => "systolic",
            Self::Diastolic => "diastolic",
        }
    }
}

impl Band {
    const fn side(&self, side: Side) -> Option<Limit> {
        match side {
            Side::Systolic => self.systolic,
            Side::Diastolic => self.diastolic,
        }
    }

    fn overridden(self, with: Option<PressureLimits>, otherwise_inclusive: bool) -> Self {
        let Some(with) = with else { return self };
        let put = |limit: Option<Limit>, value: Option<u16>| match value {
            Some(mmhg) => Some(Limit {
                mmhg: Decimal::from(mmhg),
                inclusive: limit.map_or(otherwise_inclusive, |limit| limit.inclusive),
            }),
            None => limit,
        };
        Self { systolic: put(self.systolic, with.systolic), diastolic: put(self.diastolic, with.diastolic) }
    }
}

fn band(systolic: Option<u16>, diastolic: Option<u16>, inclusive: bool) -> Band {
    let limit = |mmhg: u16| Limit { mmhg: Decimal::from(mmhg), inclusive };
    Band { systolic: systolic.map(limit), diastolic: diastolic.map(limit) }
}
