//! Alert rules, and the connector through which they tell: those that are free, made through Kibana's API.

use serde_json::{Map, Value, json};

use crate::ward::{Bands, Line};
use crate::{Field, Ward, ids};

/// What every rule is tagged with.
const TAG: &str = "bp-monitor";
/// How many patients a rule tells apart.
const MOST_PATIENTS: u32 = 100;

/// To where alerts go: Kibana's own log. Mail and webhooks need a paid licence.
#[derive(Clone, Debug, PartialEq)]
pub struct Connector {
    /// Its id, a UUID.
    pub id: String,
    body: Value,
}

/// When there is an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id, a UUID.
    pub id: String,
    body: Value,
}

impl Connector {
    /// What is sent to make it.
    pub const fn to_create(&self) -> &Value {
        &self.body
    }

    /// What is sent where it is there already: what cannot be changed is left out.
    pub fn to_update(&self) -> Value {
        without(&self.body, &["connector_type_id"])
    }
}

impl Rule {
    /// What is sent to make it.
    pub const fn to_create(&self) -> &Value {
        &self.body
    }

    /// What is sent where it is there already: what cannot be changed, and whether somebody turned it off, is left out.
    pub fn to_update(&self) -> Value {
        without(&self.body, &["rule_type_id", "consumer", "enabled"])
    }
}

fn without(body: &Value, keys: &[&str]) -> Value {
    let entries = body.as_object().into_iter().flatten();
    let kept = entries.filter(|(key, _)| !keys.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>())
}

/// The connector of a ward's rules.
pub(crate) fn connector(ward: &Ward) -> Connector {
    let body = json!({"name": format!("BP {}: log", ward.label()), "connector_type_id": ".server-log"});
    Connector { id: connector_id(ward), body }
}

/// The rules of a ward.
pub(crate) fn rules(ward: &Ward) -> Vec<Rule> {
    let systolic = limit(Field::Systolic, |bands| bands.systolic_high);
    let diastolic = limit(Field::Diastolic, |bands| bands.diastolic_high);
    let crisis = [
        limit(Field::Systolic, |bands| bands.systolic_crisis),
        limit(Field::Diastolic, |bands| bands.diastolic_crisis),
    ];
    vec![
        pressure(ward, "systolic", "systolic hypertension", &[systolic]),
        pressure(ward, "diastolic", "diastolic hypertension", &[diastolic]),
        pressure(ward, "crisis", "hypertensive crisis", &crisis),
        spike(ward),
    ]
}

/// A side of a pressure, and where its band begins.
type Limit = (Field, fn(&Bands) -> Option<Line>);

const fn limit(field: Field, line: fn(&Bands) -> Option<Line>) -> Limit {
    (field, line)
}

/// An alert for each patient with a reading beyond one of the limits: the patient's own, where there are such.
fn pressure(ward: &Ward, what: &str, label: &str, limits: &[Limit]) -> Rule {
    let params = json!({
        "searchType": "esQuery",
        "index": [ward.alias()],
        "timeField": Field::Timestamp.name(),
        "esQuery": json!({"query": beyond(ward, limits)}).to_string(),
        "size": 100,
        "timeWindowSize": 5,
        "timeWindowUnit": "m",
        "threshold": [0],
        "thresholdComparator": ">",
        "aggType": "count",
        "groupBy": "top",
        "termField": Field::Patient.name(),
        "termSize": MOST_PATIENTS,
        "excludeHitsFromPreviousRun": true,
    });
    let shown: Vec<_> = limits.iter().filter_map(|limit| shown(&ward.bands, limit)).collect();
    let name = format!("{label} ({})", shown.join(" or "));
    rule(ward, what, &name, ".es-query", "query matched", &params)
}

/// An alert where there are far more anomalies than usual.
fn spike(ward: &Ward) -> Rule {
    let most = ward.spike;
    let params = json!({
        "index": [ward.alias()],
        "timeField": Field::Timestamp.name(),
        "aggType": "count",
        "groupBy": "all",
        "timeWindowSize": 5,
        "timeWindowUnit": "m",
        "threshold": [most],
        "thresholdComparator": ">",
    });
    let name = format!("spike of anomalies (more than {most} in 5 min)");
    rule(ward, "spike", &name, ".index-threshold", "threshold met", &params)
}

fn rule(ward: &Ward, what: &str, label: &str, kind: &str, group: &str, params: &Value) -> Rule {
    // Who the patient is stands in no log: the alert itself, in Kibana, says it.
    let actions = [
        action(ward, group, "warn", "{{rule.name}}: active, see the alerts of this rule in Kibana"),
        action(ward, "recovered", "info", "{{rule.name}}: recovered"),
    ];
    let body = json!({
        "name": format!("BP {}: {label}", ward.label()),
        "rule_type_id": kind,
        "consumer": "stackAlerts",
        "enabled": true,
        "schedule": {"interval": "1m"},
        "tags": [TAG],
        "params": params,
        "actions": actions,
    });
    Rule { id: ids::uuid(ward, &format!("rule.{what}")), body }
}

fn action(ward: &Ward, group: &str, level: &str, message: &str) -> Value {
    json!({
        "group": group,
        "id": connector_id(ward),
        "params": {"level": level, "message": message},
        "frequency": {"summary": false, "notify_when": "onActionGroupChange", "throttle": null},
    })
}

fn connector_id(ward: &Ward) -> String {
    ids::uuid(ward, "connector.log")
}

/// A limit for people.
fn shown(bands: &Bands, (field, line): &Limit) -> Option<String> {
    let Line { mmhg, inclusive } = line(bands)?;
    let side = if *field == Field::Systolic { "systolic" } else { "diastolic" };
    Some(format!("{side} {} {mmhg}", if inclusive { ">=" } else { ">" }))
}

/// The query for readings beyond one of the limits. Adult limits say nothing of children, so these raise no alert.
fn beyond(ward: &Ward, limits: &[Limit]) -> Value {
    let own: Vec<_> = ward.patients.iter().map(|(patient, _)| patient).collect();
    let patient = Field::Patient.name();
    let mut ward_wide = any(&ranges(&ward.bands, limits));
    ward_wide["bool"]["must_not"] = json!([{"terms": {patient: own}}]);
    let of_patient = |(id, bands): &(String, Bands)| {
        let mut query = any(&ranges(bands, limits));
        query["bool"]["filter"] = json!([{"term": {patient: id}}]);
        query
    };
    let all: Vec<_> = [ward_wide].into_iter().chain(ward.patients.iter().map(of_patient)).collect();
    json!({"bool": {"filter": [any(&all)], "must_not": [{"term": {Field::Flags.name(): "paediatric"}}]}})
}

fn ranges(bands: &Bands, limits: &[Limit]) -> Vec<Value> {
    let range = |(field, line): &Limit| {
        let Line { mmhg, inclusive } = line(bands)?;
        let relation = if inclusive { "gte" } else { "gt" };
        Some(json!({"range": {field.name(): {relation: mmhg}}}))
    };
    limits.iter().filter_map(range).collect()
}

fn any(queries: &[Value]) -> Value {
    json!({"bool": {"should": queries, "minimum_should_match": 1}})
}
