//! Wards to test with.

#![allow(clippy::unwrap_used, dead_code, reason = "a test that fails may panic, and uses what it needs")]

use bpmonitor_simulation::{History, Mix, Observation, Settings, Simulation};
use jiff::Timestamp;

pub(crate) const NO_HISTORY: History = History { days: 0, readings_per_day: 0 };

pub(crate) const USUAL: Mix =
    Mix { normal: 50.0, elevated: 15.0, stage1: 15.0, stage2: 15.0, crisis: 3.0, hypotension: 2.0 };

/// A ward of the usual mix, without a history.
pub(crate) fn ward(patients: u32, rate_per_second: f64) -> Settings {
    Settings {
        patients,
        seed: 42,
        locale: "fr".parse().unwrap(),
        mix: USUAL,
        history: NO_HISTORY,
        rate_per_second,
    }
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The first `most` observations of a ward.
pub(crate) fn first(settings: &Settings, start: &str, most: usize) -> Vec<Observation> {
    let mut simulation = Simulation::begin(settings, time(start));
    simulation.take(Timestamp::MAX, most)
}

/// Systolic and diastolic of an observation, in mmHg.
pub(crate) fn pressure(observation: &Observation) -> (u16, u16) {
    let text = std::str::from_utf8(&observation.json).unwrap();
    let mut values = text.split(r#""value":"#).skip(1).map(|rest| rest.split_once(',').unwrap().0);
    let mut next = || values.next().unwrap().parse().unwrap();
    (next(), next())
}
