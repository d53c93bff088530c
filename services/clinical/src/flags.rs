//! What had to be assumed, converted or doubted to understand an Observation.

use enumset::EnumSetType;
use serde::{Deserialize, Serialize};

/// A remark on a Reading. A Reading carries any number of them, in this order.
#[derive(EnumSetType, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[enumset(serialize_repr = "list")]
pub enum Flag {
    /// A value in kPa was converted to mmHg.
    UnitConverted,
    /// A value without any unit was taken as mmHg.
    UnitMissing,
    /// A side is a bound (`<`, `>`), not a value; the category holds for the whole range.
    Comparator,
    /// One side is missing; the other alone proves the category.
    Incomplete,
    /// Systolic outside 60-260 or diastolic outside 30-160 mmHg.
    Suspect,
    /// The Observation's status is preliminary.
    Preliminary,
    /// The effective time had no zone and was read as UTC.
    TimezoneMissing,
    /// The effective time is a date, a month or a year: its first moment was taken.
    TimeImprecise,
    /// There was no effective time; `issued` was taken.
    TimeFromIssued,
    /// The patient was under 13 years of age: adult bands do not apply.
    Paediatric,
}
