//! Observations to read, and what was seen in them.
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use bpmonitor_clinical::{
    DocumentId, Entry, Finding, Profile, PseudonymKey, ReadContext, Reading, Source, Step, ThresholdSettings,
    Thresholds, Version, assess, read_all, read_next,
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The source's base URL where a test says no other.
pub(crate) const BASE: &str = "https://a.example/fhir";
/// The clock.
pub(crate) const NOW: &str = "2026-03-02T00:00:00Z";
/// When the record was written.
pub(crate) const WRITTEN: &str = "2026-03-01T12:00:00Z";

pub(crate) fn source() -> Source {
    Source { base_url: BASE.to_owned(), ..Source::default() }
}

pub(crate) fn context(source: &Source) -> ReadContext<'_> {
    ReadContext { source, now: NOW.parse().unwrap(), record_time: WRITTEN.parse().unwrap() }
}

pub(crate) fn profile(profile: Profile) -> Thresholds {
    Thresholds::resolve(&ThresholdSettings { profile, ..ThresholdSettings::default() }).unwrap()
}

/// What was seen in one entry, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) index: Option<u32>,
    pub(crate) id: Option<String>,
    pub(crate) raw: Vec<u8>,
    /// `<category>`, `withdrawn`, `rejected <reason>` or `skipped <reason>`.
    pub(crate) outcome: String,
    /// `<systolic>/<diastolic>`, with comparators, `-` for a side that is missing.
    pub(crate) values: String,
    pub(crate) flags: String,
    pub(crate) patient: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) effective: Option<Timestamp>,
    pub(crate) version: Option<Version>,
    pub(crate) is_correction: bool,
    pub(crate) document: Option<DocumentId>,
}

/// Reads everything in `input` and assesses it by the default thresholds.
pub(crate) fn read(input: &[u8]) -> Vec<Seen> {
    read_from(input, &source())
}

pub(crate) fn read_from(input: &[u8], source: &Source) -> Vec<Seen> {
    let mut all = Vec::new();
    read_all(input, &context(source), &mut |entry| all.push(see(&entry)));
    all
}

pub(crate) fn outcomes(input: &[u8]) -> Vec<String> {
    read(input).into_iter().map(|seen| seen.outcome).collect()
}

/// Reads the one entry that there is in `input`.
pub(crate) fn read_one(input: &str) -> Seen {
    only(read(input.as_bytes()), input)
}

pub(crate) fn read_one_from(input: &str, source: &Source) -> Seen {
    only(read_from(input.as_bytes(), source), input)
}

fn only(mut all: Vec<Seen>, input: &str) -> Seen {
    assert_eq!(all.len(), 1, "one entry in {input}");
    all.remove(0)
}

pub(crate) fn see(entry: &Entry<'_>) -> Seen {
    let seen = Seen {
        index: entry.index,
        id: entry.observation_id.as_deref().map(str::to_owned),
        raw: entry.raw.to_vec(),
        ..Seen::default()
    };
    let key = PseudonymKey::new(&[7; 32]);
    match &entry.finding {
        Finding::Reading(reading) => see_reading(reading, DocumentId::of_reading(reading, &key), seen),
        Finding::Withdrawal(withdrawal) => Seen {
            outcome: "withdrawn".to_owned(),
            patient: withdrawal.patient.as_ref().map(|patient| patient.identity.to_string()),
            version: Some(withdrawal.version),
            document: DocumentId::of_withdrawal(withdrawal, &key),
            ..seen
        },
        Finding::Skipped(reason) => Seen { outcome: format!("skipped {}", reason.code()), ..seen },
        Finding::Rejected(reason) => Seen { outcome: format!("rejected {}", reason.code()), ..seen },
    }
}

fn see_reading(reading: &Reading<'_>, document: DocumentId, seen: Seen) -> Seen {
    let outcome = match assess(reading, &Thresholds::default(), None) {
        Ok(assessment) => assessment.category.id().to_owned(),
        Err(reason) => format!("rejected {}", reason.code()),
    };
    Seen {
        outcome,
        values: values(reading),
        flags: names(&reading.flags),
        patient: Some(reading.patient.identity.to_string()),
        name: reading.patient.name.as_deref().map(str::to_owned),
        effective: Some(reading.effective),
        version: Some(reading.version),
        is_correction: reading.is_correction,
        document: Some(document),
        ..seen
    }
}

