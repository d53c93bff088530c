//! What is thought of a Reading: category, reasons, derived pressures.

use enumset::{EnumSet, EnumSetType};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::pressure::{Limit, Pressure, Truth};
use crate::thresholds::{Band, Limits};
use crate::{Category, Reading, RejectionReason, Thresholds};

/// Decimals that a mean arterial pressure is rounded to; every other figure is exact.
const MEAN_DECIMALS: u32 = 2;

/// Which measured side the category rests on, and what else is remarkable.
#[derive(EnumSetType, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[enumset(serialize_repr = "list")]
pub enum Reason {
    /// The systolic side is in a hypertension band.
    SystolicHypertension,
    /// The diastolic side is in a hypertension band.
    DiastolicHypertension,
    /// The systolic side is below its low limit.
    SystolicHypotension,
    /// The diastolic side is below its low limit.
    DiastolicHypotension,
    /// The systolic side is in a hypertension band, and the diastolic is known not to be.
    IsolatedSystolicHypertension,
    /// Pulse pressure > 60 mmHg.
    WidePulsePressure,
    /// Pulse pressure < 25 % of the systolic.
    NarrowPulsePressure,
}

/// What is thought of a Reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The most severe category whose rule holds.
    pub category: Category,
    /// The category unless it is normal, and hypotension where a low rule holds too; most severe first.
    pub anomalies: EnumSet<Category>,
    /// What it rests on.
    pub reasons: EnumSet<Reason>,
    /// Diastolic + (systolic - diastolic) / 3 in mmHg, to two decimals, where both sides are exact.
    pub mean_arterial_pressure: Option<Decimal>,
    /// Systolic - diastolic in mmHg, where both sides are exact.
    pub pulse_pressure: Option<Decimal>,
    /// Whether it is to be stored as an anomaly.
    pub is_anomaly: bool,
}

/// Assesses a Reading; `pseudonym` is the patient's, for limits of their own.
///
/// # Errors
///
/// [`RejectionReason::Incomplete`] where half a reading proves no category alone, [`RejectionReason::Comparator`]
/// where a range leaves the category open.
pub fn assess(
    reading: &Reading<'_>,
    thresholds: &Thresholds,
    pseudonym: Option<&str>,
) -> Result<Assessment, RejectionReason> {
    let limits = thresholds.limits(pseudonym);
    let sides = Sides { systolic: reading.systolic, diastolic: reading.diastolic };
    let lows = sides.lows(limits);
    let category = sides.category(limits, lows)?;
    let mut anomalies = EnumSet::empty();
    if category != Category::Normal {
        anomalies |= category;
    }
    if lows.0.or(lows.1).is_certain() {
        anomalies |= Category::Hypotension;
    }
    let exact = sides.exact();
    let pulse_pressure = exact.map(|(systolic, diastolic)| systolic - diastolic);
    let mean_arterial_pressure = exact.map(|(systolic, diastolic)| {
        (diastolic + (systolic - diastolic) / Decimal::from(3)).round_dp(MEAN_DECIMALS).normalize()
    });
    Ok(Assessment {
        category,
        anomalies,
        reasons: sides.reasons(limits, lows),
        mean_arterial_pressure,
        pulse_pressure,
        is_anomaly: thresholds.is_anomaly(anomalies),
    })
}

/// The two sides as far as they are known.
struct Sides {
    systolic: Option<Pressure>,
    diastolic: Option<Pressure>,
}

impl Sides {
    fn is_half(&self) -> bool {
        self.systolic.is_none() || self.diastolic.is_none()
    }

    fn exact(&self) -> Option<(Decimal, Decimal)> {
        Some((self.systolic?.exactly()?, self.diastolic?.exactly()?))
    }

    /// The first category whose rule holds; `lows` are those of [`Self::lows`].
    fn category(&self, limits: &Limits, lows: (Truth, Truth)) -> Result<Category, RejectionReason> {
        for category in Category::ALL {
            let holds = match category {
                Category::HypertensiveCrisis => self.reach(limits.crisis),
                Category::HypertensionStage2 => self.reach(limits.stage2),
                Category::HypertensionStage1 => self.reach(limits.stage1),
                Category::Elevated => self.reach(limits.elevated),
                Category::Hypotension => lows.0.or(lows.1),
                Category::Normal => Truth::Always,
            };
            match holds {
                Truth::Never => {}
                Truth::Sometimes => return Err(RejectionReason::Comparator),
                Truth::Always if self.is_half() && !proves_alone(category) => {
                    return Err(RejectionReason::Incomplete);
                }
                Truth::Always => return Ok(category),
            }
        }
        Ok(Category::Normal)
    }

    /// Whether either side reaches a band. A side that is missing, or has no limit in it, does not.
    fn reach(&self, band: Band) -> Truth {
        reaches(self.systolic, band.systolic).or(reaches(self.diastolic, band.diastolic))
    }

    /// Whether the systolic, and whether the diastolic, is low.
    fn lows(&self, limits: &Limits) -> (Truth, Truth) {
        let Band { systolic, diastolic } = limits.hypotension;
        (is_low(self.systolic, systolic), is_low(self.diastolic, diastolic))
    }

    fn reasons(&self, limits: &Limits, (systolic_low, diastolic_low): (Truth, Truth)) -> EnumSet<Reason> {
        let hypertension = limits.mildest_hypertension();
        let systolic = reaches(self.systolic, hypertension.systolic);
        let diastolic = reaches(self.diastolic, hypertension.diastolic);
        let isolated = systolic.is_certain() && diastolic == Truth::Never && !self.is_half();
        let (wide, narrow) = self.exact().map_or((false, false), |(systolic, diastolic)| {
            let pulse = systolic - diastolic;
            (pulse > Decimal::from(60), pulse * Decimal::from(4) < systolic)
        });
        let all = [
            (Reason::SystolicHypertension, systolic.is_certain()),
            (Reason::DiastolicHypertension, diastolic.is_certain()),
            (Reason::SystolicHypotension, systolic_low.is_certain()),
            (Reason::DiastolicHypotension, diastolic_low.is_certain()),
            (Reason::IsolatedSystolicHypertension, isolated),
            (Reason::WidePulsePressure, wide),
            (Reason::NarrowPulsePressure, narrow),
        ];
        all.into_iter().filter_map(|(reason, holds)| holds.then_some(reason)).collect()
    }
}

/// Whether one side alone may give this category when the other is missing.
const fn proves_alone(category: Category) -> bool {
    matches!(category, Category::HypertensiveCrisis | Category::HypertensionStage2 | Category::Hypotension)
}

fn reaches(side: Option<Pressure>, limit: Option<Limit>) -> Truth {
    match (side, limit) {
        (Some(side), Some(limit)) => side.reaches(limit),
        _ => Truth::Never,
    }
}

fn is_low(side: Option<Pressure>, limit: Option<Limit>) -> Truth {
    match (side, limit) {
        (Some(side), Some(limit)) => side.is_below(limit.mmhg),
        _ => Truth::Never,
    }
}
