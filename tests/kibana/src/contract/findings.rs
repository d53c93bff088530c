//! What was found, and the checks that every part needs.

use serde_json::Value;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<String>);

impl Findings {
    pub(crate) fn add(&mut self, place: &str, what: &str) {
        self.0.push(format!("{place} {what}"));
    }

    pub(crate) fn require(&mut self, holds: bool, place: &str, otherwise: &str) {
        if !holds {
            self.add(place, otherwise);
        }
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.0
    }
}

/// A text of an object; empty where there is none.
pub(crate) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_default()
}

/// An object with all of these keys, perhaps some of those, and no other ones.
pub(crate) fn exact_keys(object: &Value, all: &[&str], some: &[&str], place: &str, findings: &mut Findings) {
    let Some(entries) = object.as_object() else { return findings.add(place, "is no object") };
    for key in all.iter().filter(|key| !entries.contains_key(**key)) {
        findings.add(place, &format!("has no {key}"));
    }
    for key in entries.keys().filter(|key| !all.contains(&key.as_str()) && !some.contains(&key.as_str())) {
        findings.add(place, &format!("has {key}, which is refused"));
    }
}

/// The JSON in a text of an object. Kibana keeps much of what it stores so.
pub(crate) fn json_in(object: &Value, key: &str, place: &str, findings: &mut Findings) -> Value {
    let parsed = object[key].as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.unwrap_or_else(|| {
        findings.add(place, &format!("has no {key} that is JSON in a text"));
        Value::Null
    })
}
