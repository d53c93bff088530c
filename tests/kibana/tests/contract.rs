//! What we give Kibana keeps every rule, and the check of the rules notices each breach.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is how tests fail")]

use bpmonitor_crds::BpMonitorSpec;
use bpmonitor_crds::index::mappings;
use bpmonitor_crds::manifest::read_manifest;
use bpmonitor_kibana::{Content, Ward};
use bpmonitor_test_kibana::contract::alerts::{Sent, connector_breaches, rule_breaches};
use bpmonitor_test_kibana::contract::breaches;
use serde_json::{Value, json};

fn content(spec: &BpMonitorSpec) -> Content {
    Content::of(&Ward::of("default", "ward-3", spec).unwrap())
}

fn spec(yaml: &str) -> BpMonitorSpec {
    let head = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: ward-3}\nspec: ";
    read_manifest(&format!("{head}{yaml}\n")).unwrap().spec
}

/// Manifests that give other limits, spaces and patients.
fn specs() -> [BpMonitorSpec; 4] {
    [
        spec("{}"),
        spec("{kibana: {space: cardiology}, thresholds: {profile: esc-2024}}"),
        spec("{thresholds: {profile: simple-140-90, perPatient: [{patient: p, crisis: {systolic: 200}}]}}"),
        spec("{patients: {count: 0}, thresholds: {stage2: {systolic: 150, diastolic: 95}}}"),
    ]
}

#[test]
fn saved_objects_keep_every_rule() {
    for spec in specs() {
        assert_eq!(breaches(&content(&spec).ndjson(), &mappings()), [""; 0]);
    }
}

#[test]
fn rules_and_connectors_keep_every_rule() {
    for spec in specs() {
        let content = content(&spec);
        let connectors: Vec<_> = content.connectors.iter().map(|connector| connector.id.as_str()).collect();
        for connector in &content.connectors {
            assert_eq!(connector_breaches(&connector.id, connector.to_create(), Sent::Create), [""; 0]);
            assert_eq!(connector_breaches(&connector.id, &connector.to_update(), Sent::Update), [""; 0]);
        }
        assert_eq!(content.rules.len(), 4);
        for rule in &content.rules {
            let kind = rule.to_create()["rule_type_id"].as_str().unwrap();
            for (body, sent) in [(rule.to_create().clone(), Sent::Create), (rule.to_update(), Sent::Update)] {
                assert_eq!(rule_breaches(&rule.id, kind, &body, sent, &connectors, &mappings()), [""; 0]);
            }
        }
    }
}

#[test]
fn the_file_agrees_with_the_code() {
    let written = include_str!("../../../kibana/saved-objects.ndjson");
    assert!(
        written == content(&spec("{}")).ndjson(),
        "kibana/saved-objects.ndjson is not what the code says: run `make kibana` and commit the result"
    );
    let written = include_str!("../../../kibana/alerts.json");
    assert!(
        written == content(&spec("{}")).alerts_json(),
        "kibana/alerts.json is not what the code says: run `make kibana` and commit the result"
    );
}

/// A change of the saved objects, by which the `nth` object (or what a text of it holds) breaks a rule.
struct Mutation {
    /// What it does.
    name: &'static str,
    /// Which object: its kind, and the end of its id.
    object: (&'static str, &'static str),
    change: fn(&mut Value),
    /// A part of what is found.
    found: &'static str,
}

/// Changes the JSON in a text.
fn within(object: &mut Value, pointer: &str, change: impl FnOnce(&mut Value)) {
    let text = object.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}"));
    let mut inner: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    change(&mut inner);
    *text = json!(inner.to_string());
}

/// Changes the first panel of a kind of chart.
fn in_chart(object: &mut Value, kind: &str, change: impl FnOnce(&mut Value)) {
    within(object, "/attributes/panelsJSON", |panels| {
        let is_it = |panel: &&mut Value| {
            panel.pointer("/embeddableConfig/attributes/visualizationType") == Some(&json!(kind))
        };
        change(panels.as_array_mut().unwrap().iter_mut().find(is_it).unwrap());
    });
}

/// Changes the columns of the first layer of the first panel of a kind of chart.
fn in_layer(object: &mut Value, kind: &str, change: impl FnOnce(&mut Value)) {
    in_chart(object, kind, |panel| {
        change(
            panel
                .pointer_mut("/embeddableConfig/attributes/state/datasourceStates/formBased/layers/data")
                .unwrap(),
        );
    });
}

