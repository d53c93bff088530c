//! Checks a value against a structural schema, as far as our definition and Kubernetes' metadata use one.

use serde_json::{Map, Value, json};

use super::{
    ManifestError,
    wording::{allowed, shown, unknown_field},
};

/// Brings a value into the form that the API server works on: no nulls, whole numbers whole, others with decimals.
pub(super) fn normalise(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            for (name, field) in fields {
                if let Some(schema) = schema_of_field(schema, name) {
                    normalise(schema, field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| normalise(&schema["items"], item)),
        Value::Number(number) => {
            let kind = schema["type"].as_str();
            if kind == Some("number") {
                *value = json!(number.as_f64());
            } else if kind == Some("integer")
                && let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(as_whole)
            {
                *value = json!(whole);
            }
        }
        _ => {}
    }
}

/// `5.0` as 5, within what both can hold exactly.
fn as_whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

/// Every place where a value does not have the schema's structure.
pub(super) fn mistakes(schema: &Value, value: &Value) -> Vec<ManifestError> {
    let mut found = Vec::new();
    check(schema, value, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<ManifestError>) {
    if !(has_type(schema, value) && is_in_enum(schema, value) && is_in_range(schema, value)) {
        let message = format!("{} is not allowed; {}", shown(value), allowed(schema));
        found.push(ManifestError::new(path, message));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, found),
        Value::Array(items) => check_items(schema, items, path, found),
        _ => {}
    }
}

fn has_type(schema: &Value, value: &Value) -> bool {
    if schema["x-kubernetes-int-or-string"] == true {
        return value.is_string() || value.is_i64();
    }
    match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        _ => true,
    }
}

fn is_in_enum(schema: &Value, value: &Value) -> bool {
    schema["enum"].as_array().is_none_or(|values| values.contains(value))
}

/// Ranges of numbers and lengths of texts.
fn is_in_range(schema: &Value, value: &Value) -> bool {
    if let Some(number) = value.as_f64() {
        let exclusive = schema["exclusiveMinimum"] == true;
        let above = |least: f64| number > least || (number >= least && !exclusive);
        return schema["minimum"].as_f64().is_none_or(above)
            && schema["maximum"].as_f64().is_none_or(|most| number <= most);
    }
    value.as_str().is_none_or(|text| is_count_in(schema, "Length", text.chars().count()))
}

/// Whether a count is between the schema's `min<what>` and `max<what>`.
fn is_count_in(schema: &Value, what: &str, count: usize) -> bool {
    let count = count as u64;
    schema[format!("min{what}")].as_u64().is_none_or(|least| count >= least)
        && schema[format!("max{what}")].as_u64().is_none_or(|most| count <= most)
}

fn check_fields(schema: &Value, fields: &Map<String, Value>, path: &str, found: &mut Vec<ManifestError>) {
    for (name, field) in fields {
        let path = below(path, name);
        match schema_of_field(schema, name) {
            Some(schema) => check(schema, field, &path, found),
            None if is_free(schema) => {}
            None => found.push(ManifestError::new(path, unknown_field(name, schema))),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in required.filter(|name| !fields.contains_key(*name)) {
        let wanted = schema_of_field(schema, name).map(allowed).unwrap_or_default();
        found.push(ManifestError::new(below(path, name), format!("is missing; {wanted}")));
    }
}

fn schema_of_field<'a>(schema: &'a Value, name: &str) -> Option<&'a Value> {
    let declared = schema["properties"].get(name);
    declared.or_else(|| schema.get("additionalProperties").filter(|others| others.is_object()))
}

/// Whether an object may have any fields.
fn is_free(schema: &Value) -> bool {
    schema["x-kubernetes-preserve-unknown-fields"] == true || schema.get("properties").is_none()
}

fn check_items(schema: &Value, items: &[Value], path: &str, found: &mut Vec<ManifestError>) {
    if !is_count_in(schema, "Items", items.len()) {
        let message = format!("{} entries are not allowed; {}", items.len(), allowed(schema));
        found.push(ManifestError::new(path, message));
    }
    let mut keys = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        check(&schema["items"], item, &path, found);
        let Some(key) = key_of(schema, item) else { continue };
        if keys.contains(&key) {
            let shown = key.into_iter().map(shown).collect::<Vec<_>>().join(", ");
            found.push(ManifestError::new(path, format!("{shown} is there already; every entry once")));
        } else {
            keys.push(key);
        }
    }
}

/// What tells an entry of a list apart from the others, where something must.
fn key_of<'a>(schema: &Value, item: &'a Value) -> Option<Vec<&'a Value>> {
    match schema["x-kubernetes-list-type"].as_str()? {
        "set" => Some(vec![item]),
        "map" => {
            let names = schema["x-kubernetes-list-map-keys"].as_array()?;
            names.iter().map(|name| item.get(name.as_str()?)).collect()
        }
        _ => None,
    }
}

/// The path of a field; a name that is no plain word is quoted.
fn below(path: &str, name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '-');
    match (path, plain) {
        (_, false) => format!("{path}[{name:?}]"),
        ("", true) => name.to_owned(),
        (_, true) => format!("{path}.{name}"),
    }
}
