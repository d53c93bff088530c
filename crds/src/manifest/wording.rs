//! How mistakes are told: what is there, what is allowed, and what was probably meant.

use serde_json::Value;

/// The longest piece of a manifest that is repeated in a message, in characters.
const SHOWN: usize = 60;

/// The most fields that are listed where a mapping is wanted.
const LISTED: usize = 12;

/// A value as it is repeated in a message.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a mapping".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        scalar => {
            let text = scalar.to_string();
            match text.char_indices().nth(SHOWN) {
                Some((end, _)) => format!("{}...", &text[..end]),
                None => text,
            }
        }
    }
}

/// What a schema allows.
pub(super) fn allowed(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return one_of(values);
    }
    match schema["type"].as_str() {
        Some("boolean") => "true or false".to_owned(),
        Some("integer") => format!("a whole number{}", range(schema)),
        Some("number") => format!("a number{}", range(schema)),
        Some("string") => format!("text{}{}", counted(schema, "Length", "characters"), form(schema)),
        Some("array") => format!("a list{}", counted(schema, "Items", "entries")),
        Some("object") => format!("a mapping{}", fields(schema)),
        _ => "a whole number, or text such as 500m".to_owned(),
    }
}

fn one_of(values: &[Value]) -> String {
    let names: Vec<_> =
        values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
    match names.as_slice() {
        [only] => format!("only {only}"),
        _ => format!("one of {}", names.join(", ")),
    }
}

fn range(schema: &Value) -> String {
    let exclusive = schema["exclusiveMinimum"] == true;
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(least), Some(most)) if exclusive => format!(" above {least} and at most {most}"),
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) if exclusive => format!(" above {least}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    }
}

fn counted(schema: &Value, what: &str, unit: &str) -> String {
    let least = schema[format!("min{what}")].as_u64().filter(|least| *least > 0);
    match (least, schema[format!("max{what}")].as_u64()) {
        (Some(least), Some(most)) => format!(" of {least} to {most} {unit}"),
        (Some(1), None) => " that is not empty".to_owned(),
        (Some(least), None) => format!(" of at least {least} {unit}"),
        (None, Some(most)) => format!(" of at most {most} {unit}"),
        (None, None) => String::new(),
    }
}

/// What the rules on a text want of it; a value that is no text never comes to them.
fn form(schema: &Value) -> String {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let wanted =
        rules.filter_map(|rule| rule["message"].as_str()).find(|message| message.starts_with("must be"));
    wanted.map(|wanted| format!("; it {wanted}")).unwrap_or_default()
}

fn fields(schema: &Value) -> String {
    match field_names(schema).as_slice() {
        names if names.is_empty() || names.len() > LISTED => String::new(),
        names => format!(" of {}", names.join(", ")),
    }
}

fn field_names(schema: &Value) -> Vec<&str> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// What to say of a field that the schema does not have.
pub(super) fn unknown_field(name: &str, schema: &Value) -> String {
    let known = field_names(schema);
    let nearest = known.iter().min_by_key(|known| distance(name, known));
    match nearest {
        Some(meant) if distance(name, meant) <= name.chars().count().div_ceil(3) => {
            format!("there is no such field; did you mean {meant}?")
        }
        _ => format!("there is no such field; allowed here: {}", known.join(", ")),
    }
}

/// How many letters have to be added, removed or replaced, whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, against) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(letter != against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_changed_letters() {
        for (one, other, expected) in [
            ("count", "count", 0),
            ("Count", "count", 0),
            ("cuont", "count", 2),
            ("", "ab", 2),
            ("kafka", "kafak", 2),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