/// Changes how the first panel of a kind of chart is drawn.
fn drawn(object: &mut Value, kind: &str, change: impl FnOnce(&mut Value)) {
    in_chart(object, kind, |panel| {
        change(panel.pointer_mut("/embeddableConfig/attributes/state/visualization").unwrap());
    });
}

fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().unwrap().remove(key).unwrap_or_else(|| panic!("there is no {key}"));
}

fn source(object: &mut Value, change: impl FnOnce(&mut Value)) {
    within(object, "/attributes/kibanaSavedObjectMeta/searchSourceJSON", change);
}

const VIEW: (&str, &str) = ("index-pattern", "anomalies");
const SEARCH: (&str, &str) = ("search", "critical-readings");
const NOW: (&str, &str) = ("dashboard", "ward-now");
const PATIENT: (&str, &str) = ("dashboard", "patient");
const CATEGORIES: (&str, &str) = ("dashboard", "categories");

macro_rules! mutations {
    ($($name:literal, $object:expr, $change:expr, $found:literal;)*) => {
        vec![$(Mutation { name: $name, object: $object, change: $change, found: $found }),*]
    };
}

fn mutations() -> Vec<Mutation> {
    let mut all = of_objects();
    all.extend(of_dashboards());
    all.extend(of_layers());
    all.extend(of_charts());
    all
}

fn of_objects() -> Vec<Mutation> {
    mutations![
        "too high a stamp", NOW, |object| object["typeMigrationVersion"] = json!("10.2.0"), "typeMigrationVersion";
        "no stamp", NOW, |object| remove(object, "typeMigrationVersion"), "has no typeMigrationVersion";
        "another core stamp", VIEW, |object| object["coreMigrationVersion"] = json!("9.0.0"), "coreMigrationVersion";
        "managed", VIEW, |object| object["managed"] = json!(true), "is managed";
        "a key that is refused", SEARCH, |object| object["attributes"]["sampleRows"] = json!(1), "has sampleRows, which is refused";
        "a time that is no date", VIEW, |object| object["attributes"]["timeFieldName"] = json!("category"), "no date of the index";
        "formats that are no text", VIEW, |object| object["attributes"]["fieldFormatMap"] = json!({}), "JSON in a text";
        "a format of no field", VIEW, |object| within(object, "/attributes/fieldFormatMap", |map| map["risk"] = json!({})), "which is no field";
        "a reference to nothing", SEARCH, |object| object["references"][0]["id"] = json!("gone"), "refers to what is not there";
        "no reference to the data view", SEARCH, |object| object["references"] = json!([]), "no reference to its data view";
        "another name of the data view", SEARCH, |object| source(object, |source| source["indexRefName"] = json!("index")), "otherwise than Kibana does";
        "an id in a filter", SEARCH, |object| source(object, |source| source["filter"] = json!([{"meta": {"index": "bp.default.ward-3.anomalies"}}])), "no reference's name";
        "a query of no field", SEARCH, |object| source(object, |source| source["query"]["query"] = json!("risk : \"high\"")), "query of no field";
        "a column of no field", SEARCH, |object| object["attributes"]["columns"][0] = json!("risk_score"), "column that is no field";
        "another order", SEARCH, |object| object["attributes"]["sort"] = json!([["@timestamp", "asc"]]), "not sorted by time";
        "a source that is no text", SEARCH, |object| object["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"] = json!({}), "JSON in a text";
        "a grid", SEARCH, |object| object["attributes"]["grid"] = json!({"columns": {}}), "has a grid";
    ]
}

