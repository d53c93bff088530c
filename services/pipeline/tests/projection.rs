//! The readings of a ward and their counts are those of the newest versions, whatever came in which order.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_clinical::Category;
use bpmonitor_pipeline::embedded::view::{Range, Selection};
use bpmonitor_pipeline::embedded::{Compression, Retention};
use common::{Made, Model, Ward, What, Written, ago};
use jiff::SignedDuration;
use proptest::prelude::*;

/// What happens to a ward.
#[derive(Clone, Debug)]
enum Step {
    TakeIn(Vec<Written>),
    /// Written, and lost with the process.
    Lose(Vec<Written>),
    Restart,
    Erase(u8),
    /// All anomalies (or normal readings) are past their time; also within a transaction that is open.
    Retain {
        anomalies: bool,
        within: Vec<Written>,
    },
}

prop_compose! {
    fn made()(patient in 0..4_u8, days in 0..60_i64, seconds in -3600..3600_i64, recent: bool, category in 0..6_usize,
              systolic in proptest::option::of(600..2500_u16), diastolic in proptest::option::of(300..1500_u16)) -> Made {
        let days = if recent { days / 20 } else { days };
        Made { patient, effective: ago(days * 86_400 + seconds), category: Category::ALL[category], systolic, diastolic }
    }
}

fn written() -> impl Strategy<Value = Written> {
    let what = prop_oneof![
        4 => made().prop_map(What::Anomaly),
        4 => made().prop_map(What::Normal),
        1 => Just(What::Withdrawal),
    ];
    (0..12_u8, 0..5_i64, any::<bool>(), what).prop_map(|(id, version, is_correction, what)| Written {
        id,
        version,
        is_correction,
        what,
    })
}

fn batch() -> impl Strategy<Value = Vec<Written>> {
    proptest::collection::vec(written(), 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => batch().prop_map(Step::TakeIn),
        2 => batch().prop_map(Step::Lose),
        1 => Just(Step::Restart),
        1 => (0..4_u8).prop_map(Step::Erase),
        1 => (any::<bool>(), batch()).prop_map(|(anomalies, within)| Step::Retain { anomalies, within }),
    ]
}

fn retention(anomalies: bool) -> Retention {
    let over = -SignedDuration::from_hours(1);
    let kept = Retention::default();
    if anomalies { Retention { anomalies: over, ..kept } } else { Retention { archive: over, ..kept } }
}

fn take(ward: &mut Ward, model: &mut Model, step: &Step) {
    match step {
        Step::TakeIn(batch) => {
            ward.take_in(batch);
            model.take_in(batch);
        }
        Step::Lose(batch) => {
            ward.write(batch);
            ward.restart();
        }
        Step::Restart => ward.restart(),
        Step::Erase(patient) => {
            ward.store().erase(&common::patient(*patient), Compression::None).unwrap();
            model.forget_patient(*patient);
        }
        Step::Retain { anomalies, within } => {
            let tally = ward.write(within);
            model.take_in(within);
            ward.store().retain(retention(*anomalies)).unwrap();
            if *anomalies {
                model.forget_anomalies();
            } else {
                model.forget_normal();
            }
            ward.commit("", &tally);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_versions_hold_and_the_counts_are_theirs(steps in proptest::collection::vec(step(), 1..14)) {
        let (mut ward, mut model) = (Ward::new(), Model::default());
        for step in &steps {
            take(&mut ward, &mut model, step);
            ward.check_counts();
            prop_assert_eq!(ward.readings(), model.readings(), "{:?}", step);
        }
    }
}

/// More than what is kept in memory of the indexes, and in an order in which neighbours come far apart.
#[test]
fn many_readings_are_found_again() {
    let mut ward = Ward::new();
    let many = 150_000_u32;
    let batch = |from: u32| (from..from + 5000).map(|n| common::numbered(n, n % 300)).collect::<Vec<_>>();
    for from in (0..many).step_by(5000) {
        ward.take_in_lines(&batch(from));
    }
    ward.restart();
    for from in [0, 50_000, 100_000, 145_000] {
        ward.take_in_lines(&batch(from));
    }
    let view = ward.store().view().unwrap();
    let now = jiff::Timestamp::now();
    let overview = view.overview(&Selection::of(Range::Day, now)).unwrap();
    assert_eq!((overview.totals.readings, overview.totals.patients), (u64::from(many), 300));
    for patient in [0, 150, 299] {
        let selection =
            Selection { patient: Some(common::patient_numbered(patient)), ..Selection::of(Range::Day, now) };
        let of_patient = view.overview(&selection).unwrap();
        assert_eq!(of_patient.totals.readings, u64::from(many / 300), "{patient}");
        let readings =
            view.patient_readings(&common::patient_numbered(patient), &selection).unwrap().unwrap();
        assert_eq!((readings.total, readings.readings.len()), (u64::from(many / 300), 500));
    }
    ward.check_counts();
}
