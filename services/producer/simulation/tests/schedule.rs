//! When observations are due, and whose they are: the history up to the start, then a steady rate.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::cast_precision_loss, reason = "a nanosecond in months is near enough")]

mod common;

use std::collections::HashSet;

use bpmonitor_simulation::{History, Progress, Settings, Simulation};
use common::{first, time, ward};
use jiff::{SignedDuration, Timestamp, ToSpan};

const START: &str = "2026-03-01T00:00:00Z";

fn with_history() -> Settings {
    Settings { history: History { days: 7, readings_per_day: 3 }, ..ward(37, 2.0) }
}

#[test]
fn the_history_ends_at_the_start_and_live_readings_follow() {
    let mut simulation = Simulation::begin(&with_history(), time(START));
    assert_eq!(simulation.history(), Progress { done: 0, total: 777 });
    let history = simulation.take(time(START), usize::MAX);
    assert_eq!(history.len(), 777);
    assert_eq!(simulation.history(), Progress { done: 777, total: 777 });
    assert_eq!(history[776].due, time(START));
    let earliest = time("2026-02-22T00:00:00Z");
    assert!(history[0].due > earliest && history[0].due < earliest + 15.minutes());
    assert!(history.is_sorted_by_key(|observation| observation.due));
    assert_eq!(simulation.next_due(), time("2026-03-01T00:00:00.5Z"));
    assert!(simulation.take(time(START), usize::MAX).is_empty());
    let live = simulation.take(time("2026-03-01T00:00:10Z"), usize::MAX);
    assert_eq!(live.len(), 20);
    let indices: Vec<u64> = history.iter().chain(&live).map(|observation| observation.index).collect();
    assert!(indices.into_iter().eq(0..797));
}

#[test]
fn every_slot_of_the_history_and_every_live_round_has_each_patient_once() {
    let readings = first(&with_history(), START, 777 + 370);
    let mut orders = HashSet::new();
    for round in readings.chunks(37) {
        let order: Vec<u32> = round.iter().map(|observation| observation.patient).collect();
        assert_eq!(order.iter().collect::<HashSet<_>>().len(), 37);
        orders.insert(order);
    }
    assert_eq!(orders.len(), 31);
    let days = readings[..777].chunks(37 * 3);
    for (day, readings) in days.enumerate() {
        let begin =
            time("2026-02-22T00:00:00Z") + SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
        let end = begin + SignedDuration::from_hours(24);
        assert!(readings.iter().all(|observation| observation.due > begin && observation.due <= end));
    }
}

/// After a day, an observation is where its number says: errors do not add up.
#[test]
fn live_readings_do_not_drift() {
    for (rate, a_day) in
        [(0.2, 17_280_u64), (3.0, 259_200), (7.77, 671_328), (0.001, 86), (100_000.0, 8_640_000_000)]
    {
        let simulation = Simulation::begin(&ward(10, rate), time(START));
        let text = serde_json::to_string(&simulation.position()).unwrap();
        for number in [0, 1, a_day / 3, a_day - 1] {
            let moved = text.replace(r#""next":0"#, &format!(r#""next":{number}"#));
            let position = serde_json::from_str(&moved).unwrap();
            let mut simulation = Simulation::resume(&ward(10, rate), &position).unwrap();
            let asked = (number + 1) as f64 * 1e9 / rate;
            let due = simulation.next_due();
            let met = (due.as_nanosecond() - time(START).as_nanosecond()) as f64;
            assert!((met - asked).abs() <= 1.0, "{rate}/s, number {number}: {met} instead of {asked}");
            let taken = simulation.take(due, 1);
            assert_eq!((taken[0].due, taken[0].index), (due, number));
        }
    }
}

#[test]
fn a_rate_is_met_second_by_second() {
    let mut simulation = Simulation::begin(&ward(10, 7.77), time(START));
    let mut taken = 0;
    for second in 1..=1000 {
        let until = time(START) + SignedDuration::from_secs(second);
        taken += simulation.take(until, usize::MAX).len();
        // 7.77/s in whole numbers.
        assert_eq!(i64::try_from(taken).unwrap(), 777 * second / 100);
    }
}

#[test]
fn nothing_is_ever_due_where_nobody_is_or_nothing_is_asked_for() {
    let history = History { days: 7, readings_per_day: 3 };
    for settings in [
        ward(0, 5.0),
        Settings { history, ..ward(0, 5.0) },
        ward(10, 0.0),
        ward(10, -1.0),
        ward(10, f64::NAN),
    ] {
        let mut simulation = Simulation::begin(&settings, time(START));
        assert_eq!(simulation.next_due(), Timestamp::MAX);
        assert!(simulation.take(Timestamp::MAX, 10).is_empty());
        assert_eq!(simulation.history(), Progress { done: 0, total: 0 });
    }
}

#[test]
fn what_is_asked_for_in_excess_is_no_panic() {
    let history = History { days: u32::MAX, readings_per_day: u32::MAX };
    for start in [Timestamp::MIN, Timestamp::MAX, time(START)] {
        let mut simulation = Simulation::begin(&Settings { history, ..ward(u32::MAX, 1e300) }, start);
        assert!(simulation.next_due() <= start);
        assert_eq!(simulation.patients().take(10).count(), 10);
        assert!(simulation.take(Timestamp::MIN, 0).is_empty());
    }
}
