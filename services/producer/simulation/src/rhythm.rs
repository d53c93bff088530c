//! Day and night: where in its band a reading lies at an hour.

use std::f64::consts::TAU;

use crate::number::real;

const DAY_MS: i64 = 86_400_000;

/// When pressures are lowest: 3:00 (UTC, which is the ward's time).
const LOWEST_MS: i64 = 3 * 3_600_000;

/// How much of the rhythm is its second wave, which makes the dip of the afternoon between two peaks.
const SECOND_WAVE: f64 = 0.4;

/// The rhythm at a time, in milliseconds since 1970: -1.4 at 3:00, about 0.7 from the late forenoon to the evening, on average 0.
pub(crate) fn tide(ms: i64) -> f64 {
    let turn = real((ms - LOWEST_MS).rem_euclid(DAY_MS)) / real(DAY_MS);
    let first = libm::cos(TAU * turn);
    let second = 2.0 * first * first - 1.0;
    -first - SECOND_WAVE * second
}

/// Moves a height in a band up or down by the log of the odds, both in [0, 1]: ends stay where they are, and
/// the heights near them stay apart.
pub(crate) fn moved(height: f64, by: f64) -> f64 {
    height / (height + (1.0 - height) * libm::exp(-by))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rhythm at each quarter of an hour.
    fn day() -> Vec<f64> {
        (0..96).map(|quarter| tide(quarter * 900_000)).collect()
    }

    #[test]
    fn is_lowest_at_three_and_highest_before_noon_and_in_the_evening() {
        let day = day();
        let lowest = (0..96).min_by(|one, other| day[*one].total_cmp(&day[*other]));
        assert_eq!(lowest, Some(3 * 4));
        let peaks = (1..95).filter(|&at| day[at] > day[at - 1] && day[at] > day[at + 1]);
        assert_eq!(peaks.collect::<Vec<_>>(), [46, 74], "quarters of an hour");
        let mean = day.iter().sum::<f64>() / 96.0;
        assert!(mean.abs() < 1e-9, "{mean}");
    }

    #[test]
    fn moves_within_a_band_and_keeps_its_ends_and_its_order() {
        for by in [-2.0, -0.5, 0.0, 0.5, 2.0] {
            let moved: Vec<f64> = (0..=100).map(|height| moved(f64::from(height) / 100.0, by)).collect();
            assert!(moved.is_sorted() && moved[0] <= 0.0 && moved[100] >= 1.0, "{by}: {moved:?}");
            assert!((moved[50] > 0.5) == (by > 0.0), "{by}: {}", moved[50]);
        }
    }
}
