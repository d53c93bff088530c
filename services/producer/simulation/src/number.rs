//! Numbers from one form to another: what is lost is nothing, or meant.

use serde::{Deserialize, Serialize};

/// A count or a time as a real number; exact below 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here stays far below 2^53, or need not be exact"
)]
pub(crate) const fn real(whole: i64) -> f64 {
    whole as f64
}

/// The whole number at or below; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "meant: rounds down and saturates"
)]
pub(crate) const fn floor(real: f64) -> u16 {
    real as u16
}

/// The index of the grid cell that a number lies in; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "meant: rounds down and saturates"
)]
pub(crate) const fn cell(real: f64) -> usize {
    real as usize
}

/// A number that comes back from any JSON as the very same: written as the shortest text that names it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Exact(pub(crate) f64);

impl From<Exact> for String {
    fn from(Exact(number): Exact) -> Self {
        number.to_string()
    }
}

impl TryFrom<String> for Exact {
    type Error = std::num::ParseFloatError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}
