//! Saved searches.

use serde_json::{Value, json};

use super::findings::{Findings, exact_keys, json_in, text};
use super::queries::{check_filters, check_query};
use super::{World, reference};

/// By what a saved search names its data view.
const DATA_VIEW: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

pub(super) fn check(object: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let attributes = &object["attributes"];
    let all = ["title", "columns", "sort", "grid", "hideChart", "isTextBasedQuery", "kibanaSavedObjectMeta"];
    let some = [
        "description",
        "rowHeight",
        "rowsPerPage",
        "timeRestore",
        "timeRange",
        "refreshInterval",
        "viewMode",
    ];
    exact_keys(attributes, &all, &some, place, findings);
    findings.require(!text(attributes, "title").is_empty(), place, "has an empty title");
    findings.require(attributes["grid"] == json!({}), place, "has a grid");
    findings.require(attributes["hideChart"] == false, place, "hides its chart");
    findings.require(attributes["isTextBasedQuery"] == false, place, "is in another language");
    findings.require(attributes["sort"] == json!([["@timestamp", "desc"]]), place, "is not sorted by time");
    let Some(columns) = attributes["columns"].as_array().filter(|columns| !columns.is_empty()) else {
        return findings.add(place, "has no columns");
    };
    for column in columns {
        let known = column.as_str().is_some_and(|column| world.field(column).is_some());
        findings.require(known, place, "has a column that is no field of the index");
    }
    check_source(object, world, place, findings);
}

fn check_source(object: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let source = json_in(&object["attributes"]["kibanaSavedObjectMeta"], "searchSourceJSON", place, findings);
    exact_keys(&source, &["query", "filter", "indexRefName"], &[], place, findings);
    findings.require(
        source["indexRefName"] == DATA_VIEW,
        place,
        "names its data view otherwise than Kibana does",
    );
    let is_there = reference(object, DATA_VIEW).is_some_and(|reference| reference["type"] == "index-pattern");
    findings.require(is_there, place, "has no reference to its data view");
    check_query(&source["query"], world, place, findings);
    check_filters(&source["filter"], &[DATA_VIEW], place, findings);
}
