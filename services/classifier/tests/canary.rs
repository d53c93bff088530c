//! Whatever a message says of a patient: nothing of it is in logs, metrics, probes, or what dead letters are labelled with, and in
//! documents only what the rules let in.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_test_support::http_proxy::{Fault, HttpProxy};
use bpmonitor_test_support::observations::{bundle, observation, with};
use common::deployment::{Deployment, Place};
use common::held;
use common::mixture::{Sent, wrong};
use common::until;
use serde_json::{Value, json};

/// What stands for everything that tells of a patient.
const CANARY: &str = "CANARY7F3A";
/// What stands for `Observation.id`, which documents have.
const ID: &str = "ID9C1E";

/// A reading with the canary wherever text may stand.
fn reading(number: usize, systolic: f64) -> Value {
    let canary = json!(CANARY);
    let said = json!({
        "subject": {"reference": format!("Patient/{CANARY}"), "display": canary,
            "identifier": {"system": "http://hospital.example/mrn", "value": canary}},
        "identifier": [{"system": "http://hospital.example/orders", "value": canary}],
        "performer": [{"display": canary, "reference": format!("Practitioner/{CANARY}")}],
        "encounter": {"reference": format!("Encounter/{CANARY}"), "display": canary},
        "note": [{"text": format!("Mrs {CANARY} is nervous"), "authorString": canary}],
        "text": {"status": "generated", "div": format!("<div>{CANARY}</div>")},
        "bodySite": {"text": canary}, "method": {"text": canary}, "device": {"display": canary},
        "interpretation": [{"text": canary, "coding": [{"system": "http://x", "code": canary, "display": canary}]}],
        "extension": [{"url": format!("http://hospital.example/{CANARY}"), "valueString": canary}],
        CANARY: canary,
    });
    let mut reading = with(observation(&format!("{ID}-{number}"), "", systolic, 85), &said);
    reading["code"]["text"] = json!(CANARY);
    reading["component"][0]["code"]["text"] = json!(CANARY);
    reading
}

/// All that can happen to messages, each with the canary in it.
fn messages() -> Vec<Sent> {
    let key = format!("Patient/{CANARY}");
    let mut all: Vec<Sent> = Vec::new();
    for (number, systolic) in [118.0, 150.0, 190.0].into_iter().enumerate() {
        let reading = reading(number, systolic);
        all.push(Sent::json(&key, &reading));
        all.push(Sent::json(&key, &with(reading.clone(), &json!({"status": "entered-in-error"}))));
        all.extend(wrong(&reading).iter().map(|wrong| Sent::json(&key, wrong)));
        let named = json!({"resourceType": "Patient", "id": CANARY, "name": [{"family": CANARY, "given": [CANARY]}],
            "identifier": [{"system": "http://hospital.example/mrn", "value": CANARY}], "birthDate": "1950-01-01"});
        all.push(Sent::json(&key, &bundle(&[named, reading.clone(), wrong(&reading)[0].clone()])));
        for (field, value) in [
            ("status", json!(CANARY)),
            ("resourceType", json!(CANARY)),
            ("effectiveDateTime", json!(CANARY)),
            ("subject", json!({"reference": CANARY})),
            ("subject", json!(CANARY)),
            ("component", json!(CANARY)),
            ("code", json!(CANARY)),
            ("meta", json!({"lastUpdated": CANARY, "versionId": CANARY})),
        ] {
            all.push(Sent::json(&key, &with(reading.clone(), &json!({field: value}))));
        }
        let text = reading.to_string();
        all.push(Sent::of(&key, &text.as_bytes()[..text.len() / 2]));
        all.push(Sent::of(&key, text.replace(':', " ")));
        all.push(Sent::of(&key, format!("{CANARY} {text}")));
    }
    all.push(Sent::of(&key, CANARY));
    all.push(Sent::of(&key, [CANARY.as_bytes(), &[0xff, 0xfe]].concat()));
    all
}

fn assert_silent(what: &str, text: &str) {
    for canary in [CANARY, ID] {
        if let Some(at) = text.find(canary) {
            let around = &text.as_bytes()[at.saturating_sub(300)..(at + 100).min(text.len())];
            panic!("{what} has {canary}: ...{}...", String::from_utf8_lossy(around));
        }
    }
}

#[test]
fn nothing_is_said_of_a_patient() {
    let place = Place::shared();
    let proxy = HttpProxy::start(&place.url);
    let place = Place { url: proxy.url(), ..place };
    let deployment = Deployment::without_topics(place);
    deployment.make_topics();
    // Elasticsearch takes no document at first, and its answers quote them.
    deployment.make_index_with(&json!({"observation_id": {"type": "long"}}));
    let port = common::deployment::free_port();
    let mut command = deployment.command(port);
    command.env("RUST_LOG", "debug");
    let mut replica = deployment.launch_command(command, port);
    replica.await_ready();
    // Everything goes wrong once, since what goes wrong is what is talked of.
    proxy.set(Fault::Answer(503));
    let all = messages();
    deployment.publish(&all);
    replica.await_trouble("ElasticsearchUnavailable");
    assert_silent("/ready", &replica.why_not_ready().unwrap());
    proxy.set(Fault::None);
    replica.await_trouble("MappingOutdated");
    assert_silent("/ready", &replica.why_not_ready().unwrap());
    deployment.delete_index();
    deployment.make_index();
    proxy.set_for(3, Fault::HalfOfBulk);
    deployment.settled();
    until("it is ready", || replica.is_ready());
    for path in ["/ready", "/live", "/metrics"] {
        assert_silent(path, &replica.get(path).unwrap().1);
    }
    let log = replica.log();
    assert!(log.contains("DEBUG"), "it is logged at that level");
    replica.signal("TERM");
    until("it ends", || !replica.is_running());
    assert_silent("the log", &replica.log());
    for record in deployment.place.kafka.read(&deployment.rejected) {
        assert_silent("a dead letter's key", &String::from_utf8(record.key.unwrap()).unwrap());
        assert_silent("a dead letter's headers", &format!("{:?}", record.headers));
    }
    deployment.account(&all);
    for (id, stored) in deployment.place.elastic.documents(&deployment.index) {
        assert_silent(&format!("document {id}"), &stored.source.to_string().replace(ID, ""));
    }
    for path in held::files(&deployment.archive) {
        let text = held::segment(&path).replace(ID, "");
        assert_silent("the archive", &text);
        assert_silent("a file's name", path.to_str().unwrap());
    }
}
