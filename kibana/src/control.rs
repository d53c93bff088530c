//! Controls above a dashboard: lists of values from which people choose.

use serde_json::{Map, Value, json};

use crate::Field;

/// A group of one list of the values of a field.
pub(crate) fn options_list(field: Field, title: &str) -> Value {
    let id = id(field);
    let panel = json!({
        "type": "optionsListControl",
        "order": 0,
        "width": "large",
        "grow": true,
        "explicitInput": {
            "id": id, "fieldName": field.name(), "title": title, "selectedOptions": [], "enhancements": {},
        },
    });
    let settings = json!({
        "ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false, "ignoreValidations": false,
    });
    json!({
        "controlStyle": "oneLine",
        "chainingSystem": "HIERARCHICAL",
        "panelsJSON": Value::Object(Map::from_iter([(id, panel)])).to_string(),
        "ignoreParentSettingsJSON": settings.to_string(),
    })
}

/// By what a dashboard names the data view of such a list.
pub(crate) fn reference(field: Field) -> String {
    format!("controlGroup_{}:optionsListDataView", id(field))
}

fn id(field: Field) -> String {
    format!("{}-list", field.name())
}
