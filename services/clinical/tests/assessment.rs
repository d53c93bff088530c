//! Section 7 of the clinical rules: categories at their boundaries, anomalies, reasons, thresholds, derived pressures.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_clinical::{
    Assessment, Category, Finding, PatientThresholds, PressureLimits, Profile, PseudonymKey, Reading,
    RejectionReason, ThresholdSettings, Thresholds, assess, read_all,
};
use common::{bundle, context, merged, names, observation, profile, read, source, with_values};
use serde_json::json;

/// Reads `120/80`, with comparators and `-` for a missing side, and hands the Reading on.
fn with_reading<T>(values: &str, use_it: impl Fn(&Reading<'_>) -> T) -> T {
    let (systolic, diastolic) = values.split_once('/').unwrap();
    let (text, source) = (with_values(systolic, diastolic), source());
    let mut found = None;
    read_all(text.as_bytes(), &context(&source), &mut |entry| {
        let Finding::Reading(reading) = &entry.finding else { panic!("{values}: {:?}", entry.finding) };
        found = Some(use_it(reading));
    });
    found.unwrap()
}

fn assessed(values: &str, thresholds: &Thresholds) -> Result<Assessment, RejectionReason> {
    with_reading(values, |reading| assess(reading, thresholds, None))
}

fn category(values: &str, thresholds: &Thresholds) -> &'static str {
    match assessed(values, thresholds) {
        Ok(assessment) => assessment.category.id(),
        Err(reason) => reason.code(),
    }
}

const CRISIS: &str = "hypertensive_crisis";
const STAGE2: &str = "hypertension_stage2";
const STAGE1: &str = "hypertension_stage1";
const ELEVATED: &str = "elevated";
const LOW: &str = "hypotension";
const NORMAL: &str = "normal";

/// The categories at `limit` - 0.01, `limit` and `limit` + 0.01, the other side given.
fn check_boundaries(thresholds: &Thresholds, rows: &[(&str, i64, [&str; 3])]) {
    for (pattern, limit, expected) in rows {
        let values = [format!("{}.99", limit - 1), format!("{limit}.0"), format!("{limit}.01")];
        let found = values.map(|value| category(&pattern.replace('x', &value), thresholds));
        assert_eq!(found, *expected, "{pattern} at {limit}");
    }
}

#[test]
fn every_boundary_of_aha_2017() {
    check_boundaries(
        &profile(Profile::Aha2017),
        &[
            ("x/75", 180, [STAGE2, STAGE2, CRISIS]),
            ("x/75", 140, [STAGE1, STAGE2, STAGE2]),
            ("x/75", 130, [ELEVATED, STAGE1, STAGE1]),
            ("x/75", 120, [NORMAL, ELEVATED, ELEVATED]),
            ("x/75", 90, [LOW, NORMAL, NORMAL]),
            ("150/x", 120, [STAGE2, STAGE2, CRISIS]),
            ("115/x", 90, [STAGE1, STAGE2, STAGE2]),
            ("115/x", 80, [NORMAL, STAGE1, STAGE1]),
            ("115/x", 60, [LOW, NORMAL, NORMAL]),
            ("125/x", 80, [ELEVATED, STAGE1, STAGE1]),
        ],
    );
    assert_eq!(category("180/120", &Thresholds::default()), STAGE2);
}

#[test]
fn every_boundary_of_esc_2024() {
    check_boundaries(
        &profile(Profile::Esc2024),
        &[
            ("x/65", 180, [STAGE2, CRISIS, CRISIS]),
            ("x/65", 140, [ELEVATED, STAGE2, STAGE2]),
            ("x/65", 130, [ELEVATED, ELEVATED, ELEVATED]),
            ("x/65", 120, [NORMAL, ELEVATED, ELEVATED]),
            ("x/65", 90, [LOW, NORMAL, NORMAL]),
            ("150/x", 110, [STAGE2, CRISIS, CRISIS]),
            ("115/x", 90, [ELEVATED, STAGE2, STAGE2]),
            ("115/x", 80, [ELEVATED, ELEVATED, ELEVATED]),
            ("115/x", 70, [NORMAL, ELEVATED, ELEVATED]),
            ("115/x", 60, [LOW, NORMAL, NORMAL]),
        ],
    );
}

