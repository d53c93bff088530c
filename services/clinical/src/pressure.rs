//! Exact pressures in mmHg, and what a comparator leaves open about them.

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Serialize, Serializer};

/// mmHg in one kPa, as used for conversion.
const MMHG_PER_KPA: Decimal = Decimal::from_parts(750_062, 0, 0, false, 5);
/// Digits that a [`Decimal`] holds exactly.
const EXACT_DIGITS: u32 = 28;
/// Digits of a value in kPa whose product with [`MMHG_PER_KPA`] is still exact.
const EXACT_KPA_DIGITS: u32 = EXACT_DIGITS - 6;

/// The unit of a measured value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    MmHg,
    KPa,
}

/// How a measured value relates to the true one, as FHIR's `Quantity.comparator` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// The true value is below the given one (`<`).
    Below,
    /// The true value is at most the given one (`<=`).
    AtMost,
    /// The true value is at least the given one (`>=`).
    AtLeast,
    /// The true value is above the given one (`>`).
    Above,
}

impl Comparator {
    /// Reads FHIR R4's comparator codes.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        match code {
            "<" => Some(Self::Below),
            "<=" => Some(Self::AtMost),
            ">=" => Some(Self::AtLeast),
            ">" => Some(Self::Above),
            _ => None,
        }
    }
}

/// One side of a blood pressure in mmHg: an exact decimal, or with a comparator the bound of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressure {
    mmhg: Decimal,
    comparator: Option<Comparator>,
}

impl Pressure {
    /// An exactly measured pressure, in mmHg.
    pub const fn exact(mmhg: Decimal) -> Self {
        Self { mmhg, comparator: None }
    }

    /// A pressure of which only a bound is known, in mmHg.
    pub const fn bounded(mmhg: Decimal, comparator: Comparator) -> Self {
        Self { mmhg, comparator: Some(comparator) }
    }

    /// The value as given, or with a comparator the bound, in mmHg.
    pub const fn mmhg(self) -> Decimal {
        self.mmhg
    }

    /// What the value says about the true one; none when it is exact.
    pub const fn comparator(self) -> Option<Comparator> {
        self.comparator
    }

    /// The exact value in mmHg, if it is one.
    pub fn exactly(self) -> Option<Decimal> {
        self.comparator.is_none().then_some(self.mmhg)
    }

    /// Whether the true value lies above `limit` (or on it, where the limit is inclusive).
    pub(crate) fn reaches(self, limit: Limit) -> Truth {
        use Comparator::{Above, AtLeast, AtMost, Below};
        let order = self.mmhg.cmp(&limit.mmhg);
        let at_limit = order == Ordering::Equal;
        match self.comparator {
            None => Truth::from(order == Ordering::Greater || (at_limit && limit.inclusive)),
            Some(Above) if order != Ordering::Less => Truth::Always,
            Some(AtLeast) if order == Ordering::Greater || (at_limit && limit.inclusive) => Truth::Always,
            Some(Below) if order != Ordering::Greater => Truth::Never,
            Some(AtMost) if order == Ordering::Less || (at_limit && !limit.inclusive) => Truth::Never,
            Some(_) => Truth::Sometimes,
        }
    }

    /// Whether the true value is at least `other`'s, whatever the two are in their ranges.
    pub(crate) fn is_surely_not_below(self, other: Self) -> bool {
        use Comparator::{Above, AtLeast, AtMost, Below};
        let lowest_known = matches!(self.comparator, None | Some(AtLeast | Above));
        let highest_known = matches!(other.comparator, None | Some(AtMost | Below));
        lowest_known && highest_known && self.mmhg >= other.mmhg
    }

    /// Whether the true value lies below `mmhg`.
    pub(crate) fn is_below(self, mmhg: Decimal) -> Truth {
        self.reaches(Limit { mmhg, inclusive: true }).negated()
    }
}

/// A value that a rule compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// In mmHg.
    #[serde(serialize_with = "as_number")]
    pub mmhg: Decimal,
    /// Whether the limit itself reaches the rule (`>=`).
    pub inclusive: bool,
}

