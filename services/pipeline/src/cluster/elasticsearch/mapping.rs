//! Compares mappings: what an index is to have with what it has.

use std::fmt;

use serde_json::{Map, Value};

/// Where an index's mapping is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingDifference {
    /// The field, with dots; empty for the mapping itself.
    pub field: String,
    /// What it is to be; none where it is not to be there.
    pub expected: Option<String>,
    /// What it is; none where it is missing.
    pub actual: Option<String>,
}

impl fmt::Display for MappingDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |setting: &Option<String>| setting.clone().unwrap_or_else(|| "missing".to_owned());
        let field = if self.field.is_empty() { "the mapping" } else { &self.field };
        write!(formatter, "{field} is {}, but is to be {}", what(&self.actual), what(&self.expected))
    }
}

/// Every field that `expected` has and `actual` has not, or differently. Further fields of `actual` do no harm.
pub fn differences(expected: &Value, actual: &Value) -> Vec<MappingDifference> {
    let mut found = Vec::new();
    let (dynamic, is) = (text(expected.get("dynamic")), text(actual.get("dynamic")));
    if dynamic.is_some() && dynamic != is {
        let setting = |dynamic: Option<String>| dynamic.map(|dynamic| format!("dynamic: {dynamic}"));
        found.push(MappingDifference {
            field: String::new(),
            expected: setting(dynamic),
            actual: setting(is),
        });
    }
    compare("", expected, actual, &mut found);
    found
}

fn compare(prefix: &str, expected: &Value, actual: &Value, found: &mut Vec<MappingDifference>) {
    for below in ["properties", "fields"] {
        let Some(Value::Object(fields)) = expected.get(below) else { continue };
        for (name, wanted) in fields {
            let field = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let is = actual.get(below).and_then(|fields| fields.get(name));
            let (expected, actual) = (Some(settings(wanted)), is.map(settings));
            if expected != actual {
                found.push(MappingDifference { field: field.clone(), expected, actual });
            }
            compare(&field, wanted, is.unwrap_or(&Value::Null), found);
        }
    }
}

/// A field's own settings. Elasticsearch leaves out that an object is one.
fn settings(field: &Value) -> String {
    let Value::Object(all) = field else { return field.to_string() };
    let is_object = all.contains_key("properties") || all.contains_key("enabled");
    let is_own = |name: &str, value: &Value| match name {
        "properties" | "fields" => false,
        "type" => !is_object || value != "object",
        _ => true,
    };
    let own = all.iter().filter(|(name, value)| is_own(name, value));
    let own: Map<_, _> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    match own.get("type") {
        Some(Value::String(kind)) if own.len() == 1 => kind.clone(),
        _ if own.is_empty() => "an object".to_owned(),
        _ => Value::Object(own).to_string(),
    }
}

/// Elasticsearch gives settings as text, whatever they were given as.
fn text(setting: Option<&Value>) -> Option<String> {
    match setting? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The mappings in the answer to `GET INDEX/_mapping`, where there is one index; null otherwise.
pub(super) fn of_only_index(answer: &Value) -> Value {
    let indices = answer.as_object().filter(|indices| indices.len() == 1);
    let only = indices.and_then(|indices| indices.values().next());
    only.and_then(|index| index.get("mappings")).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_fields() {
        let expected = json!({"dynamic": "strict", "properties": {
            "a": {"type": "keyword", "ignore_above": 10}, "b": {"type": "date"},
            "c": {"type": "object", "properties": {"d": {"type": "long"}}}, "e": {"type": "object", "enabled": false},
            "f": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}});
        let same = json!({"dynamic": "strict", "_meta": {}, "properties": {
            "a": {"ignore_above": 10, "type": "keyword"}, "b": {"type": "date"}, "further": {"type": "long"},
            "c": {"properties": {"d": {"type": "long"}}}, "e": {"type": "object", "enabled": false},
            "f": {"type": "text", "fields": {"keyword": {"type": "keyword"}}}}});
        assert_eq!(differences(&expected, &same), []);
        let other = json!({"dynamic": "true", "properties": {
            "a": {"type": "keyword", "ignore_above": 20}, "c": {"properties": {}}, "e": {"type": "object", "enabled": false},
            "f": {"type": "text"}}});
        let fields: Vec<_> =
            differences(&expected, &other).into_iter().map(|difference| difference.field).collect();
        assert_eq!(fields, ["", "a", "b", "c.d", "f.keyword"]);
        let missing = &differences(&expected, &other)[2];
        assert_eq!(missing.to_string(), "b is missing, but is to be date");
        assert_eq!(differences(&expected, &Value::Null).len(), 8);
    }

    #[test]
    fn the_mappings_of_two_indices_are_none() {
        assert_eq!(of_only_index(&json!({"a": {"mappings": {"x": 1}}})), json!({"x": 1}));
        assert_eq!(of_only_index(&json!({"a": {"mappings": {}}, "b": {"mappings": {}}})), Value::Null);
    }
}