#[test]
fn every_boundary_of_simple_140_90() {
    check_boundaries(
        &profile(Profile::Simple14090),
        &[
            ("x/75", 180, [STAGE2, STAGE2, CRISIS]),
            ("x/75", 140, [NORMAL, NORMAL, STAGE2]),
            ("x/75", 120, [NORMAL, NORMAL, NORMAL]),
            ("x/75", 90, [LOW, NORMAL, NORMAL]),
            ("150/x", 120, [STAGE2, STAGE2, CRISIS]),
            ("115/x", 90, [NORMAL, NORMAL, STAGE2]),
            ("115/x", 60, [LOW, NORMAL, NORMAL]),
        ],
    );
}

#[test]
fn a_value_is_compared_unrounded() {
    let thresholds = Thresholds::default();
    assert_eq!(category("180.0000000000000000000000001/75", &thresholds), CRISIS);
    assert_eq!(category("139.9999999999999999999999999/75", &thresholds), STAGE1);
    assert_eq!(category("115/59.99999999999999999999999999", &thresholds), LOW);
}

#[test]
fn anomalies_are_the_category_and_hypotension_too() {
    for (values, anomalies) in [
        ("115/75", ""),
        ("125/75", "elevated"),
        ("125/55", "elevated hypotension"),
        ("162/58", "hypertension_stage2 hypotension"),
        ("185/130", "hypertensive_crisis"),
        ("85/55", "hypotension"),
        ("181/59.99", "hypertensive_crisis hypotension"),
        (">180/55", "hypertensive_crisis hypotension"),
        ("150/<60", "hypertension_stage2 hypotension"),
        ("150/<=60", "hypertension_stage2"),
        ("181/-", "hypertensive_crisis"),
        ("-/50", "hypotension"),
    ] {
        let found = assessed(values, &Thresholds::default()).unwrap();
        assert_eq!(names(&found.anomalies), anomalies, "{values}");
        assert_eq!(found.is_anomaly, !anomalies.is_empty(), "{values}");
    }
}

#[test]
fn the_manifest_says_what_is_stored_as_an_anomaly() {
    let anomalies = vec![Category::HypertensiveCrisis, Category::Hypotension];
    let thresholds =
        Thresholds::resolve(&ThresholdSettings { anomalies, ..ThresholdSettings::default() }).unwrap();
    for (values, expected) in
        [("185/95", true), ("162/58", true), ("162/60", false), ("85/62", true), ("115/75", false)]
    {
        assert_eq!(assessed(values, &thresholds).unwrap().is_anomaly, expected, "{values}");
    }
}

#[test]
fn reasons_name_the_measured_side() {
    const SYSTOLIC: &str = "systolic_hypertension";
    const DIASTOLIC: &str = "diastolic_hypertension";
    for (values, reasons) in [
        ("115/75", String::new()),
        ("129.99/79.99", String::new()),
        ("130/80", format!("{SYSTOLIC} {DIASTOLIC}")),
        ("130/79.99", format!("{SYSTOLIC} isolated_systolic_hypertension")),
        ("115/80", DIASTOLIC.to_owned()),
        ("89.99/60", "systolic_hypotension".to_owned()),
        ("115/59.99", "diastolic_hypotension".to_owned()),
        ("89.99/59.99", "systolic_hypotension diastolic_hypotension".to_owned()),
        (
            "162/58",
            format!("{SYSTOLIC} diastolic_hypotension isolated_systolic_hypertension wide_pulse_pressure"),
        ),
        ("125/65", String::new()),
        ("125.01/65", "wide_pulse_pressure".to_owned()),
        ("100/75", String::new()),
        ("100/75.01", "narrow_pulse_pressure".to_owned()),
        ("150/-", SYSTOLIC.to_owned()),
        ("150/<80", format!("{SYSTOLIC} isolated_systolic_hypertension")),
        ("150/<81", SYSTOLIC.to_owned()),
        (">180/75", format!("{SYSTOLIC} isolated_systolic_hypertension")),
    ] {
        let found = assessed(values, &Thresholds::default()).unwrap();
        assert_eq!(names(&found.reasons), reasons, "{values}");
    }
}