/// Limits are small whole numbers, which a float holds exactly.
fn as_number<S: Serializer>(mmhg: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    match mmhg.to_u16() {
        Some(mmhg) => serializer.serialize_u16(mmhg),
        None => serializer.serialize_f64(mmhg.to_f64().unwrap_or(f64::NAN)),
    }
}

/// What is known about a statement on a range of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Always,
    Sometimes,
    Never,
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Self::Always } else { Self::Never }
    }
}

impl Truth {
    pub(crate) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Never, Self::Never) => Self::Never,
            _ => Self::Sometimes,
        }
    }

    pub(crate) const fn negated(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Sometimes => Self::Sometimes,
            Self::Never => Self::Always,
        }
    }

    pub(crate) const fn is_certain(self) -> bool {
        matches!(self, Self::Always)
    }
}

/// Why a number is not a pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    /// Not a JSON number, or negative.
    Invalid,
    /// More digits than exact arithmetic holds here.
    TooManyDigits,
}

/// Reads the text of a JSON number in `unit` as exact mmHg.
pub(crate) fn parse_mmhg(text: &str, unit: Unit) -> Result<Decimal, NumberError> {
    let number = Number::scan(text)?;
    match unit {
        Unit::MmHg => number.decimal(EXACT_DIGITS),
        Unit::KPa => {
            let kpa = number.decimal(EXACT_KPA_DIGITS)?;
            Ok(kpa.checked_mul(MMHG_PER_KPA).unwrap_or(Decimal::MAX))
        }
    }
}

/// A scanned JSON number: digits without the point, and where the point stands.
struct Number {
    /// The digits up to the 38 that a `u128` holds for sure.
    digits: u128,
    /// How many digits count from the first that is not zero.
    significant: u32,
    /// How many of them, at the end, are zeros.
    trailing_zeros: u32,
    /// The power of ten that `digits` is to be multiplied with.
    exponent: i64,
}

impl Number {
    fn scan(text: &str) -> Result<Self, NumberError> {
        let mut number = Self { digits: 0, significant: 0, trailing_zeros: 0, exponent: 0 };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let mut point_seen = false;
        let mut digit_seen = false;
        for byte in mantissa.bytes() {
            match byte {
                b'0'..=b'9' => {
                    digit_seen = true;
                    number.push(byte - b'0', point_seen);
                }
                b'.' if !point_seen => point_seen = true,
                _ => return Err(NumberError::Invalid),
            }
        }
        if !digit_seen {
            return Err(NumberError::Invalid);
        }
        number.exponent = number.exponent.saturating_add(exponent);
        Ok(number)
    }

    fn push(&mut self, digit: u8, after_point: bool) {
        if self.significant < 38 {
            self.digits = self.digits * 10 + u128::from(digit);
            self.exponent -= i64::from(after_point);
        } else {
            self.exponent += i64::from(!after_point);
        }
        self.significant += u32::from(self.significant > 0 || digit != 0);
        self.trailing_zeros = if digit == 0 { self.trailing_zeros + 1 } else { 0 };
    }

    /// The exact value. What is too large or too small for any pressure saturates: it is implausible all the same.
    fn decimal(mut self, most_digits: u32) -> Result<Decimal, NumberError> {
        if self.significant == 0 {
            return Ok(Decimal::ZERO);
        }
        if self.significant > most_digits {
            self.drop_trailing_zeros(most_digits)?;
        }
        let magnitude = self.exponent + i64::from(self.significant);
        if magnitude > 9 {
            return Ok(Decimal::MAX);
        }
        while self.exponent > 0 {
            self.digits *= 10;
            self.exponent -= 1;
        }
        let scale = u32::try_from(-self.exponent).unwrap_or(u32::MAX);
        let digits = i128::try_from(self.digits).unwrap_or(i128::MAX);
        Ok(Decimal::try_from_i128_with_scale(digits, scale).unwrap_or(Decimal::ZERO))
    }

