//! What holds for every input: properties of reading and of assessing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::cmp::Ordering;

use bpmonitor_clinical::{
    Assessment, Category, Finding, Profile, Reading, Source, Thresholds, assess, read_all,
};
use common::{
    Seen, component, context, loinc, outcomes, profile, read, read_incrementally, source, with_values,
};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// So many cases, unless `PROPTEST_CASES` says otherwise.
fn cases(number: u32) -> ProptestConfig {
    let is_set = std::env::var_os("PROPTEST_CASES").is_some();
    if is_set { ProptestConfig::default() } else { ProptestConfig::with_cases(number) }
}

fn first_reading<T>(text: &str, use_it: impl Fn(&Reading<'_>) -> T) -> Option<T> {
    let (source, mut found) = (source(), None);
    read_all(text.as_bytes(), &context(&source), &mut |entry| {
        if let Finding::Reading(reading) = &entry.finding {
            found = Some(use_it(reading));
        }
    });
    found
}

fn assessment(systolic: Decimal, diastolic: Decimal, thresholds: &Thresholds) -> Assessment {
    let text = with_values(&systolic.to_string(), &diastolic.to_string());
    first_reading(&text, |reading| assess(reading, thresholds, None).unwrap()).unwrap()
}

// --- categories ---

fn profiles() -> impl Strategy<Value = Profile> {
    select(vec![Profile::Aha2017, Profile::Esc2024, Profile::Simple14090])
}

/// A decimal from `lowest` to `highest`, as often as not on or right beside a limit.
fn pressure(lowest: i64, highest: i64) -> impl Strategy<Value = Decimal> {
    let anything = (lowest * 1000..=highest * 1000).prop_map(|thousandths| Decimal::new(thousandths, 3));
    let near_tens = (lowest / 10..=highest / 10, -1_i64..=1, 0_u32..=24);
    let near_a_limit =
        near_tens.prop_map(|(tens, step, scale)| Decimal::from(tens * 10) + Decimal::new(step, scale));
    let bounds = (Decimal::from(lowest), Decimal::from(highest));
    prop_oneof![anything, near_a_limit].prop_map(move |value| value.clamp(bounds.0, bounds.1))
}

fn plausible_pair() -> impl Strategy<Value = (Decimal, Decimal)> {
    (pressure(40, 300), pressure(20, 200)).prop_map(|(s, d)| match d.cmp(&s) {
        Ordering::Less => (s, d),
        Ordering::Equal => (s, Decimal::from(20)),
        Ordering::Greater => (d, s),
    })
}

/// The page's table, once more.
fn by_the_table(profile: Profile, s: Decimal, d: Decimal) -> Category {
    let n = Decimal::from;
    let is_low = s < n(90) || d < n(60);
    let low_or_normal = if is_low { Category::Hypotension } else { Category::Normal };
    match profile {
        Profile::Aha2017 => {
            if s > n(180) || d > n(120) {
                Category::HypertensiveCrisis
            } else if s >= n(140) || d >= n(90) {
                Category::HypertensionStage2
            } else if s >= n(130) || d >= n(80) {
                Category::HypertensionStage1
            } else if s >= n(120) {
                Category::Elevated
            } else {
                low_or_normal
            }
        }
        Profile::Esc2024 => {
            if s >= n(180) || d >= n(110) {
                Category::HypertensiveCrisis
            } else if s >= n(140) || d >= n(90) {
                Category::HypertensionStage2
            } else if s >= n(120) || d >= n(70) {
                Category::Elevated
            } else {
                low_or_normal
            }
        }
        Profile::Simple14090 => {
            if s > n(180) || d > n(120) {
                Category::HypertensiveCrisis
            } else if s > n(140) || d > n(90) {
                Category::HypertensionStage2
            } else {
                low_or_normal
            }
        }
    }
}

/// 0 for what is not hypertensive, else the larger the more severe.
fn hypertensive_rank(category: Category) -> usize {
    let order = [
        Category::Elevated,
        Category::HypertensionStage1,
        Category::HypertensionStage2,
        Category::HypertensiveCrisis,
    ];
    order.iter().position(|at| *at == category).map_or(0, |at| at + 1)
}

proptest! {
    #![proptest_config(cases(8_000))]

    #[test]
    fn every_plausible_pair_has_the_category_of_the_table((s, d) in plausible_pair(), with in profiles()) {
        let found = assessment(s, d, &profile(with));
        let expected = by_the_table(with, s, d);
        prop_assert_eq!(found.category, expected, "{}/{}", s, d);
        prop_assert_eq!(found.anomalies.contains(Category::Hypotension), s < Decimal::from(90) || d < Decimal::from(60));
        prop_assert_eq!(found.anomalies.contains(expected), expected != Category::Normal);
        prop_assert_eq!(found.anomalies.contains(Category::Normal), false);
        prop_assert_eq!(found.pulse_pressure, Some(s - d));
    }

    #[test]
    fn a_higher_pressure_is_never_milder((s, d) in plausible_pair(), (s2, d2) in plausible_pair(), with in profiles()) {
        let thresholds = profile(with);
        let rank = |s, d| hypertensive_rank(assessment(s, d, &thresholds).category);
        prop_assert!(rank(s.max(s2), d) >= rank(s, d), "systolic {} -> {}, diastolic {}", s, s2, d);
        let higher = d.max(d2);
        if higher < s {
            prop_assert!(rank(s, higher) >= rank(s, d), "diastolic {} -> {}, systolic {}", d, d2, s);
        }
    }
}

// --- decimals ---

/// A JSON number below 10^`digits`, and how it is written.
fn number() -> impl Strategy<Value = String> {
    let fraction = vec(0_u8..10, 0..25)
        .prop_map(|digits| digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>());
    (40_i64..300, fraction, -3_i32..4).prop_map(|(whole, fraction, exponent)| {
        let plain = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
        if exponent == 0 { plain } else { shifted(&plain, exponent) }
    })
}

/// The same number, written with an exponent.
fn shifted(plain: &str, exponent: i32) -> String {
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let digits = format!("{whole}{fraction}");
    let point = i32::try_from(whole.len()).unwrap() - exponent;
    let mantissa = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => digits.clone() + &"0".repeat(point - digits.len()),
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => format!("0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap())),
    };
    format!("{mantissa}e{exponent}")
}

/// Whole and fractional digits of a number without an exponent, without the zeros that say nothing.
fn canonical(plain: &str) -> (&str, &str) {
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    (whole.trim_start_matches('0'), fraction.trim_end_matches('0'))
}

/// Compares two numbers without exponents by their digits alone.
fn compare_text(one: &str, other: &str) -> Ordering {
    let ((whole, fraction), (other_whole, other_fraction)) = (canonical(one), canonical(other));
    let wholes = whole.len().cmp(&other_whole.len()).then_with(|| whole.cmp(other_whole));
    wholes.then_with(|| fraction.cmp(other_fraction))
}

/// A number with an exponent, written without it.
fn plain(number: &str) -> String {
    let Some((mantissa, exponent)) = number.split_once('e') else { return number.to_owned() };
    let exponent: i32 = exponent.parse().unwrap();
    shifted(mantissa, -exponent).split_once('e').unwrap().0.to_owned()
}

fn systolic(number: &str) -> Option<Decimal> {
    first_reading(&with_values(number, "30"), |reading| reading.systolic.unwrap().mmhg())
}

proptest! {
    #![proptest_config(cases(8_000))]

    #[test]
    fn a_value_is_what_was_written(number in number()) {
        let value = systolic(&number).unwrap();
        let (written, held) = (plain(&number), value.to_string());
        prop_assert_eq!(canonical(&held), canonical(&written), "{}", number);
    }

    #[test]
    fn values_compare_as_their_digits_do(one in number(), other in number()) {
        let (value, other_value) = (systolic(&one).unwrap(), systolic(&other).unwrap());
        prop_assert_eq!(value.cmp(&other_value), compare_text(&plain(&one), &plain(&other)), "{} and {}", one, other);
    }
}

// --- order ---

fn shuffled(value: &Value, order: u64) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", rotated(items.iter().map(|item| shuffled(item, order)), order))
        }
        Value::Object(fields) => {
            let texts =
                fields.iter().map(|(name, field)| format!("{}:{}", json!(name), shuffled(field, order)));
            format!("{{{}}}", rotated(texts, order))
        }
        scalar => scalar.to_string(),
    }
}

