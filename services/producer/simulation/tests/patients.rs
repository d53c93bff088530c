//! Patients are somebody: the same in any ward, ill for long, worse for hours, lower at night.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]
#![allow(clippy::cast_precision_loss, reason = "counts are small")]

mod common;

use std::collections::HashMap;

use bpmonitor_simulation::{Category, History, Locale, Observation, Patient, Settings, Sex, Simulation};
use common::{first, pressure, time, ward};
use jiff::{ToSpan, tz::TimeZone};

const START: &str = "2026-03-01T00:00:00Z";

fn patients(settings: &Settings) -> Vec<Patient> {
    Simulation::begin(settings, time(START)).patients().collect()
}

fn of_each_patient(readings: &[Observation]) -> Vec<Vec<&Observation>> {
    let mut by_patient: HashMap<u32, Vec<&Observation>> = HashMap::new();
    for reading in readings {
        by_patient.entry(reading.patient).or_default().push(reading);
    }
    by_patient.into_values().collect()
}

fn mean(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) =
        numbers.into_iter().fold((0.0, 0.0), |(sum, count), number| (sum + number, count + 1.0));
    sum / count
}

/// A ward in which every patient is measured once an hour.
fn hourly(patients: u32) -> Settings {
    ward(patients, f64::from(patients) / 3600.0)
}

#[test]
fn a_patient_is_the_same_whatever_the_size_of_the_ward() {
    let many = patients(&ward(1000, 5.0));
    let few = patients(&ward(10, 1.0));
    assert_eq!(many.len(), 1000);
    assert_eq!(few, many[..10]);
}

#[test]
fn a_ward_has_adults_of_both_sexes_and_more_of_the_old() {
    let history = History { days: 3650, readings_per_day: 1 };
    let first_day = TimeZone::UTC.to_datetime(time(START)).date() - 3650.days();
    for (settings, born_before) in [
        (ward(2000, 5.0), "2008-03-01".parse().unwrap()),
        (Settings { history, ..ward(2000, 5.0) }, first_day - 18.years()),
    ] {
        let ward = patients(&settings);
        assert!(ward.iter().all(|patient| patient.birth_date <= born_before));
        assert!(ward.iter().all(|patient| patient.birth_date.year() >= 2026 - 97));
        let old = ward.iter().filter(|patient| patient.birth_date.year() < 1966).count();
        assert!((1200..1600).contains(&old), "{old} of 2000 are over 60");
        let women = ward.iter().filter(|patient| patient.sex == Sex::Female).count();
        assert!((900..1100).contains(&women), "{women}");
    }
}

#[test]
fn names_are_of_the_language_and_need_no_escapes() {
    let mut wards = Vec::new();
    for language in Locale::languages() {
        let locale = language.parse().unwrap();
        let ward = patients(&Settings { locale, ..ward(3000, 5.0) });
        for patient in &ward {
            let name = format!("{} {}", patient.given, patient.family);
            assert!(name.chars().all(|letter| letter.is_alphabetic() || letter == ' '), "{name}");
        }
        let family: std::collections::HashSet<_> = ward.iter().map(|patient| patient.family).collect();
        assert!(family.len() >= 50, "{language}: {}", family.len());
        wards.push(ward);
    }
    // Whatever the language, it is the same people.
    for ward in &wards[1..] {
        let unnamed = |patient: &Patient| (patient.number, patient.sex, patient.birth_date);
        assert!(ward.iter().map(unnamed).eq(wards[0].iter().map(unnamed)));
    }
}

/// Independent draws would give each patient the shares of the mix: half of their readings normal, and no more.
#[test]
fn patients_stay_ill() {
    let readings = first(&hourly(200), START, 200 * 24 * 28);
    let own = of_each_patient(&readings).into_iter().map(|readings| {
        let count = |category| readings.iter().filter(|reading| reading.category == category).count();
        Category::ALL.map(count).into_iter().max().unwrap() as f64 / readings.len() as f64
    });
    let own = mean(own);
    println!("share of readings in the patient's own category: {own:.3}");
    assert!(own > 0.7, "{own}");
}