    fn drop_trailing_zeros(&mut self, most_digits: u32) -> Result<(), NumberError> {
        let needed = self.significant - self.trailing_zeros.min(self.significant);
        if needed > most_digits {
            return Err(NumberError::TooManyDigits);
        }
        let kept_zeros = self.significant.min(38) - needed;
        for _ in 0..kept_zeros {
            self.digits /= 10;
        }
        self.exponent += i64::from(kept_zeros);
        self.significant = needed;
        Ok(())
    }
}

fn parse_exponent(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(NumberError::Invalid);
    }
    let mut exponent = 0_i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return Err(NumberError::Invalid);
        }
        exponent = exponent.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
    }
    // Far beyond any pressure, and far from the limits of the arithmetic on it.
    let exponent = exponent.min(1_000_000_000);
    Ok(if negative { -exponent } else { exponent })
}

impl fmt::Display for Pressure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.mmhg, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mmhg(text: &str) -> String {
        match parse_mmhg(text, Unit::MmHg) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn numbers_are_exact_and_keep_their_digits() {
        let huge = Decimal::MAX.to_string();
        for (text, expected) in [
            ("120", "120"),
            ("120.0", "120.0"),
            ("1.45E2", "145"),
            ("1.45e+2", "145"),
            ("14500e-2", "145.00"),
            ("129.73979437732424", "129.73979437732424"),
            ("139.9999999999999999999999999", "139.9999999999999999999999999"),
            ("139.99999999999999999999999999", "TooManyDigits"),
            ("120.000000000000000000000000000000000000000000", "120"),
            ("0", "0"),
            ("0.00000000000000000000000000000000000000000000001", "0"),
            ("1e400", &huge),
            ("1e99999999999999999999", &huge),
            ("1e-99999999999999999999", "0"),
            ("00000000000000000000000000000000000000000000120", "120"),
            ("-1", "Invalid"),
            ("-0", "Invalid"),
            ("null", "Invalid"),
            ("\"120\"", "Invalid"),
            ("", "Invalid"),
            (".", "Invalid"),
            ("1.2.3", "Invalid"),
            ("1e", "Invalid"),
        ] {
            assert_eq!(mmhg(text), expected, "{text}");
        }
    }

    #[test]
    fn kilopascals_convert_exactly() {
        for (text, expected) in [("16", "120.00992"), ("10.7", "80.256634"), ("1.6e1", "120.00992")] {
            assert_eq!(parse_mmhg(text, Unit::KPa).unwrap().to_string(), expected);
        }
        let digits_22 = "16.00000000000000000001";
        assert_eq!(parse_mmhg(digits_22, Unit::KPa).unwrap().to_string(), "120.0099200000000000000750062");
        assert_eq!(parse_mmhg("16.000000000000000000001", Unit::KPa), Err(NumberError::TooManyDigits));
    }

    #[test]
    fn a_range_knows_what_it_proves() {
        use Comparator::{Above, AtLeast, AtMost, Below};
        use Truth::{Always, Never, Sometimes};
        let strict = Limit { mmhg: Decimal::from(180), inclusive: false };
        let inclusive = Limit { mmhg: Decimal::from(180), inclusive: true };
        for (comparator, value, over, at_or_over) in [
            (Above, 180, Always, Always),
            (Above, 179, Sometimes, Sometimes),
            (AtLeast, 180, Sometimes, Always),
            (AtLeast, 181, Always, Always),
            (Below, 180, Never, Never),
            (Below, 181, Sometimes, Sometimes),
            (AtMost, 180, Never, Sometimes),
            (AtMost, 179, Never, Never),
        ] {
            let pressure = Pressure::bounded(Decimal::from(value), comparator);
            assert_eq!(pressure.reaches(strict), over, "{comparator:?} {value} > 180");
            assert_eq!(pressure.reaches(inclusive), at_or_over, "{comparator:?} {value} >= 180");
        }
    }
}
