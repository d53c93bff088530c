//! Lens panels by value: their state, their layers, and the two references of each layer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::findings::{Findings, exact_keys, text};
use super::queries::{check_filters, check_query};
use super::{World, columns, reference, visualization};

/// Checks a panel, and gives the names of the references that it needs of its dashboard.
pub(super) fn check(
    panel: &Value,
    dashboard: &Value,
    world: &World<'_>,
    place: &str,
    findings: &mut Findings,
) -> Vec<String> {
    let attributes = &panel["embeddableConfig"]["attributes"];
    let keys = ["title", "type", "visualizationType", "state", "references"];
    exact_keys(attributes, &keys, &[], place, findings);
    findings.require(attributes["type"] == "lens", place, "is no Lens chart");
    findings.require(attributes["title"] == panel["title"], place, "has two titles");
    let state = &attributes["state"];
    let keys =
        ["datasourceStates", "visualization", "query", "filters", "internalReferences", "adHocDataViews"];
    exact_keys(state, &keys, &[], place, findings);
    findings.require(state["internalReferences"] == json!([]), place, "has internal references");
    findings.require(state["adHocDataViews"] == json!({}), place, "has data views of its own");
    check_query(&state["query"], world, place, findings);
    let names: Vec<_> =
        attributes["references"].as_array().into_iter().flatten().map(|found| text(found, "name")).collect();
    check_filters(&state["filters"], &names, place, findings);
    exact_keys(&state["datasourceStates"], &["formBased"], &[], place, findings);
    let layers = &state["datasourceStates"]["formBased"]["layers"];
    let Some(layers) = layers.as_object().filter(|layers| !layers.is_empty()) else {
        findings.add(place, "has no layers");
        return Vec::new();
    };
    let mut needed = Vec::new();
    for (id, layer) in layers {
        let place = format!("{place} layer {id}");
        check_layer(layer, world, &place, findings);
        needed.push(check_layer_references(panel, dashboard, id, &place, findings));
    }
    findings.require(names.len() == layers.len(), place, "has references that no layer needs");
    visualization::check(attributes, place, findings);
    needed
}

/// Without either reference Kibana drops the layer, and the panel is blank.
fn check_layer_references(
    panel: &Value,
    dashboard: &Value,
    layer: &str,
    place: &str,
    findings: &mut Findings,
) -> String {
    let name = format!("indexpattern-datasource-layer-{layer}");
    let of_panel = reference(&panel["embeddableConfig"]["attributes"], &name);
    let outer = format!("{}:{name}", text(panel, "panelIndex"));
    let of_dashboard = reference(dashboard, &outer);
    let is_data_view = |found: Option<&Value>| found.is_some_and(|found| found["type"] == "index-pattern");
    findings.require(is_data_view(of_panel), place, "has no reference in its panel");
    findings.require(is_data_view(of_dashboard), place, "has no reference on its dashboard");
    let ids = [of_panel, of_dashboard].map(|found| found.map(|found| &found["id"]));
    findings.require(ids[0] == ids[1], place, "has references to two data views");
    outer
}

fn check_layer(layer: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    exact_keys(layer, &["columns", "columnOrder", "incompleteColumns"], &[], place, findings);
    findings.require(layer["incompleteColumns"] == json!({}), place, "has incomplete columns");
    let Some(all) = layer["columns"].as_object().filter(|all| !all.is_empty()) else {
        return findings.add(place, "has no columns");
    };
    let order: Vec<_> =
        layer["columnOrder"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let ordered: BTreeSet<_> = order.iter().copied().collect();
    let is_same = ordered.len() == order.len() && ordered == all.keys().map(String::as_str).collect();
    findings.require(is_same, place, "has a columnOrder of other columns than it has");
    let groups = |id: &&str| all.get(*id).is_some_and(|column| column["isBucketed"] == true);
    let last_group = order.iter().rposition(&groups);
    let first_measure = order.iter().position(|id| !groups(id));
    let in_order = !matches!((last_group, first_measure), (Some(group), Some(measure)) if measure < group);
    findings.require(in_order, place, "has a measure before what it is grouped by");
    for (id, column) in all {
        columns::check(column, all, world, &format!("{place} column {id}"), findings);
    }
}
