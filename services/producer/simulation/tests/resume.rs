//! A simulation that is stopped and resumed anywhere gives the same bytes as one that is not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_simulation::{History, Mix, Observation, Position, ResumeError, Settings, Simulation};
use common::{NO_HISTORY, USUAL, first, pressure, time, ward};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

const START: &str = "2026-03-01T12:34:56.789012345Z";

/// As if the process had ended and begun again, with these settings.
fn restarted(simulation: &Simulation, settings: &Settings) -> Simulation {
    let stored = serde_json::to_string(&simulation.position()).unwrap();
    let position: Position = serde_json::from_str(&stored).unwrap();
    let resumed = Simulation::resume(settings, &position).unwrap();
    assert_eq!(resumed.position(), simulation.position());
    resumed
}

fn settings() -> impl Strategy<Value = Settings> {
    let weight = prop_oneof![Just(0.0), 0.0..100.0, 0.0..1e-3];
    let mix =
        prop::array::uniform6(weight).prop_map(|[normal, elevated, stage1, stage2, crisis, hypotension]| {
            Mix { normal, elevated, stage1, stage2, crisis, hypotension }
        });
    let rate = prop_oneof![Just(0.2), Just(7.77), Just(100_000.0), 1e-3..1e3];
    (1_u32..60, any::<u32>(), mix, 0_u32..4, 0_u32..5, rate).prop_map(
        |(patients, seed, mix, days, readings_per_day, rate_per_second)| Settings {
            patients,
            seed,
            mix,
            history: History { days, readings_per_day },
            rate_per_second,
            ..ward(1, 1.0)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_anywhere_the_bytes_are_the_same(settings in settings(), pieces in prop::collection::vec(0_usize..120, 1..12)) {
        let whole = first(&settings, START, pieces.iter().sum());
        let mut simulation = Simulation::begin(&settings, time(START));
        let mut taken = Vec::new();
        for most in pieces {
            taken.extend(simulation.take(Timestamp::MAX, most));
            simulation = restarted(&simulation, &settings);
        }
        prop_assert_eq!(taken, whole);
    }

    #[test]
    fn cut_by_time_the_bytes_are_the_same(settings in settings(), hours in prop::collection::vec(0_i64..30, 1..8)) {
        let mut simulation = Simulation::begin(&settings, time(START));
        let mut now = simulation.next_due();
        let mut taken = Vec::new();
        for hours in hours {
            now += SignedDuration::from_hours(hours);
            taken.extend(simulation.take(now, 100));
            prop_assert!(taken.iter().all(|observation| observation.due <= now));
            simulation = restarted(&simulation, &settings);
        }
        let whole = first(&settings, START, taken.len());
        prop_assert_eq!(taken, whole);
    }
}

fn of_both() -> Settings {
    Settings { history: History { days: 2, readings_per_day: 4 }, ..ward(30, 2.0) }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_others() {
    let bytes = |seed| {
        let observations = first(&Settings { seed, ..of_both() }, START, 500);
        observations.into_iter().map(|observation| observation.json).collect::<Vec<_>>()
    };
    assert_eq!(bytes(1), bytes(1));
    let pressures =
        |json: Vec<u8>| String::from_utf8(json).unwrap().split_once("component").unwrap().1.to_owned();
    let same = bytes(1)
        .into_iter()
        .zip(bytes(2))
        .filter(|(one, other)| pressures(one.clone()) == pressures(other.clone()))
        .count();
    assert!(same < 50, "{same} of 500 pressures are the same with another seed");
}

/// What a seed stands for is kept by every version of this crate and of those it uses, on every machine.
#[test]
fn a_seed_gives_what_it_always_gave() {
    let observations = first(&of_both(), START, 1000);
    let brief = |observation: &Observation| (observation.patient, pressure(observation));
    let found: Vec<_> = observations.iter().step_by(100).map(brief).collect();
    let always = [
        (16, (167, 114)),
        (2, (109, 63)),
        (28, (104, 73)),
        (2, (115, 64)),
        (12, (125, 72)),
        (21, (96, 65)),
        (25, (121, 75)),
        (26, (111, 75)),
        (2, (116, 64)),
        (16, (161, 113)),
    ];
    assert_eq!(found, always);
    let text = String::from_utf8(observations[999].json.clone()).unwrap();
    for part in ["Patient/sim-42-24", "Élisabeth Guérin", "2026-03-01T12:41:16.789Z"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn another_seed_is_refused() {
    let position = Simulation::begin(&of_both(), time(START)).position();
    let error = Simulation::resume(&Settings { seed: 7, ..of_both() }, &position).unwrap_err();
    assert_eq!(error, ResumeError::OtherSeed { found: 42, asked: 7 });
    assert_eq!(
        error.to_string(),
        "the ward was begun with seed 42, and cannot go on with seed 7: another seed is another ward; keep the seed, \
         or begin anew elsewhere"
    );
}

fn json(observations: Vec<Observation>) -> Vec<String> {
    observations.into_iter().map(|observation| String::from_utf8(observation.json).unwrap()).collect()
}

#[test]
fn a_history_that_was_begun_goes_on_as_it_was() {
    let mut begun = Simulation::begin(&of_both(), time(START));
    begun.take(Timestamp::MAX, 100);
    let changed = Settings {
        patients: 500,
        mix: Mix { crisis: 1e6, ..USUAL },
        history: NO_HISTORY,
        rate_per_second: 50.0,
        ..of_both()
    };
    let stored = serde_json::to_string(&begun.position()).unwrap();
    let mut resumed = Simulation::resume(&changed, &serde_json::from_str(&stored).unwrap()).unwrap();
    assert_eq!(json(resumed.take(time(START), 1000)), json(begun.take(time(START), 1000)));
    assert_eq!(resumed.history().total, 240);
    let live = resumed.take(time(START) + SignedDuration::from_secs(10), 1000);
    assert_eq!(live.len(), 500);
    assert!(live.iter().any(|observation| observation.patient >= 30));
    assert!(live.iter().all(|observation| observation.category == bpmonitor_simulation::Category::Crisis));
}

#[test]
fn another_rate_holds_from_the_last_observation_on() {
    let mut slow = Simulation::begin(&ward(30, 2.0), time(START));
    let last = slow.take(Timestamp::MAX, 7).pop().unwrap();
    assert_eq!(last.due, time(START) + SignedDuration::from_millis(3500));
    let position = slow.position();
    let mut fast = Simulation::resume(&ward(30, 10.0), &position).unwrap();
    let due: Vec<Timestamp> =
        fast.take(Timestamp::MAX, 3).into_iter().map(|observation| observation.due).collect();
    let after = |ms| last.due + SignedDuration::from_millis(ms);
    assert_eq!(due, [after(100), after(200), after(300)]);
    let mut fast = restarted(&fast, &ward(30, 10.0));
    assert_eq!(fast.next_due(), after(400));
    assert_eq!(fast.take(Timestamp::MAX, 1)[0].index, 10);
}

#[test]
fn a_position_is_small() {
    let mut simulation = Simulation::begin(&of_both(), time(START));
    simulation.take(Timestamp::MAX, 300);
    let stored = serde_json::to_string(&simulation.position()).unwrap();
    println!("{stored}");
    assert!(stored.len() < 500, "{stored}");
}
