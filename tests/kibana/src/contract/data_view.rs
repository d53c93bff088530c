//! Data views.

use serde_json::Value;

use super::World;
use super::findings::{Findings, exact_keys, json_in, text};

/// What is JSON in a text.
const IN_TEXT: [&str; 6] =
    ["fieldFormatMap", "fieldAttrs", "runtimeFieldMap", "sourceFilters", "fields", "typeMeta"];

pub(super) fn check(object: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let attributes = &object["attributes"];
    exact_keys(attributes, &["title", "name", "timeFieldName", "allowNoIndex"], &IN_TEXT, place, findings);
    for key in ["title", "name"] {
        findings.require(!text(attributes, key).is_empty(), place, &format!("has an empty {key}"));
    }
    findings.require(
        attributes["allowNoIndex"].is_boolean(),
        place,
        "has an allowNoIndex that is no boolean",
    );
    let is_time = world.field(text(attributes, "timeFieldName")) == Some("date");
    findings.require(is_time, place, "has a time that is no date of the index");
    for key in IN_TEXT.iter().filter(|key| !attributes[**key].is_null()) {
        let inner = json_in(attributes, key, place, findings);
        let of_fields = inner.as_object().into_iter().flatten();
        for (field, _) in of_fields {
            findings.require(
                world.field(field).is_some(),
                place,
                &format!("speaks in {key} of {field}, which is no field"),
            );
        }
    }
}
