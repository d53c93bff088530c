//! FHIR to be read: Observations, Bundles, NDJSON.

use std::fmt::{Display, Write};

use serde_json::{Value, json};

fn component(code: &str, value: f64) -> Value {
    let quantity =
        json!({"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"});
    json!({"code": {"coding": [{"system": "http://loinc.org", "code": code}]}, "valueQuantity": quantity})
}

/// The two components of a blood pressure.
pub(crate) fn components(systolic: impl Into<f64>, diastolic: impl Into<f64>) -> Value {
    json!([component("8480-6", systolic.into()), component("8462-4", diastolic.into())])
}

/// A blood pressure of a patient, in its first version.
pub(crate) fn observation(
    id: &str,
    patient: &str,
    systolic: impl Into<f64>,
    diastolic: impl Into<f64>,
) -> Value {
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
pub(crate) fn with(mut resource: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            resource.as_object_mut().unwrap().remove(name);
        } else {
            resource[name] = value.clone();
        }
    }
    resource
}

/// The same as it is at another time, with another status.
pub(crate) fn updated(resource: Value, last_updated: &str, status: &str) -> Value {
    with(resource, &json!({"meta": {"lastUpdated": last_updated}, "status": status}))
}

/// An Observation that takes one back, and says no more.
pub(crate) fn withdrawal(id: &str, last_updated: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "meta": {"lastUpdated": last_updated}, "status": "entered-in-error",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
    })
}

/// One resource a line.
pub(crate) fn lines<T: Display>(resources: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for resource in resources {
        writeln!(text, "{resource}").unwrap();
    }
    text
}

/// A Bundle of these.
pub(crate) fn bundle(resources: &[Value]) -> Value {
    let entry = |resource| json!({"resource": resource});
    json!({"resourceType": "Bundle", "type": "collection", "entry": resources.iter().map(entry).collect::<Vec<_>>()})
}
