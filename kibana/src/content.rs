//! All that a monitor has in Kibana.

use serde_json::{Value, json};

use crate::{Connector, Rule, SavedObject, Ward, alerts, dashboards, data_view, ids, object, searches};

/// All that a monitor has in Kibana.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The space that it is for; empty for the default one.
    pub space: String,
    /// Data view, saved searches and dashboards, each after what it refers to.
    pub objects: Vec<SavedObject>,
    /// To where alerts go.
    pub connectors: Vec<Connector>,
    /// When there are alerts.
    pub rules: Vec<Rule>,
    /// The id of the dashboard to begin with.
    pub first: String,
}

impl Content {
    /// That of a ward.
    pub fn of(ward: &Ward) -> Self {
        let mut objects = vec![data_view::data_view(ward)];
        objects.extend(searches::all(ward));
        objects.extend(dashboards::all(ward));
        Self {
            space: ward.space.clone(),
            objects,
            connectors: vec![alerts::connector(ward)],
            rules: alerts::rules(ward),
            first: ids::object(ward, dashboards::WARD_NOW),
        }
    }

    /// The saved objects as Kibana imports them.
    pub fn ndjson(&self) -> String {
        object::ndjson(&self.objects)
    }

    /// Connectors and rules as the API takes them, for people to read: method, path and body of each.
    pub fn alerts_json(&self) -> String {
        let connectors = self.connectors.iter().map(|connector| {
            json!({"path": format!("/api/actions/connector/{}", connector.id), "POST": connector.to_create(), "PUT": connector.to_update()})
        });
        let rules = self.rules.iter().map(|rule| {
            json!({"path": format!("/api/alerting/rule/{}", rule.id), "POST": rule.to_create(), "PUT": rule.to_update()})
        });
        format!("{:#}\n", Value::Array(connectors.chain(rules).collect()))
    }

    /// Where in Kibana the first dashboard is.
    pub fn path(&self) -> String {
        let space = if self.space.is_empty() { String::new() } else { format!("/s/{}", self.space) };
        format!("{space}/app/dashboards#/view/{}", self.first)
    }
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::BpMonitorSpec;

    use super::*;

    fn content(name: &str, space: &str) -> Content {
        let mut spec = BpMonitorSpec::default();
        space.clone_into(&mut spec.kibana.space);
        Content::of(&Ward::of("default", name, &spec).unwrap())
    }

    fn ids(content: &Content) -> Vec<&str> {
        let objects = content.objects.iter().map(|object| object.id.as_str());
        let alerts = content.connectors.iter().map(|connector| connector.id.as_str());
        objects.chain(alerts).chain(content.rules.iter().map(|rule| rule.id.as_str())).collect()
    }

    #[test]
    fn ids_are_stable_and_of_one_monitor_and_space() {
        let one = content("ward-3", "");
        assert_eq!(ids(&one), ids(&content("ward-3", "")));
        for other in [content("ward-4", ""), content("ward-3", "cardiology")] {
            assert!(ids(&other).iter().all(|id| !ids(&one).contains(id)), "{:?}", other.space);
        }
    }

    #[test]
    fn every_reference_is_to_one_of_them() {
        let content = content("ward-3", "");
        for target in content.objects.iter().flat_map(|object| &object.references) {
            let is_it = |object: &&SavedObject| object.kind == target.kind && object.id == target.id;
            assert!(content.objects.iter().any(|object| is_it(&object)), "{target:?}");
        }
    }

    #[test]
    fn the_path_has_the_space() {
        assert_eq!(content("ward-3", "").path(), "/app/dashboards#/view/bp.default.ward-3.ward-now");
        let path = "/s/cardiology/app/dashboards#/view/bp.default.ward-3.cardiology.ward-now";
        assert_eq!(content("ward-3", "cardiology").path(), path);
    }
}
