//! Which of several versions of an Observation is the newest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The part of a version that orders what was written in the same millisecond.
const STEPS_A_MILLISECOND: i64 = 1_000_000;

/// A version: the larger, the newer. Fits Elasticsearch's external versions (0 to 2^63 - 1).
///
/// Milliseconds since 1970 times a million, and in the last six digits a numeric `meta.versionId`, or without one the
/// nanoseconds within the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub i64);

impl Version {
    pub(crate) fn new(at: Timestamp, number: Option<u32>) -> Self {
        let within = i64::from(at.subsec_nanosecond()).rem_euclid(STEPS_A_MILLISECOND);
        let step = number.map_or(within, |number| i64::from(number).min(STEPS_A_MILLISECOND - 1));
        let milliseconds = at.as_millisecond().max(0);
        Self(milliseconds.saturating_mul(STEPS_A_MILLISECOND).saturating_add(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(at: &str, number: Option<u32>) -> Version {
        Version::new(at.parse().unwrap(), number)
    }

    #[test]
    fn later_is_newer_and_the_number_decides_within_a_millisecond() {
        let ordered = [
            version("1969-01-01T00:00:00Z", None),
            version("2026-01-01T00:00:00.001Z", None),
            version("2026-01-01T00:00:00.001Z", Some(1)),
            version("2026-01-01T00:00:00.001Z", Some(2)),
            version("2026-01-01T00:00:00.001000500Z", None),
            version("2026-01-01T00:00:00.001Z", Some(u32::MAX)),
            version("2026-01-01T00:00:00.002Z", Some(1)),
            version("9999-12-30T00:00:00Z", None),
        ];
        assert!(ordered.is_sorted(), "{ordered:?}");
        assert!(ordered[0].0 >= 0);
    }
}