fn of_dashboards() -> Vec<Mutation> {
    mutations![
        "no timeRestore", NOW, |object| object["attributes"]["timeRestore"] = json!(false), "time span is ignored";
        "no options", NOW, |object| remove(&mut object["attributes"], "optionsJSON"), "has no optionsJSON";
        "panels that are no text", NOW, |object| object["attributes"]["panelsJSON"] = json!([]), "JSON in a text";
        "another index in the grid", NOW, |object| within(object, "/attributes/panelsJSON", |panels| panels[1]["gridData"]["i"] = json!("x")), "another index in its gridData";
        "beyond the grid", NOW, |object| within(object, "/attributes/panelsJSON", |panels| panels[1]["gridData"]["w"] = json!(49)), "beyond the 48th column";
        "an overlap", NOW, |object| within(object, "/attributes/panelsJSON", |panels| panels[2]["gridData"]["x"] = json!(1)), "panels that overlap";
        "a title that hides that only anomalies are there", NOW, |object| within(object, "/attributes/panelsJSON", |panels| panels[1]["title"] = json!("Readings")), "does not say that it is of anomalies";
        "no panelRefName", NOW, |object| within(object, "/attributes/panelsJSON", |panels| {
            let is_search = |panel: &&mut Value| panel["type"] == "search";
            remove(panels.as_array_mut().unwrap().iter_mut().find(is_search).unwrap(), "panelRefName");
        }), "another panelRefName";
        "a link to nothing", NOW, |object| within(object, "/attributes/panelsJSON", |panels| {
            panels[0]["embeddableConfig"]["savedVis"]["params"]["markdown"] = json!("[a](#/view/b)");
        }), "links to no dashboard";
        "no reference of a layer on the dashboard", NOW, |object| {
            object["references"].as_array_mut().unwrap().retain(|reference| reference["name"] != "2:indexpattern-datasource-layer-data");
        }, "no reference on its dashboard";
        "no reference of a saved search", NOW, |object| {
            object["references"].as_array_mut().unwrap().retain(|reference| reference["type"] != "search");
        }, "no reference to its saved search";
        "a reference that nothing needs", NOW, |object| {
            object["references"].as_array_mut().unwrap().push(json!({"name": "x", "type": "index-pattern", "id": "bp.default.ward-3.anomalies"}));
        }, "a reference that no panel needs";
        "no reference of a control", PATIENT, |object| {
            object["references"].as_array_mut().unwrap().retain(|reference| !reference["name"].as_str().unwrap().starts_with("controlGroup_"));
        }, "control without a reference";
        "a data view's id in a control", PATIENT, |object| within(object, "/attributes/controlGroupInput/panelsJSON", |panels| {
            panels["patient_id-list"]["explicitInput"]["dataViewId"] = json!("bp.default.ward-3.anomalies");
        }), "has dataViewId, which is refused";
        "a control of a number", PATIENT, |object| within(object, "/attributes/controlGroupInput/panelsJSON", |panels| {
            panels["patient_id-list"]["explicitInput"]["fieldName"] = json!("systolic_pressure");
        }), "no keyword of the index";
        "a control with two ids", PATIENT, |object| within(object, "/attributes/controlGroupInput/panelsJSON", |panels| {
            panels["patient_id-list"]["explicitInput"]["id"] = json!("other");
        }), "control with two ids";
    ]
}

fn of_layers() -> Vec<Mutation> {
    mutations![
        "the older name of the source", NOW, |object| in_chart(object, "lnsPie", |panel| {
            let states = panel.pointer_mut("/embeddableConfig/attributes/state/datasourceStates").unwrap();
            *states = json!({"indexpattern": states["formBased"]});
        }), "has indexpattern, which is refused";
        "no reference of a layer in the panel", NOW, |object| in_chart(object, "lnsPie", |panel| {
            panel["embeddableConfig"]["attributes"]["references"] = json!([]);
        }), "no reference in its panel";
        "a count of a field", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columns"]["value"]["sourceField"] = json!("category")), "of no field of the index";
        "a count of nothing", NOW, |object| in_layer(object, "lnsPie", |layer| remove(&mut layer["columns"]["value"], "sourceField")), "of no field of the index";
        "an order of other columns", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columnOrder"] = json!(["group"])), "columnOrder of other columns";
        "a measure before its group", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columnOrder"] = json!(["value", "group"])), "a measure before";
        "terms ordered by no column", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columns"]["group"]["params"]["orderBy"]["columnId"] = json!("gone")), "ordered by a column that is not there";
        "terms of a text", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columns"]["group"]["sourceField"] = json!("patient_name")), "of one that its operation does not take";
        "terms of no field", NOW, |object| in_layer(object, "lnsPie", |layer| layer["columns"]["group"]["sourceField"] = json!("risk_band")), "of no field of the index";
        "incomplete columns", NOW, |object| in_layer(object, "lnsPie", |layer| layer["incompleteColumns"] = json!({"a": {}})), "has incomplete columns";
        "a mean of a keyword", NOW, |object| in_layer(object, "lnsHeatmap", |layer| layer["columns"]["value"]["sourceField"] = json!("category")), "does not take";
        "another type than it gives", NOW, |object| in_layer(object, "lnsHeatmap", |layer| layer["columns"]["value"]["dataType"] = json!("string")), "another dataType";
        "a label that is replaced", NOW, |object| in_layer(object, "lnsHeatmap", |layer| layer["columns"]["value"]["customLabel"] = json!(false)), "label that Kibana replaces";
        "a number that is no text", NOW, |object| in_layer(object, "lnsGauge", |layer| layer["columns"]["from"]["params"]["value"] = json!(20)), "no number as a text";
        "an operation that is not known", NOW, |object| in_layer(object, "lnsGauge", |layer| layer["columns"]["value"]["operationType"] = json!("avg")), "not known here";
        "an empty range", CATEGORIES, |object| within(object, "/attributes/panelsJSON", |panels| {
            let pointer = "/embeddableConfig/attributes/state/datasourceStates/formBased/layers/data/columns/group/params/ranges/0/to";
            let range = panels.as_array_mut().unwrap().iter_mut().find_map(|panel| panel.pointer_mut(pointer)).unwrap();
            *range = json!(0);
        }), "a range that is empty";
    ]
}

