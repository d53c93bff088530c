//! The mix is met in wards of any size, whether readings are spread over months or all fall in one moment of the night.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

mod common;

use bpmonitor_simulation::{Category, Mix, Observation, Settings};
use common::{USUAL, first, ward};

const READINGS: u32 = 100_000;

/// One percentage point.
const ALLOWED: f64 = 0.01;

const TWO_SECONDS: f64 = READINGS as f64 / 2.0;
const WEEK: f64 = READINGS as f64 / (7.0 * 86_400.0);
const YEAR: f64 = READINGS as f64 / (365.0 * 86_400.0);

const ILL: Mix =
    Mix { normal: 10.0, elevated: 0.0, stage1: 20.0, stage2: 40.0, crisis: 20.0, hypotension: 10.0 };
const EVEN: Mix = Mix { normal: 1.0, elevated: 1.0, stage1: 1.0, stage2: 1.0, crisis: 1.0, hypotension: 1.0 };
const NONE: Mix = Mix { normal: 0.0, elevated: 0.0, stage1: 0.0, stage2: 0.0, crisis: 0.0, hypotension: 0.0 };

/// In the order of [`Category::ALL`].
fn weights(mix: Mix) -> [f64; 6] {
    [mix.hypotension, mix.normal, mix.elevated, mix.stage1, mix.stage2, mix.crisis]
}

fn shares(readings: &[Observation]) -> [f64; 6] {
    let count = |category| readings.iter().filter(|reading| reading.category == category).count();
    Category::ALL.map(|category| count(category) as f64 / readings.len() as f64)
}

fn furthest_off(settings: &Settings, start: &str) -> f64 {
    let readings = first(settings, start, READINGS as usize);
    assert_eq!(readings.len(), READINGS as usize);
    let asked = weights(settings.mix);
    let sum: f64 = asked.iter().sum();
    let met = shares(&readings);
    met.iter().zip(asked).map(|(met, asked)| (met - asked / sum).abs()).fold(0.0, f64::max)
}

fn check(patients: &[u32], mixes: &[Mix], rate: f64, starts: &[&str]) {
    for &patients in patients {
        for &mix in mixes {
            for (seed, start) in starts.iter().enumerate() {
                let seed = u32::try_from(seed).unwrap();
                let settings = Settings { mix, seed, ..ward(patients, rate) };
                let off = furthest_off(&settings, start);
                println!("{patients} patients, {rate}/s from {start}: {off:.4}");
                assert!(off < ALLOWED, "{patients} patients, {mix:?}, {rate}/s from {start}: {off}");
            }
        }
    }
}

#[test]
fn within_two_seconds_of_the_night() {
    let starts =
        ["2026-03-01T03:00:00Z", "2026-03-02T03:04:00Z", "2026-03-03T03:17:00Z", "2026-03-04T03:33:00Z"];
    check(&[24, 60, 200, 1000], &[USUAL, ILL, EVEN], TWO_SECONDS, &starts);
}

#[test]
fn within_two_seconds_in_a_huge_ward() {
    check(&[1_000_000], &[USUAL], TWO_SECONDS, &["2026-03-01T03:25:00Z"]);
}

#[test]
fn over_a_week() {
    check(&[10, 24, 200, 1000], &[USUAL, ILL], WEEK, &["2026-03-01T09:00:00Z"]);
}

#[test]
fn over_a_year() {
    check(&[1, 2, 10, 24, 200, 1000], &[USUAL], YEAR, &["2026-03-01T09:00:00Z"]);
}

#[test]
fn what_has_no_weight_never_occurs() {
    for (kept, weight) in [(0, f64::MIN_POSITIVE), (1, 1.0), (2, 3e-9), (3, 1e300), (4, f64::MAX), (5, 100.0)]
    {
        let mut mix = [0.0; 6];
        mix[kept] = weight;
        mix[(kept + 3) % 6] = weight;
        let [hypotension, normal, elevated, stage1, stage2, crisis] = mix;
        let mix = Mix { normal, elevated, stage1, stage2, crisis, hypotension };
        let readings = first(&Settings { mix, ..ward(50, WEEK) }, "2026-03-01T09:00:00Z", 20_000);
        for (share, weight) in shares(&readings).into_iter().zip(weights(mix)) {
            let asked = if weight > 0.0 { 0.5 } else { 0.0 };
            assert!((share - asked).abs() <= ALLOWED * asked * 2.0, "{mix:?}: {:?}", shares(&readings));
        }
    }
}

#[test]
fn without_any_weight_all_is_normal() {
    for mix in [NONE, Mix { crisis: f64::NAN, stage2: -1.0, stage1: f64::INFINITY, ..NONE }] {
        let readings = first(&Settings { mix, ..ward(50, 5.0) }, "2026-03-01T09:00:00Z", 1_000);
        assert!(readings.iter().all(|reading| reading.category == Category::Normal));
    }
}
