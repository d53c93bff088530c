//! Imports, and looking for saved objects.

use serde_json::{Value, json};

use super::answers::Answered;
use super::state::State;
use crate::contract::breaches;

/// Takes all lines or none. What it does not take is answered with 200 all the same.
pub(super) fn import(state: &mut State, space: &str, ndjson: &str) -> Answered {
    let objects: Vec<Value> = ndjson.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut errors: Vec<_> = breaches(ndjson, &state.mapping)
        .into_iter()
        .map(|breach| json!({"type": "unknown", "id": breach, "meta": {}, "error": {"type": "unknown", "message": breach}}))
        .collect();
    // An id is one of all spaces; Kibana would give it another one, and every reference would miss it.
    errors.extend(objects.iter().filter(|object| state.is_elsewhere(space, object)).map(|object| {
        json!({"type": object["type"], "id": object["id"], "meta": {}, "error": {"type": "conflict"}})
    }));
    if state.refuses_imports {
        errors.push(
            json!({"type": "dashboard", "id": "x", "meta": {}, "error": {"type": "missing_references"}}),
        );
    }
    if !errors.is_empty() {
        return (200, json!({"success": false, "successCount": 0, "errors": errors, "warnings": []}));
    }
    let count = objects.len();
    for object in objects {
        state.put_object(space, object);
    }
    (200, json!({"success": true, "successCount": count, "successResults": [], "warnings": []}))
}

/// Each that is asked for, or that it is not there.
pub(super) fn bulk_get(state: &State, space: &str, wanted: &Value) -> Answered {
    let found = wanted.as_array().into_iter().flatten().map(|wanted| {
        let [kind, id] = ["type", "id"].map(|key| wanted[key].as_str().unwrap_or_default());
        state.get(space, kind, id).unwrap_or_else(
            || json!({"type": kind, "id": id, "error": {"statusCode": 404, "error": "Not Found"}}),
        )
    });
    (200, json!({"saved_objects": found.collect::<Vec<_>>()}))
}