#[test]
fn the_mildest_hypertension_of_a_profile_is_the_reason() {
    for (with, values, reasons) in [
        (Profile::Esc2024, "139.99/89.99", ""),
        (Profile::Esc2024, "140/90", "systolic_hypertension diastolic_hypertension"),
        (Profile::Simple14090, "140/90", ""),
        (Profile::Simple14090, "140.01/90", "systolic_hypertension isolated_systolic_hypertension"),
    ] {
        assert_eq!(names(&assessed(values, &profile(with)).unwrap().reasons), reasons, "{values}");
    }
}

#[test]
fn derived_pressures_are_of_exact_pairs() {
    for (values, mean, pulse) in [
        ("120/80", Some("93.33"), Some("40")),
        ("150/90", Some("110"), Some("60")),
        ("120.5/80.25", Some("93.67"), Some("40.25")),
        ("150/-", None, None),
        (">180/75", None, None),
        ("190/>121", None, None),
    ] {
        let found = assessed(values, &Thresholds::default()).unwrap();
        assert_eq!(found.mean_arterial_pressure.map(|mean| mean.to_string()).as_deref(), mean, "{values}");
        assert_eq!(found.pulse_pressure.map(|pulse| pulse.to_string()).as_deref(), pulse, "{values}");
    }
}

#[test]
fn half_a_reading_is_never_normal() {
    for (values, expected) in [
        ("180.01/-", CRISIS),
        ("140/-", STAGE2),
        ("139.99/-", "incomplete"),
        ("125/-", "incomplete"),
        ("115/-", "incomplete"),
        ("89.99/-", LOW),
        ("-/120.01", CRISIS),
        ("-/90", STAGE2),
        ("-/89.99", "incomplete"),
        ("-/70", "incomplete"),
        ("-/59.99", LOW),
        (">=180/-", "comparator"),
        (">180/-", CRISIS),
        ("<90/-", LOW),
        ("<=89/-", LOW),
        ("<=90/-", "comparator"),
        ("-/<60", LOW),
        ("<100/-", "comparator"),
    ] {
        assert_eq!(category(values, &Thresholds::default()), expected, "{values}");
    }
    assert_eq!(category("-/75", &profile(Profile::Esc2024)), "incomplete");
    assert_eq!(category("140/-", &profile(Profile::Simple14090)), "incomplete");
}

#[test]
fn a_range_must_decide() {
    for (values, expected) in [
        (">260/90", CRISIS),
        (">180/75", CRISIS),
        (">=180/75", "comparator"),
        (">=180.01/75", CRISIS),
        (">150/125", CRISIS),
        (">150/75", "comparator"),
        ("<180/125", CRISIS),
        ("<130/85", STAGE1),
        ("<=130/75", "comparator"),
        ("<120/75", "comparator"),
        ("<90/75", LOW),
        ("115/<60", LOW),
        ("115/<=60", "comparator"),
        ("150/<90", STAGE2),
        ("150/<=120", STAGE2),
        ("150/<130", "comparator"),
        ("115/>=60", "comparator"),
        (">180/<60", CRISIS),
    ] {
        assert_eq!(category(values, &Thresholds::default()), expected, "{values}");
    }
    assert_eq!(category(">=180/75", &profile(Profile::Esc2024)), CRISIS);
}

