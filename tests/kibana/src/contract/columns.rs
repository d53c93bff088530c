//! Columns of a layer: each operation with its traits, its field and its parameters.

use serde_json::{Map, Value, json};

use super::World;
use super::findings::{Findings, exact_keys, text};
use super::queries::check_query;

/// Of each operation: the type of what it gives, its scale, whether it groups, and the types of field that it takes.
const OPERATIONS: [(&str, &str, &str, bool, &[&str]); 8] = [
    ("count", "number", "ratio", false, &[]),
    ("unique_count", "number", "ratio", false, &["keyword", "boolean", "double", "long", "integer", "date"]),
    ("average", "number", "ratio", false, &["double", "long", "integer"]),
    ("max", "number", "ratio", false, &["double", "long", "integer"]),
    ("static_value", "number", "ratio", false, &[]),
    ("date_histogram", "date", "interval", true, &["date"]),
    ("terms", "string", "ordinal", true, &["keyword", "boolean"]),
    ("range", "string", "ordinal", true, &["double", "long", "integer"]),
];

pub(super) fn check(
    column: &Value,
    all: &Map<String, Value>,
    world: &World<'_>,
    place: &str,
    findings: &mut Findings,
) {
    let name = text(column, "operationType");
    let Some((_, data, scale, groups, fields)) = OPERATIONS.iter().find(|operation| operation.0 == name)
    else {
        return findings.add(place, "has an operation that is not known here");
    };
    let required = ["label", "customLabel", "operationType", "dataType", "scale", "isBucketed", "params"];
    exact_keys(
        column,
        &required,
        &["sourceField", "references", "filter", "reducedTimeRange"],
        place,
        findings,
    );
    findings.require(!text(column, "label").is_empty(), place, "has an empty label");
    findings.require(column["customLabel"] == true, place, "has a label that Kibana replaces");
    findings.require(column["dataType"] == *data, place, "has another dataType than its operation gives");
    findings.require(column["scale"] == *scale, place, "has another scale than its operation gives");
    findings.require(
        column["isBucketed"] == *groups,
        place,
        "groups, or does not, otherwise than its operation",
    );
    check_source(column, name, fields, world, place, findings);
    check_params(name, &column["params"], all, place, findings);
    if !column["filter"].is_null() {
        findings.require(!groups, place, "groups and has a filter");
        check_query(&column["filter"], world, place, findings);
    }
    if !column["reducedTimeRange"].is_null() {
        let span = text(column, "reducedTimeRange").strip_suffix(['m', 'h', 'd', 'w']);
        let is_span = span.is_some_and(|number| number.parse::<u32>().is_ok());
        findings.require(is_span && !groups, place, "has a reducedTimeRange that is none");
    }
}

fn check_source(
    column: &Value,
    operation: &str,
    fields: &[&str],
    world: &World<'_>,
    place: &str,
    findings: &mut Findings,
) {
    let source = column["sourceField"].as_str();
    let is_right = match operation {
        "count" => source == Some("___records___"),
        "static_value" => source.is_none() && column["references"] == json!([]),
        _ => source.and_then(|source| world.field(source)).is_some_and(|kind| fields.contains(&kind)),
    };
    findings.require(
        is_right,
        place,
        "is of no field of the index, or of one that its operation does not take",
    );
}

fn check_params(
    operation: &str,
    params: &Value,
    all: &Map<String, Value>,
    place: &str,
    findings: &mut Findings,
) {
    match operation {
        "terms" => check_terms(params, all, place, findings),
        "date_histogram" => {
            exact_keys(params, &["interval", "includeEmptyRows", "dropPartials"], &[], place, findings);
        }
        "static_value" => {
            let is_number = params["value"].as_str().is_some_and(|value| value.parse::<f64>().is_ok());
            findings.require(is_number, place, "has no number as a text");
        }
        "range" => check_ranges(params, place, findings),
        "average" | "max" => exact_keys(params, &[], &["format"], place, findings),
        _ => exact_keys(params, &[], &["format", "emptyAsNull"], place, findings),
    }
}

fn check_terms(params: &Value, all: &Map<String, Value>, place: &str, findings: &mut Findings) {
    let keys = [
        "size",
        "orderBy",
        "orderDirection",
        "otherBucket",
        "missingBucket",
        "parentFormat",
        "include",
        "exclude",
        "includeIsRegex",
        "excludeIsRegex",
    ];
    exact_keys(params, &keys, &[], place, findings);
    let is_size = params["size"].as_u64().is_some_and(|size| (1..=1000).contains(&size));
    findings.require(is_size, place, "has no size from 1 to 1000");
    findings.require(["asc", "desc"].contains(&text(params, "orderDirection")), place, "has no direction");
    findings.require(
        params["parentFormat"] == json!({"id": "terms"}),
        place,
        "has another format than terms have",
    );
    let order = &params["orderBy"];
    findings.require(order["type"] == "column", place, "is ordered by what is no column");
    let by = all.get(text(order, "columnId"));
    findings.require(
        by.is_some_and(|by| by["isBucketed"] == false),
        place,
        "is ordered by a column that is not there",
    );
}

fn check_ranges(params: &Value, place: &str, findings: &mut Findings) {
    exact_keys(params, &["type", "ranges", "maxBars", "parentFormat"], &[], place, findings);
    findings.require(params["type"] == "range", place, "is no list of ranges");
    let ranges: Vec<_> = params["ranges"].as_array().into_iter().flatten().collect();
    findings.require(!ranges.is_empty(), place, "has no ranges");
    for range in ranges {
        exact_keys(range, &["from", "to", "label"], &[], place, findings);
        findings.require(range["from"].as_f64() < range["to"].as_f64(), place, "has a range that is empty");
    }
}
