//! Makes schemars' output the schema we publish: no nulls, no unknown formats, one line a paragraph.

use schemars::{Schema, transform::transform_subschemas};
use serde_json::{Map, Value, json};

/// Tidies a schema and everything below it.
pub(crate) fn tidy(schema: &mut Schema) {
    transform_subschemas(&mut tidy, schema);
    if let Some(object) = schema.as_object_mut() {
        drop_null(object);
        keep_known_format(object);
        unfold_description(object);
    }
}

/// Removes the descriptions below a schema: its own stays, and says where the rest is described.
///
/// The pod overrides repeat types of Kubernetes whose descriptions alone would be most of the definition.
pub(crate) fn terse(schema: &mut Schema) {
    transform_subschemas(&mut |below: &mut Schema| silence(below), schema);
}

fn silence(schema: &mut Schema) {
    schema.remove("description");
    transform_subschemas(&mut silence, schema);
}

/// An absent value is absent: a null is then pruned by the API server, and `has()` in a rule means what it says.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(some) = option_of(object) {
        object.remove("anyOf");
        for (key, value) in some {
            object.entry(key).or_insert(value);
        }
    }
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
}

/// What `Option<T>` is about, where schemars wrote `anyOf: [T, null]`.
fn option_of(object: &Map<String, Value>) -> Option<Map<String, Value>> {
    match object.get("anyOf")?.as_array()?.as_slice() {
        [Value::Object(some), null] if *null == json!({"type": "null"}) => Some(some.clone()),
        _ => None,
    }
}

/// The API server warns about formats it does not know, such as Rust's unsigned ones.
fn keep_known_format(object: &mut Map<String, Value>) {
    let unsigned = |format: &Value| format.as_str().is_some_and(|name| name.starts_with("uint"));
    if object.get("format").is_some_and(unsigned) {
        object.insert("format".to_owned(), json!("int64"));
    }
}

/// `kubectl explain` wraps by itself: a line break inside a paragraph only disturbs it.
fn unfold_description(object: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = object.get_mut("description") {
        let paragraphs: Vec<String> = text.split("\n\n").map(|lines| lines.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}