/// Limits of one band, 0 where there is none.
fn limits(systolic: u16, diastolic: u16) -> PressureLimits {
    let given = |value: u16| (value > 0).then_some(value);
    PressureLimits { systolic: given(systolic), diastolic: given(diastolic) }
}

#[test]
fn an_override_keeps_what_the_profile_says_of_the_limit() {
    let settings = ThresholdSettings {
        crisis: Some(limits(170, 0)),
        stage2: Some(limits(0, 95)),
        ..ThresholdSettings::default()
    };
    let thresholds = Thresholds::resolve(&settings).unwrap();
    check_boundaries(
        &thresholds,
        &[
            ("x/75", 170, [STAGE2, STAGE2, CRISIS]),
            ("150/x", 120, [STAGE2, STAGE2, CRISIS]),
            ("115/x", 95, [STAGE1, STAGE2, STAGE2]),
            ("x/75", 140, [STAGE1, STAGE2, STAGE2]),
        ],
    );
}

#[test]
fn a_band_that_the_profile_lacks_compares_as_stage_2_does() {
    let resolve = |profile| {
        let settings = ThresholdSettings {
            profile,
            stage1: Some(limits(130, 85)),
            elevated: Some(limits(0, 75)),
            ..ThresholdSettings::default()
        };
        Thresholds::resolve(&settings).unwrap()
    };
    check_boundaries(
        &resolve(Profile::Simple14090),
        &[
            ("x/72", 130, [NORMAL, NORMAL, STAGE1]),
            ("115/x", 85, [ELEVATED, ELEVATED, STAGE1]),
            ("115/x", 75, [NORMAL, NORMAL, ELEVATED]),
        ],
    );
    check_boundaries(&resolve(Profile::Aha2017), &[("115/x", 75, [NORMAL, ELEVATED, ELEVATED])]);
    let reasons = assessed("135/75", &resolve(Profile::Simple14090)).unwrap().reasons;
    assert_eq!(names(&reasons), "systolic_hypertension isolated_systolic_hypertension");
}

#[test]
fn a_patient_may_have_limits_of_their_own() {
    let pseudonym =
        with_reading("120/80", |reading| PseudonymKey::new(&[7; 32]).pseudonym(&reading.patient.identity));
    let patient = PatientThresholds {
        patient: pseudonym.clone(),
        hypotension: Some(limits(80, 0)),
        ..PatientThresholds::default()
    };
    let settings = ThresholdSettings {
        stage2: Some(limits(150, 0)),
        per_patient: vec![patient],
        ..ThresholdSettings::default()
    };
    let thresholds = Thresholds::resolve(&settings).unwrap();
    assert!(thresholds.are_per_patient() && !Thresholds::default().are_per_patient());
    let of = |values: &str, patient| {
        with_reading(values, |reading| assess(reading, &thresholds, patient).unwrap().category.id())
    };
    assert_eq!(of("85/65", None), LOW);
    assert_eq!(of("85/65", Some("another")), LOW);
    assert_eq!(of("85/65", Some(pseudonym.as_str())), NORMAL);
    assert_eq!(of("85/59", Some(pseudonym.as_str())), LOW);
    assert_eq!(of("145/75", Some(pseudonym.as_str())), STAGE1);
}

