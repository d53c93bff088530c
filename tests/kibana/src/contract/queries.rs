//! Queries in Kibana's language and filters: that they speak of fields that there are, and of data views by reference.

use serde_json::Value;

use super::World;
use super::findings::{Findings, exact_keys, text};

/// A query: empty, or one field with one value.
pub(crate) fn check_query(query: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    exact_keys(query, &["query", "language"], &[], place, findings);
    findings.require(query["language"] == "kuery", place, "has a query in another language than kuery");
    let text = text(query, "query");
    if text.is_empty() {
        return;
    }
    let known = term(text).is_some_and(|(field, _)| world.field(field).is_some());
    findings.require(known, place, "has a query of no field of the index");
}

/// The field and the value of `field : "value"`.
pub(crate) fn term(query: &str) -> Option<(&str, &str)> {
    let (field, value) = query.split_once(" : ")?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = |text: &str| !text.is_empty() && !text.contains([' ', '"', '*', '(', ')']);
    (is_plain(field) && is_plain(value)).then_some((field, value))
}

/// Filters: each names its data view by the name of a reference, never by id.
pub(crate) fn check_filters(filters: &Value, names: &[&str], place: &str, findings: &mut Findings) {
    let Some(filters) = filters.as_array() else { return findings.add(place, "has no list of filters") };
    for filter in filters {
        let index = text(&filter["meta"], "index");
        findings.require(
            names.contains(&index),
            place,
            "has a filter whose meta.index is no reference's name",
        );
    }
}