/// The texts in one of their orders.
fn rotated(texts: impl Iterator<Item = String>, order: u64) -> String {
    let mut texts: Vec<String> = texts.collect();
    if !texts.is_empty() {
        let by = usize::try_from(order).unwrap_or_default() % texts.len();
        texts.rotate_left(by);
    }
    if order % 2 == 1 {
        texts.reverse();
    }
    texts.join(",")
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_order_matters((s, d) in plausible_pair(), order in 0_u64..5040) {
        let text = with_values(&s.to_string(), &d.to_string());
        let mut tree: Value = serde_json::from_str(&text).unwrap();
        let codings = json!([{"system": "urn:oid:1.2.3", "code": "a"}, {"code": "b"}, loinc("8480-6")["coding"][0]]);
        let other = component("8867-4", &json!({"valueQuantity": {"value": 70}}));
        tree["component"][0]["code"]["coding"] = codings;
        tree["component"][0]["valueQuantity"]["value"] = json!("S");
        tree["component"][1]["valueQuantity"]["value"] = json!("D");
        tree["component"].as_array_mut().unwrap().push(other);
        let reordered = shuffled(&tree, order).replace("\"S\"", &s.to_string()).replace("\"D\"", &d.to_string());
        let without_raw = |text: &str| read(text.as_bytes()).into_iter().map(|seen| Seen { raw: Vec::new(), ..seen }).collect::<Vec<_>>();
        prop_assert_eq!(without_raw(&reordered), without_raw(&text));
    }
}

