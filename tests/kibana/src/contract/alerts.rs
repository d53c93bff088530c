//! Rules and connectors, as Kibana's API takes them with a free licence.

use serde_json::{Value, json};
use uuid::Uuid;

use super::World;
use super::findings::{Findings, exact_keys, json_in, text};

/// Whether something is made, or there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is made.
    Create,
    /// It is there already.
    Update,
}

/// The kinds of rule that are known here, with the group of their alerts.
const RULES: [(&str, &str); 2] = [(".es-query", "query matched"), (".index-threshold", "threshold met")];
/// The connectors of a free licence.
const FREE: [&str; 2] = [".server-log", ".index"];
/// Where a rule's `esQuery` names fields.
const NAMES_FIELDS: [&str; 3] = ["range", "term", "terms"];

/// Every breach of a rule in what is sent for a connector.
pub fn connector_breaches(id: &str, body: &Value, sent: Sent) -> Vec<String> {
    let mut findings = Findings::default();
    let place = format!("connector {id}");
    check_id(id, &place, &mut findings);
    let all: &[&str] = if sent == Sent::Create { &["name", "connector_type_id"] } else { &["name"] };
    exact_keys(body, all, &["config", "secrets"], &place, &mut findings);
    if sent == Sent::Create {
        findings.require(FREE.contains(&text(body, "connector_type_id")), &place, "needs a paid licence");
    }
    findings.into_list()
}

/// Every breach of a rule in what is sent for an alert rule of this kind, where there are these connectors. A rule that is there already
/// has its kind from before.
pub fn rule_breaches(
    id: &str,
    kind: &str,
    body: &Value,
    sent: Sent,
    connectors: &[&str],
    mapping: &Value,
) -> Vec<String> {
    let mut findings = Findings::default();
    let place = format!("rule {id}");
    check_id(id, &place, &mut findings);
    let of_both = ["name", "schedule", "tags", "params", "actions"];
    let of_create = [of_both.as_slice(), &["rule_type_id", "consumer", "enabled"]].concat();
    let all = if sent == Sent::Create { of_create.as_slice() } else { of_both.as_slice() };
    exact_keys(body, all, &[], &place, &mut findings);
    if sent == Sent::Create {
        findings.require(body["rule_type_id"] == kind, &place, "is of another kind");
        findings.require(
            body["consumer"] == "stackAlerts",
            &place,
            "is of another consumer than stackAlerts",
        );
        findings.require(body["enabled"].is_boolean(), &place, "does not say whether it is enabled");
    }
    findings.require(!text(body, "name").is_empty(), &place, "has no name");
    findings.require(is_span(text(&body["schedule"], "interval")), &place, "has no schedule");
    let world = World { objects: &[], mapping };
    let Some((_, group)) = RULES.iter().find(|(known, _)| *known == kind) else {
        findings.add(&place, "is of a kind that is not known here");
        return findings.into_list();
    };
    match kind {
        ".es-query" => check_query_rule(&body["params"], &world, &place, &mut findings),
        _ => check_threshold_rule(&body["params"], &world, &place, &mut findings),
    }
    check_actions(&body["actions"], group, connectors, &place, &mut findings);
    findings.into_list()
}

fn check_id(id: &str, place: &str, findings: &mut Findings) {
    let version = Uuid::parse_str(id).map(|uuid| uuid.get_version_num());
    findings.require(
        version.is_ok_and(|version| (1..=5).contains(&version)),
        place,
        "has no UUID of versions 1 to 5",
    );
}