fn of_charts() -> Vec<Mutation> {
    mutations![
        "an accessor of no column", NOW, |object| drawn(object, "lnsMetric", |drawn| drawn["metricAccessor"] = json!("gone")), "draws a column that is not there";
        "a layer that is not there", NOW, |object| drawn(object, "lnsMetric", |drawn| drawn["layerId"] = json!("gone")), "draws a layer that is not there";
        "a measure as a group", NOW, |object| drawn(object, "lnsPie", |drawn| drawn["layers"][0]["primaryGroups"] = json!(["value"])), "draws a column as what it is not";
        "a pie without its display", NOW, |object| drawn(object, "lnsPie", |drawn| remove(&mut drawn["layers"][0], "categoryDisplay")), "has no categoryDisplay";
        "a newer key", NOW, |object| drawn(object, "lnsPie", |drawn| drawn["layers"][0]["colorMapping"] = json!({})), "has colorMapping, which is refused";
        "an unknown series", NOW, |object| drawn(object, "lnsXY", |drawn| drawn["layers"][0]["seriesType"] = json!("bars")), "no known kind of series";
        "a column that is not drawn", NOW, |object| drawn(object, "lnsXY", |drawn| remove(&mut drawn["layers"][0], "splitAccessor")), "draws other columns than it has";
        "limits in the data's layer", PATIENT, |object| drawn(object, "lnsXY", |drawn| drawn["layers"][1]["layerType"] = json!("data")), "has no seriesType";
        "limits that are not drawn", PATIENT, |object| drawn(object, "lnsXY", |drawn| drawn["layers"][1]["yConfig"] = json!([])), "draws other limits than it has";
        "another legend", NOW, |object| drawn(object, "lnsHeatmap", |drawn| drawn["legend"]["type"] = json!("legend")), "no legend of a heat map";
        "another grid", NOW, |object| drawn(object, "lnsHeatmap", |drawn| remove(&mut drawn["gridConfig"], "type")), "no grid of a heat map";
        "no palette", NOW, |object| drawn(object, "lnsHeatmap", |drawn| remove(drawn, "palette")), "has no palette";
        "a gauge of no shape", NOW, |object| drawn(object, "lnsGauge", |drawn| drawn["shape"] = json!("gauge")), "no shape of a gauge";
        "colours without a palette", NOW, |object| drawn(object, "lnsGauge", |drawn| remove(drawn, "palette")), "colours without a palette";
        "a palette without stops", NOW, |object| drawn(object, "lnsHeatmap", |drawn| remove(&mut drawn["palette"]["params"], "stops")), "a palette without stops";
        "stops out of order", NOW, |object| drawn(object, "lnsGauge", |drawn| drawn["palette"]["params"]["stops"][0]["stop"] = json!(-1)), "out of order";
        "a palette of another column", NOW, |object| drawn(object, "lnsHeatmap", |drawn| drawn["palette"]["accessor"] = json!("group")), "colours another column";
    ]
}