// --- any input ---

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let token = select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\n",
        "\r\n",
        "\u{feff}",
        " ",
        "null",
        "true",
        "1",
        "-1e9",
        "\"a\"",
        "\"\\ud800\"",
        "\"resourceType\"",
        "\"Observation\"",
        "\"Bundle\"",
        "\"entry\"",
        "\"resource\"",
        "{\"a\":1}",
        "{\"resourceType\":\"Patient\"}",
        "é",
        "\u{0}",
        "\"id\":1e999",
    ]);
    let tokens = vec(token, 0..60).prop_map(|tokens| tokens.concat().into_bytes());
    prop_oneof![tokens, vec(any::<u8>(), 0..200)]
}

/// JSON with FHIR's names and any values under them.
fn fhir_like() -> impl Strategy<Value = Value> {
    let names = vec![
        "resourceType",
        "id",
        "meta",
        "lastUpdated",
        "versionId",
        "status",
        "code",
        "coding",
        "system",
        "text",
        "subject",
        "reference",
        "identifier",
        "type",
        "display",
        "value",
        "unit",
        "comparator",
        "valueQuantity",
        "valueString",
        "dataAbsentReason",
        "component",
        "hasMember",
        "related",
        "contained",
        "entry",
        "fullUrl",
        "resource",
        "effectiveDateTime",
        "effectiveInstant",
        "effectivePeriod",
        "start",
        "end",
        "issued",
        "birthDate",
        "name",
        "given",
        "family",
    ];
    let texts = vec![
        "Observation",
        "Bundle",
        "Patient",
        "final",
        "entered-in-error",
        "amended",
        "http://loinc.org",
        "85354-9",
        "8480-6",
        "8462-4",
        "96607-7",
        "8478-0",
        "Patient/1",
        "#1",
        "1",
        "urn:uuid:1",
        "https://a.example/fhir/Patient/1",
        "mm[Hg]",
        "kPa",
        "<",
        ">",
        "2026-01-01T00:00:00Z",
        "2026",
        "",
        " ",
        "\u{1f600}\n\"",
    ];
    let numbers = select(vec![json!(0), json!(-1), json!(120), json!(16.5), json!(1e300), json!(u64::MAX)]);
    let leaf = prop_oneof![
        6 => select(texts).prop_map(Value::from),
        2 => numbers,
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        let fields = vec((select(names.clone()), inner.clone()), 0..8);
        let object = fields.prop_map(|fields| {
            Value::Object(
                fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect::<Map<_, _>>(),
            )
        });
        prop_oneof![3 => object, 1 => vec(inner, 0..4).prop_map(Value::from)]
    })
}

/// A well-formed Observation or Bundle with `value` put in one place of it.
fn damaged(value: &Value, place: Index) -> Value {
    let observation = common::observation();
    let patient = json!({"resourceType": "Patient", "id": "1", "identifier": [{"system": "s", "value": "v"}], "birthDate": "2020"});
    let mut tree = json!({"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": patient}, {"resource": observation}]});
    let mut places = Vec::new();
    collect_places(&tree, String::new(), &mut places);
    let place = place.get(&places);
    *tree.pointer_mut(place).unwrap() = value.clone();
    tree
}

