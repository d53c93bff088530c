//! What Kibana 8.11 to 9 takes and shows: every rule whose breach it refuses, or answers with an empty panel.

pub mod alerts;
mod columns;
mod control;
mod dashboard;
mod data_view;
mod findings;
mod lens;
mod queries;
mod search;
mod visualization;

use std::collections::BTreeSet;

use serde_json::Value;

use findings::{Findings, exact_keys, text};
pub(crate) use queries::term;

/// The kinds of saved objects that are known here, with the version of their shape.
const SHAPES: [(&str, &str); 3] = [("index-pattern", "8.0.0"), ("search", "8.0.0"), ("dashboard", "8.9.0")];

/// What is around an object: the other ones, and the mapping of the index.
pub(crate) struct World<'w> {
    objects: &'w [Value],
    mapping: &'w Value,
}

/// Every breach of a rule in the lines of an import, where the index has this mapping. Empty where there is none.
pub fn breaches(ndjson: &str, mapping: &Value) -> Vec<String> {
    let mut findings = Findings::default();
    let mut objects = Vec::new();
    for (number, line) in ndjson.lines().enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(object) => objects.push(object),
            Err(_) => findings.add(&format!("line {}", number + 1), "is not JSON"),
        }
    }
    check_ids(&objects, &mut findings);
    let world = World { objects: &objects, mapping };
    for object in &objects {
        check_object(object, &world, &mut findings);
    }
    findings.into_list()
}

fn check_ids(objects: &[Value], findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for object in objects {
        if !seen.insert((text(object, "type"), text(object, "id"))) {
            findings.add(text(object, "id"), "is there twice");
        }
    }
}

fn check_object(object: &Value, world: &World<'_>, findings: &mut Findings) {
    let (kind, id) = (text(object, "type"), text(object, "id"));
    let place = format!("{kind} {id}");
    let keys =
        ["type", "id", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "managed"];
    exact_keys(object, &keys, &[], &place, findings);
    findings.require(!id.is_empty(), &place, "has no id");
    findings.require(
        object["coreMigrationVersion"] == "8.8.0",
        &place,
        "has another coreMigrationVersion than 8.8.0",
    );
    findings.require(object["managed"] == false, &place, "is managed");
    let shape = SHAPES.iter().find(|(known, _)| *known == kind);
    let is_shape = shape.is_some_and(|(_, shape)| object["typeMigrationVersion"] == *shape);
    findings.require(is_shape, &place, "has another typeMigrationVersion than every Kibana knows");
    check_references(object, world, &place, findings);
    match kind {
        "index-pattern" => data_view::check(object, world, &place, findings),
        "search" => search::check(object, world, &place, findings),
        "dashboard" => dashboard::check(object, world, &place, findings),
        _ => findings.add(&place, "is of a kind that is not known here"),
    }
}

fn check_references(object: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let Some(references) = object["references"].as_array() else {
        return findings.add(place, "has no list of references");
    };
    let mut names = BTreeSet::new();
    for reference in references {
        exact_keys(reference, &["name", "type", "id"], &[], place, findings);
        findings.require(names.insert(text(reference, "name")), place, "has a reference twice");
        findings.require(world.has(reference), place, "refers to what is not there");
    }
}

impl World<'_> {
    /// Whether what a reference names is there.
    fn has(&self, reference: &Value) -> bool {
        self.objects
            .iter()
            .any(|object| object["type"] == reference["type"] && object["id"] == reference["id"])
    }

    /// The type of a field of the index; none where there is no such field.
    fn field(&self, name: &str) -> Option<&str> {
        let mut parts = name.split('.');
        let mut field = &self.mapping["properties"][parts.next()?];
        for part in parts {
            let below = &field["properties"][part];
            field = if below.is_null() { &field["fields"][part] } else { below };
        }
        field["type"].as_str()
    }
}

/// The reference of this name.
fn reference<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object["references"].as_array()?.iter().find(|reference| reference["name"] == name)
}