fn values(reading: &Reading<'_>) -> String {
    use bpmonitor_clinical::Comparator::{Above, AtLeast, AtMost, Below};
    [reading.systolic, reading.diastolic]
        .map(|side| {
            let Some(side) = side else { return "-".to_owned() };
            let comparator = match side.comparator() {
                None => "",
                Some(Below) => "<",
                Some(AtMost) => "<=",
                Some(AtLeast) => ">=",
                Some(Above) => ">",
            };
            format!("{comparator}{side}")
        })
        .join("/")
}

/// A set as the names that serde gives its members, with a space between.
pub(crate) fn names(set: &impl serde::Serialize) -> String {
    let names: Vec<String> = serde_json::from_value(serde_json::to_value(set).unwrap()).unwrap();
    names.join(" ")
}

pub(crate) fn loinc(code: &str) -> Value {
    json!({"coding": [{"system": "http://loinc.org", "code": code}]})
}

/// A component; `rest` is merged into it.
pub(crate) fn component(code: &str, rest: &Value) -> Value {
    merged(json!({"code": loinc(code)}), rest)
}

pub(crate) fn quantity(value: &Value) -> Value {
    json!({"valueQuantity": {"value": value, "unit": "mmHg", "code": "mm[Hg]"}})
}

/// 150/95 of Patient/42.
pub(crate) fn observation() -> Value {
    json!({
        "resourceType": "Observation",
        "id": "bp-1",
        "status": "final",
        "code": loinc("85354-9"),
        "subject": {"reference": "Patient/42"},
        "effectiveDateTime": "2026-03-01T10:20:30Z",
        "component": [component("8480-6", &quantity(&json!(150))), component("8462-4", &quantity(&json!(95)))],
    })
}

/// `base` with the fields of `rest` put over it; null takes one away.
pub(crate) fn merged(mut base: Value, rest: &Value) -> Value {
    for (name, value) in rest.as_object().unwrap() {
        let fields = base.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    base
}

/// [`observation`] with these fields put over it; null takes one away.
pub(crate) fn with(rest: &Value) -> String {
    merged(observation(), rest).to_string()
}

/// [`observation`] with two quantities as they are to stand in the document.
pub(crate) fn with_quantities(systolic: &str, diastolic: &str) -> String {
    let places = json!([
        component("8480-6", &json!({"valueQuantity": "SYSTOLIC"})),
        component("8462-4", &json!({"valueQuantity": "DIASTOLIC"})),
    ]);
    let text = with(&json!({"component": places}));
    text.replace("\"SYSTOLIC\"", systolic).replace("\"DIASTOLIC\"", diastolic)
}

/// [`observation`] with two values in mmHg as they are to stand in the document, such as `120.0` or `>180`.
pub(crate) fn with_values(systolic: &str, diastolic: &str) -> String {
    let quantity = |value: &str| match value.trim_start_matches(['<', '>', '=']) {
        "-" => "null".to_owned(),
        number => {
            let comparator = value.strip_suffix(number).unwrap();
            let comparator = if comparator.is_empty() { json!(null) } else { json!(comparator) };
            format!(r#"{{"value":{number},"comparator":{comparator},"code":"mm[Hg]"}}"#)
        }
    };
    with_quantities(&quantity(systolic), &quantity(diastolic))
}

/// A Bundle of resources, each with its `fullUrl`; without one where that is empty.
pub(crate) fn bundle(entries: &[(&str, Value)]) -> String {
    let entry = |(url, resource): &(&str, Value)| {
        let entry = json!({"resource": resource});
        if url.is_empty() { entry } else { merged(entry, &json!({"fullUrl": url})) }
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries}).to_string()
}

/// Reads as a caller does whose buffer holds `first` bytes and then grows by `growth` bytes whenever it must; every byte
/// and line end is accounted for. Says also how many line ends there were.
pub(crate) fn read_incrementally(input: &[u8], first: usize, growth: usize) -> (Vec<Seen>, usize) {
    let source = source();
    let (mut seen, mut start, mut end, mut line_ends) = (Vec::new(), 0, first.min(input.len()), 0);
    while start < input.len() {
        let at_end = end == input.len();
        let mut visit = |entry: Entry<'_>| seen.push(see(&entry));
        match read_next(&input[start..end], at_end, &context(&source), &mut visit) {
            Step::Advanced { bytes, lines } => {
                assert!(bytes > 0 && start + bytes <= end, "a step advances within its buffer");
                assert_eq!(lines, memchr::memchr_iter(b'\n', &input[start..start + bytes]).count());
                start += bytes;
                line_ends += lines;
            }
            Step::NeedMore => {
                assert!(!at_end, "there is no more");
                end = (end + growth).min(input.len());
            }
        }
        end = end.max((start + 1).min(input.len()));
    }
    (seen, line_ends)
}