fn collect_places(value: &Value, path: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                collect_places(field, format!("{path}/{name}"), places);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                collect_places(item, format!("{path}/{at}"), places);
            }
        }
        _ => {}
    }
    places.push(path);
}

/// How many entries a document should have.
fn count_entries(value: &Value) -> usize {
    let Value::Object(fields) = value else { return 1 };
    match (fields.get("resourceType"), fields.get("entry")) {
        (Some(kind), Some(Value::Array(entries))) if kind == "Bundle" && !entries.is_empty() => {
            entries.iter().map(|entry| count_entries(entry.get("resource").unwrap_or(&Value::Null))).sum()
        }
        _ => 1,
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn any_bytes_are_accounted_for(input in any_bytes(), cut in any::<Index>()) {
        let cut = cut.index(input.len() + 1);
        let whole = read(&input);
        prop_assert_eq!(read_incrementally(&input, cut, input.len()).0, whole);
    }

    #[test]
    fn any_fhir_like_json_has_one_outcome_for_each_entry(value in fhir_like(), kind in select(vec!["Observation", "Bundle", "Patient"])) {
        let value = common::merged(json!({"resourceType": kind}), &match value {
            Value::Object(fields) => Value::Object(fields),
            other => json!({"component": other}),
        });
        let found = outcomes(value.to_string().as_bytes());
        prop_assert_eq!(found.len(), count_entries(&value), "{}", value);
        prop_assert!(found.iter().all(|outcome| !outcome.is_empty()));
    }

    #[test]
    fn any_damage_costs_no_entry(value in fhir_like(), place in any::<Index>()) {
        let tree = damaged(&value, place);
        let found = outcomes(tree.to_string().as_bytes());
        prop_assert_eq!(found.len(), count_entries(&tree), "{}", tree);
        let pretty = serde_json::to_string_pretty(&tree).unwrap();
        prop_assert_eq!(outcomes(pretty.as_bytes()), found);
    }
}

/// Lines that are no Observation, none of which ends what another begins.
fn garbage() -> impl Strategy<Value = &'static str> {
    select(vec![
        "x",
        "{",
        "[",
        "{\"a\":",
        "{\"a\":1",
        "[1,",
        "\"a",
        "{}",
        "nul",
        "{\"resourceType\":\"Observation\",\"id\":\"a",
        "{\"a\":\"\\",
    ])
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_line_is_an_entry_whatever_the_others_are(lines in vec(prop_oneof![garbage().prop_map(Some), Just(None)], 0..20)) {
        let line = with_values("150", "95");
        let text: Vec<&str> = lines.iter().map(|garbage| garbage.unwrap_or(&line)).collect();
        let found = outcomes(text.join("\n").as_bytes());
        prop_assert_eq!(found.len(), lines.len());
        for (found, garbage) in found.iter().zip(&lines) {
            prop_assert_eq!(found == "hypertension_stage2", garbage.is_none(), "{}", found);
        }
    }

    #[test]
    fn n_observations_in_any_form_are_n_entries(forms in vec(0_u8..3, 1..6), base_url in "[a-z:/]{0,12}") {
        let observation: Value = serde_json::from_str(&with_values("150", "95")).unwrap();
        let text: String = forms.iter().map(|form| match form {
            0 => observation.to_string() + "\n",
            1 => serde_json::to_string_pretty(&observation).unwrap() + "\r\n",
            _ => serde_json::to_string_pretty(&json!({"resourceType": "Bundle", "entry": [{"resource": observation}]})).unwrap() + "\n\n",
        }).collect();
        let source = Source { base_url, ..source() };
        let found = common::read_from(text.as_bytes(), &source);
        prop_assert_eq!(found.len(), forms.len());
        prop_assert!(found.iter().all(|seen| seen.outcome == "hypertension_stage2" && seen.document == found[0].document));
    }

    #[test]
    fn the_clock_only_decides_on_the_future(ahead in -100_i64..100) {
        let source = source();
        let now: Timestamp = "2026-03-01T10:20:30Z".parse().unwrap();
        let mut clocked = context(&source);
        clocked.now = now - jiff::SignedDuration::from_hours(ahead);
        let mut is_future = None;
        read_all(with_values("150", "95").as_bytes(), &clocked, &mut |entry| is_future = Some(!matches!(entry.finding, Finding::Reading(_))));
        prop_assert_eq!(is_future, Some(ahead > 24));
    }
}