#[test]
fn whoever_is_in_a_crisis_was_worse_than_others_before() {
    let readings = first(&hourly(200), START, 200 * 24 * 28);
    let mut before = Vec::new();
    for readings in of_each_patient(&readings) {
        for pair in readings.windows(2).filter(|pair| pair[1].category == Category::Crisis) {
            before.push(if pair[0].category >= Category::Stage2 { 1.0 } else { 0.0 });
        }
    }
    let ill_before = mean(before.iter().copied());
    println!("{} crises, stage 2 or worse an hour before: {ill_before:.3}", before.len());
    assert!(before.len() > 2000 && ill_before > 0.85, "{ill_before}");
}

/// The correlation of a patient's readings so many hours apart, what is lasting and what is due to the hour taken away.
fn correlation(readings: &[Observation], hours: usize) -> f64 {
    let (mut products, mut squares) = (Vec::new(), Vec::new());
    for readings in of_each_patient(readings) {
        let systolic: Vec<f64> = readings.iter().map(|reading| f64::from(pressure(reading).0)).collect();
        let usual: Vec<f64> =
            (0..24).map(|hour| mean(systolic.iter().copied().skip(hour).step_by(24))).collect();
        let off: Vec<f64> =
            systolic.iter().zip(usual.iter().cycle()).map(|(systolic, usual)| systolic - usual).collect();
        products.extend(off.iter().zip(&off[hours..]).map(|(now, later)| now * later));
        squares.extend(off.iter().map(|off| off * off));
    }
    mean(products) / mean(squares)
}

#[test]
fn episodes_build_up_over_hours_and_pass() {
    let mut readings = first(&hourly(100), START, 100 * 24 * 56);
    // A round's shuffle moves a reading within its hour: in order of time they are an hour apart on average.
    readings.sort_by_key(|reading| reading.due);
    let [one, four, two_days] = [1, 4, 48].map(|hours| correlation(&readings, hours));
    println!("correlation after 1 h: {one:.3}, 4 h: {four:.3}, 48 h: {two_days:.3}");
    assert!(one > 0.6, "{one}");
    assert!(four > 0.2 && four < one - 0.15, "{four}");
    assert!(two_days.abs() < 0.1, "{two_days}");
}

#[test]
fn normal_pressures_are_lower_at_night() {
    let readings = first(&hourly(200), START, 200 * 24 * 28);
    let normal = |hours: std::ops::Range<i8>| {
        let chosen = readings.iter().filter(|reading| {
            let hour = TimeZone::UTC.to_datetime(reading.due).hour();
            reading.category == Category::Normal && hours.contains(&hour)
        });
        mean(chosen.map(|reading| f64::from(pressure(reading).0)))
    };
    let [night, forenoon, evening] = [normal(0..6), normal(9..13), normal(17..21)];
    println!(
        "normal systolic at night {night:.1}, in the forenoon {forenoon:.1}, in the evening {evening:.1}"
    );
    assert!(night + 5.0 < forenoon && night + 5.0 < evening, "{night} {forenoon} {evening}");
}

#[test]
fn no_pressure_is_met_far_more_often_than_its_neighbours() {
    let readings = first(&hourly(1000), START, 200_000);
    let mut counts = [0_i32; 300];
    for reading in &readings {
        counts[usize::from(pressure(reading).0)] += 1;
    }
    for (below, pair) in counts.windows(2).enumerate().filter(|(_, pair)| pair[0] + pair[1] > 2000) {
        let band_edge = [89, 119, 124, 129, 133, 139, 167, 180].contains(&below);
        let ratio = f64::from(pair[0]) / f64::from(pair[1]);
        assert!(band_edge || (0.6..1.7).contains(&ratio), "{below}: {pair:?}");
    }
    for mmhg in [74, 89, 90, 119, 120, 129, 130, 139, 140, 180, 181, 215] {
        assert!(counts[mmhg] > 0, "no reading has a systolic of {mmhg} mmHg");
    }
}
