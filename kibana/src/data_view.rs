//! The data view: which index panels read, and how its numbers look.

use serde_json::{Map, Value, json};

use crate::{Field, Kind, Reference, SavedObject, Ward, ids};

/// The data view of a ward. It may be there before its index is.
pub(crate) fn data_view(ward: &Ward) -> SavedObject {
    SavedObject {
        kind: Kind::DataView,
        id: id(ward),
        attributes: json!({
            "title": ward.alias(),
            "name": format!("Anomalous blood pressures of {}", ward.label()),
            "timeFieldName": Field::Timestamp.name(),
            "allowNoIndex": true,
            "fieldFormatMap": formats().to_string(),
            "fieldAttrs": "{}",
            "runtimeFieldMap": "{}",
            "sourceFilters": "[]",
            "fields": "[]",
            "typeMeta": "{}",
        }),
        references: Vec::new(),
    }
}

/// A reference to it by this name.
pub(crate) fn reference(ward: &Ward, name: impl Into<String>) -> Reference {
    Reference { name: name.into(), kind: Kind::DataView, id: id(ward) }
}

fn id(ward: &Ward) -> String {
    ids::object(ward, "anomalies")
}

/// Pressures with at most one decimal.
fn formats() -> Value {
    let pressures = Field::ALL.into_iter().filter(|field| field.kind() == "double");
    let format = json!({"id": "number", "params": {"pattern": "0,0.[0]"}});
    Value::Object(pressures.map(|field| (field.name().to_owned(), format.clone())).collect::<Map<_, _>>())
}
