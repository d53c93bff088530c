//! Controls above a dashboard.

use serde_json::{Value, json};

use super::findings::{Findings, exact_keys, json_in, text};
use super::{World, reference};

/// Checks the controls, and gives the names of the references that they need.
pub(super) fn check(
    dashboard: &Value,
    world: &World<'_>,
    place: &str,
    findings: &mut Findings,
) -> Vec<String> {
    let group = &dashboard["attributes"]["controlGroupInput"];
    if group.is_null() {
        return Vec::new();
    }
    let keys = ["controlStyle", "chainingSystem", "panelsJSON", "ignoreParentSettingsJSON"];
    exact_keys(group, &keys, &[], place, findings);
    json_in(group, "ignoreParentSettingsJSON", place, findings);
    let panels = json_in(group, "panelsJSON", place, findings);
    let Some(panels) = panels.as_object() else {
        findings.add(place, "has controls that are no map by id");
        return Vec::new();
    };
    let check = |(id, control): (&String, &Value)| {
        exact_keys(control, &["type", "order", "width", "grow", "explicitInput"], &[], place, findings);
        findings.require(
            control["type"] == "optionsListControl",
            place,
            "has a control that is no options list",
        );
        let input = &control["explicitInput"];
        let keys = ["id", "fieldName", "title", "selectedOptions", "enhancements"];
        exact_keys(input, &keys, &[], place, findings);
        findings.require(input["id"] == *id, place, "has a control with two ids");
        findings.require(input["selectedOptions"] == json!([]), place, "has a control with a choice made");
        let lists = world.field(text(input, "fieldName")) == Some("keyword");
        findings.require(lists, place, "has a control of what is no keyword of the index");
        let name = format!("controlGroup_{id}:optionsListDataView");
        let is_there =
            reference(dashboard, &name).is_some_and(|reference| reference["type"] == "index-pattern");
        findings.require(is_there, place, "has a control without a reference to its data view");
        name
    };
    panels.iter().map(check).collect()
}