fn is_span(text: &str) -> bool {
    text.strip_suffix(['s', 'm', 'h', 'd']).is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What both kinds have.
fn check_window(params: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let is_index = params["index"].as_array().is_some_and(|index| !index.is_empty());
    findings.require(is_index, place, "has no list of indices");
    let is_time = world.field(text(params, "timeField")) == Some("date");
    findings.require(is_time, place, "has a time that is no date of the index");
    findings.require(params["timeWindowSize"].as_u64().is_some_and(|size| size > 0), place, "has no window");
    findings.require(
        ["s", "m", "h", "d"].contains(&text(params, "timeWindowUnit")),
        place,
        "has a window without a unit",
    );
    let comparators = [">", ">=", "<", "<="];
    findings.require(
        comparators.contains(&text(params, "thresholdComparator")),
        place,
        "has no comparator of one number",
    );
    let is_one =
        params["threshold"].as_array().is_some_and(|numbers| numbers.len() == 1 && numbers[0].is_number());
    findings.require(is_one, place, "has no list of one threshold");
    findings.require(params["aggType"] == "count", place, "counts nothing");
}

fn check_query_rule(params: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let all = [
        "searchType",
        "index",
        "timeField",
        "esQuery",
        "size",
        "timeWindowSize",
        "timeWindowUnit",
        "threshold",
        "thresholdComparator",
        "aggType",
        "groupBy",
        "termField",
        "termSize",
        "excludeHitsFromPreviousRun",
    ];
    exact_keys(params, &all, &[], place, findings);
    check_window(params, world, place, findings);
    findings.require(params["searchType"] == "esQuery", place, "is of another searchType than esQuery");
    findings.require(
        params["size"].as_u64().is_some_and(|size| size <= 10_000),
        place,
        "has no size up to 10000",
    );
    findings.require(params["groupBy"] == "top", place, "is not grouped");
    findings.require(
        world.field(text(params, "termField")) == Some("keyword"),
        place,
        "is grouped by what is no keyword",
    );
    findings.require(params["termSize"].as_u64().is_some_and(|size| size > 0), place, "has no termSize");
    let query = json_in(params, "esQuery", place, findings);
    exact_keys(&query, &["query"], &[], place, findings);
    check_fields(&query, world, place, findings);
}

/// That each field in a query of Elasticsearch is one of the index.
fn check_fields(query: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let below = match query {
        Value::Array(list) => list.iter().collect(),
        Value::Object(entries) => {
            let named = entries.iter().filter(|(key, _)| NAMES_FIELDS.contains(&key.as_str()));
            for (field, _) in named.flat_map(|(_, inner)| inner.as_object().into_iter().flatten()) {
                findings.require(
                    world.field(field).is_some(),
                    place,
                    &format!("asks for {field}, which is no field"),
                );
            }
            entries.values().collect()
        }
        _ => Vec::new(),
    };
    for inner in below {
        check_fields(inner, world, place, findings);
    }
}

fn check_threshold_rule(params: &Value, world: &World<'_>, place: &str, findings: &mut Findings) {
    let all = [
        "index",
        "timeField",
        "aggType",
        "groupBy",
        "timeWindowSize",
        "timeWindowUnit",
        "threshold",
        "thresholdComparator",
    ];
    exact_keys(params, &all, &["filterKuery"], place, findings);
    check_window(params, world, place, findings);
    findings.require(params["groupBy"] == "all", place, "is grouped by nothing that it names");
}

fn check_actions(actions: &Value, group: &str, connectors: &[&str], place: &str, findings: &mut Findings) {
    let Some(actions) = actions.as_array().filter(|actions| !actions.is_empty()) else {
        return findings.add(place, "has no actions");
    };
    for action in actions {
        exact_keys(action, &["group", "id", "params", "frequency"], &[], place, findings);
        findings.require(
            [group, "recovered"].contains(&text(action, "group")),
            place,
            "has an action of a group that it has not",
        );
        findings.require(
            connectors.contains(&text(action, "id")),
            place,
            "has an action of a connector that is not there",
        );
        let frequency = json!({"summary": false, "notify_when": "onActionGroupChange", "throttle": null});
        findings.require(action["frequency"] == frequency, place, "has an action that repeats itself");
        exact_keys(&action["params"], &["level", "message"], &[], place, findings);
    }
}