#[test]
fn limits_that_contradict_each_other_are_named() {
    let errors = |settings: ThresholdSettings| -> Vec<String> {
        let errors = Thresholds::resolve(&settings).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    };
    let base = ThresholdSettings::default;
    assert_eq!(errors(ThresholdSettings { stage2: Some(limits(180, 0)), ..base() }), [""; 0]);
    assert_eq!(
        errors(ThresholdSettings { stage2: Some(limits(181, 0)), ..base() }),
        ["spec.thresholds: stage2.systolic (181 mmHg) must be at most crisis.systolic (180 mmHg)"]
    );
    assert_eq!(
        errors(ThresholdSettings { hypotension: Some(limits(120, 0)), ..base() }),
        ["spec.thresholds: hypotension.systolic (120 mmHg) must be below elevated.systolic (120 mmHg)"]
    );
    assert_eq!(
        errors(ThresholdSettings { stage1: Some(limits(85, 85)), ..base() }),
        [
            "spec.thresholds: elevated.systolic (120 mmHg) must be below stage1.systolic (85 mmHg)",
            "spec.thresholds: stage1.diastolic (85 mmHg) must be below stage1.systolic (85 mmHg)",
        ]
    );
    let patient = |crisis| PatientThresholds {
        patient: "p".to_owned(),
        crisis: Some(crisis),
        ..PatientThresholds::default()
    };
    let per_patient = vec![patient(limits(100, 0)), patient(limits(190, 0)), patient(limits(0, 80))];
    assert_eq!(
        errors(ThresholdSettings { per_patient, ..base() }),
        [
            "spec.thresholds.perPatient[0]: stage2.systolic (140 mmHg) must be at most crisis.systolic (100 mmHg)",
            "spec.thresholds.perPatient[0]: crisis.diastolic (120 mmHg) must be below crisis.systolic (100 mmHg)",
            "spec.thresholds.perPatient[2]: stage2.diastolic (90 mmHg) must be at most crisis.diastolic (80 mmHg)",
        ]
    );
}

#[test]
fn settings_are_read_from_a_manifest() {
    let settings: ThresholdSettings = serde_json::from_value(json!({
        "profile": "esc-2024",
        "crisis": {"systolic": 170},
        "perPatient": [{"patient": "p", "hypotension": {"diastolic": 50}}],
        "anomalies": ["hypertension_stage2"],
    }))
    .unwrap();
    let thresholds = Thresholds::resolve(&settings).unwrap();
    assert_eq!(category("170/65", &thresholds), CRISIS);
    assert!(!assessed("185/95", &thresholds).unwrap().is_anomaly);
    assert!(serde_json::from_value::<ThresholdSettings>(json!({"stage3": {}})).is_err());
}

#[test]
fn adult_bands_do_not_apply_under_13_years() {
    let flags = |birth_date: &str| {
        let patient = json!({"resourceType": "Patient", "id": "42", "birthDate": birth_date});
        let seen = read(bundle(&[("", patient.clone()), ("", observation())]).as_bytes());
        let identified = merged(patient, &json!({"identifier": [{"system": "s", "value": "v"}]}));
        let fields = json!({"subject": {"reference": "#42"}, "contained": [identified]});
        assert_eq!(common::read_one(&common::with(&fields)).flags, seen[1].flags);
        assert_eq!(seen[1].outcome, STAGE2);
        seen[1].flags.clone()
    };
    // measured on 2026-03-01
    for (birth_date, expected) in [
        ("2013-03-02", "paediatric"),
        ("2013-03-01", ""),
        ("2020", "paediatric"),
        ("2013", ""),
        ("2013-03", ""),
        ("2013-04", "paediatric"),
        ("1950-01-01", ""),
        ("soon", ""),
        ("", ""),
    ] {
        assert_eq!(flags(birth_date), expected, "{birth_date}");
    }
}

#[test]
fn a_contained_patient_has_the_age_of_the_one_it_is_joined_to() {
    let identifier = json!([{"system": "s", "value": "v"}]);
    let patient =
        |rest| merged(json!({"resourceType": "Patient", "id": "42", "identifier": identifier}), &rest);
    let child = patient(json!({"birthDate": "2020-01-01", "name": [{"text": "A"}]}));
    let fields = json!({"subject": {"reference": "#42"}, "contained": [patient(json!({}))]});
    let seen = read(bundle(&[("", child), ("", merged(observation(), &fields))]).as_bytes());
    assert_eq!((seen[1].flags.as_str(), seen[1].name.as_deref()), ("paediatric", Some("A")));
}
