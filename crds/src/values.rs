//! Values that are written as text: durations and sizes.

use std::time::Duration;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::rules::{add, rule};

/// A length of time as a whole number and a unit: `30s`, `90m`, `24h`, `7d`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, transform = duration_rules)]
pub struct HumanDuration(#[schemars(length(max = 16))] String);

/// An amount of storage as Kubernetes writes it: `500Mi`, `1Gi`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, transform = size_rules)]
pub struct Size(#[schemars(length(max = 32))] String);

fn duration_rules(schema: &mut Schema) {
    // Nine digits would let days overflow Kafka's milliseconds; zero would delete everything at once.
    add(
        schema,
        [rule(
            "self.matches('^[1-9][0-9]{0,7}[smhd]$')",
            "must be a whole number above 0 of up to 8 digits and a unit (s, m, h or d), as in 90m, 24h or 7d",
        )],
    );
}

fn size_rules(schema: &mut Schema) {
    add(
        schema,
        [rule(
            "isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
            "must be an amount of storage above 0, as in 500Mi or 1Gi",
        )],
    );
}

impl HumanDuration {
    /// Takes the text as it is; [`Self::to_std`] says whether it is well-formed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The duration, or `None` where the text is not one (which the API server and the manifest reader refuse).
    pub fn to_std(&self) -> Option<Duration> {
        let (number, unit) = self.0.split_at_checked(self.0.len().checked_sub(1)?)?;
        let seconds_per_unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        let digits_only = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits_only.then(|| number.parse::<u64>().ok()).flatten()?;
        number.checked_mul(seconds_per_unit).filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }
}

impl Size {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as written, a Kubernetes quantity.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases = [
            ("30s", Some(30)),
            ("90m", Some(5_400)),
            ("24h", Some(86_400)),
            ("365d", Some(31_536_000)),
            ("99999999d", Some(8_639_999_913_600)),
            ("0s", None),
            ("", None),
            ("d", None),
            ("7", None),
            ("+7d", None),
            ("7 d", None),
            ("7é", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(HumanDuration::new(text).to_std(), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
