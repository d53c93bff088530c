//! The two sides of a blood pressure, from where they stand in an Observation to exact mmHg.

use enumset::EnumSet;
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::codes::Code;
use crate::fhir::Quantity;
use crate::field::Field;
use crate::pressure::{Comparator, Limit, Pressure, Truth, Unit, parse_mmhg};
use crate::{Flag, RejectionReason};

/// Where the two pressures stand in an Observation.
#[derive(Default)]
pub(crate) struct Sides<'a> {
    systolic: Option<Measured<'a>>,
    diastolic: Option<Measured<'a>>,
    ambiguous: bool,
}

/// A value as it stands, not yet read.
pub(crate) struct Measured<'a> {
    quantity: Field<Quantity<'a>>,
    other_value: bool,
    absent: bool,
}

impl<'a> Sides<'a> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.systolic.is_none() && self.diastolic.is_none()
    }

    pub(crate) fn add(
        &mut self,
        which: EnumSet<Code>,
        quantity: Field<Quantity<'a>>,
        other_value: bool,
        absent: bool,
    ) {
        let slot = if which.contains(Code::Systolic) { &mut self.systolic } else { &mut self.diastolic };
        self.ambiguous |= slot.is_some() || which.len() > 1;
        *slot = Some(Measured { quantity, other_value, absent });
    }
}

/// Reads both sides and checks that they are plausible.
pub(crate) fn read_sides(
    sides: Sides<'_>,
    flags: &mut EnumSet<Flag>,
) -> Result<(Option<Pressure>, Option<Pressure>), RejectionReason> {
    if sides.ambiguous {
        return Err(RejectionReason::Ambiguous);
    }
    let mut measured =
        |side: Option<Measured<'_>>| side.map_or(Ok(None), |side| measured_pressure(side, flags));
    let (systolic, diastolic) = match (measured(sides.systolic), measured(sides.diastolic)) {
        (Ok(systolic), Ok(diastolic)) => (systolic, diastolic),
        (Err(first), Err(second)) => return Err(first.min(second)),
        (Err(reason), Ok(_)) | (Ok(_), Err(reason)) => return Err(reason),
    };
    check_range(systolic, (40, 300), (60, 260), flags)?;
    check_range(diastolic, (20, 200), (30, 160), flags)?;
    match (systolic, diastolic) {
        (None, None) => Err(RejectionReason::Incomplete),
        (Some(systolic), Some(diastolic)) if diastolic.is_surely_not_below(systolic) => {
            Err(RejectionReason::Implausible)
        }
        (Some(_), Some(_)) => Ok((systolic, diastolic)),
        _ => {
            *flags |= Flag::Incomplete;
            Ok((systolic, diastolic))
        }
    }
}

fn check_range(
    side: Option<Pressure>,
    plausible: (i64, i64),
    usual: (i64, i64),
    flags: &mut EnumSet<Flag>,
) -> Result<(), RejectionReason> {
    let Some(side) = side else { return Ok(()) };
    let (lowest, highest) = (Decimal::from(plausible.0), Decimal::from(plausible.1));
    if side.mmhg() < lowest || side.mmhg() > highest {
        return Err(RejectionReason::Implausible);
    }
    let above = side.reaches(Limit { mmhg: Decimal::from(usual.1), inclusive: false });
    if above.or(side.is_below(Decimal::from(usual.0))) == Truth::Always {
        *flags |= Flag::Suspect;
    }
    Ok(())
}

/// One side's exact value; none where the sender has none.
fn measured_pressure(
    side: Measured<'_>,
    flags: &mut EnumSet<Flag>,
) -> Result<Option<Pressure>, RejectionReason> {
    if side.absent {
        return Ok(None);
    }
    if side.other_value {
        return Err(RejectionReason::InvalidValue);
    }
    let Some(quantity) = side.quantity.needed()? else {
        return Ok(None);
    };
    if quantity.unit.is_wrong() || quantity.code.is_wrong() || quantity.comparator.is_wrong() {
        return Err(RejectionReason::NotFhir);
    }
    let Some(value) = quantity.value.map(RawValue::get).filter(|text| *text != "null") else {
        return Ok(None);
    };
    let as_given = parse_mmhg(value, Unit::MmHg).map_err(|_| RejectionReason::InvalidValue)?;
    let mmhg = match unit_of(&quantity, flags)? {
        Unit::MmHg => as_given,
        Unit::KPa => parse_mmhg(value, Unit::KPa).map_err(|_| RejectionReason::InvalidValue)?,
    };
    if quantity.comparator.is_absent() {
        return Ok(Some(Pressure::exact(mmhg)));
    }
    let code = quantity.comparator.filled().unwrap_or_default();
    let comparator = Comparator::from_code(code).ok_or(RejectionReason::Comparator)?;
    *flags |= Flag::Comparator;
    Ok(Some(Pressure::bounded(mmhg, comparator)))
}

fn unit_of(quantity: &Quantity<'_>, flags: &mut EnumSet<Flag>) -> Result<Unit, RejectionReason> {
    let unit = match (quantity.code.filled(), quantity.unit.filled()) {
        (None, None) => {
            *flags |= Flag::UnitMissing;
            return Ok(Unit::MmHg);
        }
        (Some(code), None) => known_unit(code),
        (None, Some(unit)) => known_unit(unit),
        (Some(code), Some(unit)) => match (known_unit(code), known_unit(unit)) {
            (Some(code), Some(unit)) if code != unit => None,
            (code, _) => code,
        },
    };
    if unit == Some(Unit::KPa) {
        *flags |= Flag::UnitConverted;
    }
    unit.ok_or(RejectionReason::InvalidUnit)
}

fn known_unit(text: &str) -> Option<Unit> {
    match text {
        "mm[Hg]" | "mmHg" | "mm Hg" => Some(Unit::MmHg),
        "kPa" => Some(Unit::KPa),
        _ => None,
    }
}
