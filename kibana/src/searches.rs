//! Saved searches: tables of single readings, the latest first.

use serde_json::json;

use crate::object::kuery;
use crate::{Field, Kind, SavedObject, Ward, data_view, ids};

/// The critical ones.
pub(crate) const CRITICAL: &str = "critical-readings";
/// All of them.
pub(crate) const READINGS: &str = "readings";
/// What is critical.
pub(crate) const IS_CRITICAL: &str = "severity : \"critical\"";

/// By what a saved search names its data view.
const DATA_VIEW: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

/// All of them.
pub(crate) fn all(ward: &Ward) -> [SavedObject; 2] {
    let critical = [Field::Patient, Field::Systolic, Field::Diastolic, Field::Reasons];
    let readings = [
        Field::Patient,
        Field::Systolic,
        Field::Diastolic,
        Field::Category,
        Field::Severity,
        Field::Reasons,
        Field::Flags,
    ];
    [
        search(ward, CRITICAL, "Critical readings", IS_CRITICAL, &critical),
        search(ward, READINGS, "Anomalous readings", "", &readings),
    ]
}

/// The id of one.
pub(crate) fn id(ward: &Ward, what: &str) -> String {
    ids::object(ward, what)
}

fn search(ward: &Ward, what: &str, title: &str, query: &str, columns: &[Field]) -> SavedObject {
    let source = json!({"query": kuery(query), "filter": [], "indexRefName": DATA_VIEW});
    SavedObject {
        kind: Kind::Search,
        id: id(ward, what),
        attributes: json!({
            "title": format!("{title} of {}", ward.label()),
            "description": "Only anomalous readings are indexed; what was withdrawn is hidden.",
            "columns": columns.iter().map(|field| field.name()).collect::<Vec<_>>(),
            "sort": [[Field::Timestamp.name(), "desc"]],
            "grid": {},
            "hideChart": false,
            "isTextBasedQuery": false,
            "rowsPerPage": 10,
            "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
        }),
        references: vec![data_view::reference(ward, DATA_VIEW)],
    }
}
