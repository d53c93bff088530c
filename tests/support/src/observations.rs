//! FHIR to be read: Observations, Bundles, NDJSON.

use std::fmt::{Display, Write};

use serde_json::{Value, json};

/// What never may show in a message.
pub const CANARY: &str = "CANARY-PHI-7F3A";

fn component(code: &str, value: f64) -> Value {
    let quantity =
        json!({"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"});
    json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": quantity})
}

/// The two components of a blood pressure.
pub fn components(systolic: impl Into<f64>, diastolic: impl Into<f64>) -> Value {
    json!([component("8480-6", systolic.into()), component("8462-4", diastolic.into())])
}

/// A blood pressure of a patient, in its first version.
pub fn observation(id: &str, patient: &str, systolic: impl Into<f64>, diastolic: impl Into<f64>) -> Value {
    json!({
        "resourceType": "Observation",
        "id": id,
        "meta": {"lastUpdated": "2024-03-01T08:00:00Z"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "subject": {"reference": format!("Patient/{patient}")},
        "effectiveDateTime": "2024-03-01T08:00:00Z",
        "component": components(systolic, diastolic),
    })
}

/// The same with other fields; those that are null are taken out.
pub fn with(mut resource: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            resource.as_object_mut().expect("a resource is an object").remove(name);
        } else {
            resource[name] = value.clone();
        }
    }
    resource
}

/// The same at another time of measurement.
pub fn at(resource: Value, time: &str) -> Value {
    with(resource, &json!({"effectiveDateTime": time}))
}

/// The same as it is at a later time, with another status.
pub fn updated(resource: Value, last_updated: &str, status: &str) -> Value {
    with(resource, &json!({"meta": {"lastUpdated": last_updated}, "status": status}))
}

/// An Observation that takes one back.
pub fn withdrawal(id: &str, last_updated: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "meta": {"lastUpdated": last_updated}, "status": "entered-in-error",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    })
}

/// One resource a line.
pub fn lines<T: Display>(resources: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for resource in resources {
        writeln!(text, "{resource}").expect("a String takes everything");
    }
    text
}

/// A Bundle of these.
pub fn bundle(resources: &[Value]) -> Value {
    let entry = |resource| json!({"resource": resource});
    json!({"resourceType": "Bundle", "type": "collection", "entry": resources.iter().map(entry).collect::<Vec<_>>()})
}

/// A Bundle of these, each with a full URL.
pub fn bundle_with_urls(entries: &[(&str, Value)]) -> Value {
    let entry = |(url, resource): &(&str, Value)| json!({"fullUrl": url, "resource": resource});
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries.iter().map(entry).collect::<Vec<_>>()})
}
