//! Dashboards: what is around their panels, the grid, and that every reference is needed and there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::findings::{Findings, exact_keys, json_in, text};
use super::queries::{check_filters, check_query};
use super::{World, control, lens};

/// The columns of the grid.
const WIDTH: u64 = 48;

pub(super) fn check(object: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let attributes = &object["attributes"];
    let all =
        ["title", "panelsJSON", "optionsJSON", "kibanaSavedObjectMeta", "timeRestore", "timeFrom", "timeTo"];
    exact_keys(attributes, &all, &["description", "refreshInterval", "controlGroupInput"], place, findings);
    findings.require(!text(attributes, "title").is_empty(), place, "has an empty title");
    findings.require(
        attributes["timeRestore"] == true,
        place,
        "has no timeRestore, so its time span is ignored",
    );
    for key in ["timeFrom", "timeTo"] {
        findings.require(text(attributes, key).starts_with("now"), place, &format!("has no {key}"));
    }
    json_in(attributes, "optionsJSON", place, findings);
    let source = json_in(&attributes["kibanaSavedObjectMeta"], "searchSourceJSON", place, findings);
    check_query(&source["query"], world, place, findings);
    check_filters(&source["filter"], &[], place, findings);
    let panels = json_in(attributes, "panelsJSON", place, findings);
    let Some(panels) = panels.as_array().filter(|panels| !panels.is_empty()) else {
        return findings.add(place, "has no panels");
    };
    check_grid(panels, place, findings);
    let mut needed = BTreeSet::new();
    for panel in panels {
        needed.extend(check_panel(panel, object, world, place, findings));
    }
    needed.extend(control::check(object, world, place, findings));
    for reference in object["references"].as_array().into_iter().flatten() {
        findings.require(
            needed.contains(text(reference, "name")),
            place,
            "has a reference that no panel needs",
        );
    }
}

/// Checks a panel, and gives the names of the references that it needs.
fn check_panel(
    panel: &Value,
    dashboard: &Value,
    world: &World<'_>,
    place: &str,
    findings: &mut Findings,
) -> Vec<String> {
    let index = text(panel, "panelIndex");
    let place = format!("{place} panel {index}");
    let all = ["type", "gridData", "panelIndex", "embeddableConfig", "title"];
    exact_keys(panel, &all, &["panelRefName"], &place, findings);
    findings.require(
        !index.is_empty() && panel["gridData"]["i"] == index,
        &place,
        "has another index in its gridData",
    );
    findings.require(
        text(panel, "title").to_lowercase().contains("anomal"),
        &place,
        "does not say that it is of anomalies",
    );
    match text(panel, "type") {
        "lens" => lens::check(panel, dashboard, world, &place, findings),
        "search" => check_search(panel, dashboard, &place, findings),
        "visualization" => check_markdown(panel, world, &place, findings),
        _ => {
            findings.add(&place, "is of a kind that is not known here");
            Vec::new()
        }
    }
}

/// A saved search, by reference.
fn check_search(panel: &Value, dashboard: &Value, place: &str, findings: &mut Findings) -> Vec<String> {
    let index = text(panel, "panelIndex");
    findings.require(
        panel["panelRefName"] == format!("panel_{index}"),
        place,
        "has another panelRefName than panel_INDEX",
    );
    let name = format!("{index}:panel_{index}");
    let is_there = super::reference(dashboard, &name).is_some_and(|reference| reference["type"] == "search");
    findings.require(is_there, place, "has no reference to its saved search");
    vec![name]
}

/// A text, by value. Its links are to dashboards that there are.
fn check_markdown(panel: &Value, world: &World<'_>, place: &str, findings: &mut Findings) -> Vec<String> {
    let saved = &panel["embeddableConfig"]["savedVis"];
    exact_keys(
        saved,
        &["id", "title", "description", "type", "params", "uiState", "data"],
        &[],
        place,
        findings,
    );
    findings.require(saved["type"] == "markdown", place, "is no text");
    findings.require(saved["data"]["aggs"].is_array(), place, "has no aggs, which even a text needs");
    let markdown = text(&saved["params"], "markdown");
    for link in markdown.split("](#/view/").skip(1).filter_map(|rest| rest.split(')').next()) {
        let is_it = |object: &&Value| object["type"] == "dashboard" && object["id"] == link;
        findings.require(world.objects.iter().any(|object| is_it(&object)), place, "links to no dashboard");
    }
    Vec::new()
}

fn check_grid(panels: &[Value], place: &str, findings: &mut Findings) {
    let mut taken: Vec<[u64; 4]> = Vec::new();
    let mut indices = BTreeSet::new();
    for panel in panels {
        let grid = &panel["gridData"];
        exact_keys(grid, &["x", "y", "w", "h", "i"], &[], place, findings);
        findings.require(indices.insert(text(panel, "panelIndex")), place, "has two panels of one index");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| grid[side].as_u64().unwrap_or_default());
        findings.require(w > 0 && h > 0, place, "has a panel without a size");
        findings.require(x + w <= WIDTH, place, "has a panel beyond the 48th column");
        let overlaps = |other: &[u64; 4]| {
            let [left, top, width, height] = *other;
            x < left + width && left < x + w && y < top + height && top < y + h
        };
        findings.require(!taken.iter().any(overlaps), place, "has panels that overlap");
        taken.push([x, y, w, h]);
    }
}