#[test]
fn each_breach_is_noticed() {
    let objects: Vec<Value> =
        content(&spec("{}")).ndjson().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for Mutation { name, object: (kind, end), change, found } in mutations() {
        let mut mutated = objects.clone();
        let is_it =
            |object: &&mut Value| object["type"] == kind && object["id"].as_str().unwrap().ends_with(end);
        change(mutated.iter_mut().find(is_it).unwrap());
        assert_ne!(mutated, objects, "{name} changes nothing");
        let lines: String = mutated.iter().flat_map(|object| [object.to_string(), "\n".to_owned()]).collect();
        let breaches = breaches(&lines, &mappings());
        assert!(breaches.iter().any(|breach| breach.contains(found)), "{name}: {breaches:?}");
    }
    let twice = format!("{}\n{}\n", objects[0], objects[0]);
    assert!(breaches(&twice, &mappings()).iter().any(|breach| breach.contains("twice")));
    assert!(breaches("{", &mappings()).iter().any(|breach| breach.contains("not JSON")));
}

#[test]
fn each_breach_in_a_rule_is_noticed() {
    type Change = fn(&mut Value);
    let content = content(&spec("{}"));
    let connector = content.connectors[0].id.as_str();
    let [es_query, threshold] = [&content.rules[0], &content.rules[3]];
    let cases: [(&str, Change); 17] = [
        ("has risk, which is refused", |body| body["risk"] = json!(1)),
        ("another consumer", |body| body["consumer"] = json!("alerts")),
        ("no schedule", |body| body["schedule"] = json!({"interval": "often"})),
        ("JSON in a text", |body| body["params"]["esQuery"] = json!({"query": {}})),
        ("which is no field", |body| {
            body["params"]["esQuery"] = json!(r#"{"query":{"range":{"systolic":{"gte":1}}}}"#);
        }),
        ("has filterKuery, which is refused", |body| body["params"]["filterKuery"] = json!("a : 1")),
        ("no date of the index", |body| body["params"]["timeField"] = json!("time")),
        ("what is no keyword", |body| body["params"]["termField"] = json!("systolic_pressure")),
        ("no list of one threshold", |body| body["params"]["threshold"] = json!(0)),
        ("no comparator", |body| body["params"]["thresholdComparator"] = json!("between")),
        ("a group that it has not", |body| body["actions"][0]["group"] = json!("threshold met")),
        ("a connector that is not there", |body| body["actions"][0]["id"] = json!("other")),
        ("repeats itself", |body| body["actions"][0]["frequency"]["summary"] = json!(true)),
        ("has no frequency", |body| remove(&mut body["actions"][0], "frequency")),
        ("no list of indices", |body| body["params"]["index"] = json!("bp.default.ward-3")),
        ("another searchType", |body| body["params"]["searchType"] = json!("searchSource")),
        ("no window", |body| body["params"]["timeWindowSize"] = json!(0)),
    ];
    for (found, change) in cases {
        let mut body = es_query.to_create().clone();
        change(&mut body);
        let breaches =
            rule_breaches(&es_query.id, ".es-query", &body, Sent::Create, &[connector], &mappings());
        assert!(breaches.iter().any(|breach| breach.contains(found)), "{found}: {breaches:?}");
    }
    let of_update = |body: &Value| {
        rule_breaches(&threshold.id, ".index-threshold", body, Sent::Update, &[connector], &mappings())
    };
    for key in ["rule_type_id", "consumer", "enabled"] {
        let mut body = threshold.to_update();
        body[key] = threshold.to_create()[key].clone();
        assert!(of_update(&body).iter().any(|breach| breach.contains("which is refused")), "{key}");
    }
    let mut grouped = threshold.to_update();
    grouped["params"]["groupBy"] = json!("top");
    assert!(of_update(&grouped).iter().any(|breach| breach.contains("grouped by nothing")));
    let other = rule_breaches(
        "not-a-uuid",
        ".es-query",
        es_query.to_create(),
        Sent::Create,
        &[connector],
        &mappings(),
    );
    assert!(other.iter().any(|breach| breach.contains("no UUID")), "{other:?}");
    for (kind, sent) in [(".email", Sent::Create), (".server-log", Sent::Update)] {
        let body = json!({"name": "n", "connector_type_id": kind});
        assert!(!connector_breaches(connector, &body, sent).is_empty(), "{kind} {sent:?}");
    }
}
