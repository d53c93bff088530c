//! Encryption and authentication: what must work with the least rights, and what must be refused.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::path::Path;
use std::process::Command;

use bpmonitor_crds::index::privileges;
use bpmonitor_test_support::lab;
use common::deployment::{Deployment, Place};
use common::elastic::Elastic;
use common::mixture::Mixture;
use common::{seed, until};
use serde_json::json;

/// A deployment in the shared lab, on the Elasticsearch that wants TLS and authentication.
fn secure() -> Deployment {
    let elastic = Elastic::secure(&lab::elasticsearch_secure());
    Deployment::at(Place { elastic, ..Place::new(&lab::kafka(), &lab::elasticsearch()) })
}

/// An API key with just the rights that the classifier needs; its id.
fn make_api_key(deployment: &Deployment, file: &str) -> String {
    let roles = privileges(&deployment.names());
    let body = json!({"name": deployment.index, "role_descriptors": roles});
    let key = deployment.place.elastic.good("POST", "_security/api_key", Some(&body));
    std::fs::write(deployment.file(file), key["encoded"].as_str().unwrap()).unwrap();
    key["id"].as_str().unwrap().to_owned()
}

fn invalidate(deployment: &Deployment, id: &str) {
    deployment.place.elastic.good("DELETE", "_security/api_key", Some(&json!({"ids": [id]})));
}

/// Lets a Kafka user do just what the classifier does.
fn allow(deployment: &Deployment, user: &str) {
    let Deployment { topic, rejected, group, .. } = deployment;
    let principal = format!("User:{user}");
    for rights in [
        vec!["--operation", "Read", "--operation", "Describe", "--topic", topic],
        vec!["--operation", "Write", "--operation", "Describe", "--topic", rejected],
        vec!["--operation", "Read", "--group", group],
    ] {
        let tool = lab::kafka_tools().join("kafka-acls");
        let added = Command::new(tool)
            .args(["--add", "--allow-principal", &principal])
            .args(&rights)
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
    }
}

fn forbid(deployment: &Deployment) {
    let Deployment { topic, rejected, group, .. } = deployment;
    let tool = lab::kafka_tools().join("kafka-acls");
    for of in [["--topic", topic], ["--topic", rejected], ["--group", group]] {
        let removed = Command::new(&tool).args(["--remove", "--force"]).args(of).output().unwrap();
        assert!(removed.status.success(), "{removed:?}");
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn kafka_by_certificate(user: &str) -> Vec<String> {
    let pki = lab::kafka_pki();
    let file = |name: &str| text(&pki.join(name));
    [
        ("--bootstrap-servers", lab::kafka_mtls()),
        ("--kafka-ca", file("ca.crt")),
        ("--kafka-certificate", file(&format!("{user}.crt"))),
        ("--kafka-key", file(&format!("{user}.key"))),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

fn kafka_by_password(user: &str, file: &Path) -> Vec<String> {
    [
        ("--bootstrap-servers", lab::kafka_scram()),
        ("--kafka-ca", text(&lab::kafka_pki().join("ca.crt"))),
        ("--kafka-username", user.to_owned()),
        ("--kafka-password-file", text(file)),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

fn elasticsearch_by_key(deployment: &Deployment) -> Vec<String> {
    let secure = lab::elasticsearch_secure();
    [
        ("--elasticsearch-url", secure.url.clone()),
        ("--elasticsearch-ca", text(&secure.ca)),
        ("--elasticsearch-api-key-file", text(&deployment.file("api-key"))),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

#[test]
fn certificates_an_api_key_and_the_least_rights_suffice() {
    let mut deployment = secure();
    let first = make_api_key(&deployment, "api-key");
    allow(&deployment, "CN=pipeline");
    deployment.connection =
        Some([kafka_by_certificate("pipeline"), elasticsearch_by_key(&deployment)].concat());
    let replica = deployment.start();
    let mut mixture = Mixture::new(seed());
    let mut all = mixture.take(1_000);
    deployment.publish(&all);
    deployment.settled();

    // The key is invalidated; a new one in the same file is taken without a restart.
    invalidate(&deployment, &first);
    let more = mixture.take(1_000);
    deployment.publish(&more);
    all.extend(more);
    replica.await_trouble("ElasticsearchUnauthorized");
    make_api_key(&deployment, "new-key");
    std::fs::rename(deployment.file("new-key"), deployment.file("api-key")).unwrap();
    deployment.settled();
    until("it is ready again", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
    forbid(&deployment);
}

#[test]
fn a_password_suffices() {
    let mut deployment = secure();
    make_api_key(&deployment, "api-key");
    allow(&deployment, "pipeline");
    let password = lab::kafka_scram_password_file();
    deployment.connection =
        Some([kafka_by_password("pipeline", &password), elasticsearch_by_key(&deployment)].concat());
    let replica = deployment.start();
    let all = Mixture::new(seed()).take(1_000);
    deployment.publish(&all);
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
    forbid(&deployment);
}

/// Each is refused, says so, and goes on trying: what is amended outside needs no restart.
#[test]
fn whoever_is_not_let_in_says_so_and_goes_on_trying() {
    let mut deployment = secure();
    make_api_key(&deployment, "api-key");
    let pki = lab::kafka_pki();
    let store = elasticsearch_by_key(&deployment);
    std::fs::write(deployment.file("wrong-password"), "wrong").unwrap();
    let swap = |mut arguments: Vec<String>, flag: &str, value: Option<String>| {
        let at = arguments.iter().position(|argument| argument == flag).unwrap();
        match value {
            Some(value) => arguments[at + 1] = value,
            None => drop(arguments.drain(at..at + 2)),
        }
        arguments
    };
    let certificate = kafka_by_certificate("pipeline");
    let wrong_ca = swap(certificate.clone(), "--kafka-ca", Some(text(&lab::elasticsearch_secure().ca)));
    let no_certificate = swap(certificate.clone(), "--kafka-certificate", None);
    let no_certificate = swap(no_certificate, "--kafka-key", None);
    for (kafka, reason) in [
        (wrong_ca, "KafkaTlsFailed"),
        // TLS 1.3: the broker hangs up after what the client took for a handshake that succeeded.
        (no_certificate, "KafkaUnreachable"),
        (kafka_by_certificate("foreign"), "KafkaUnreachable"),
        (kafka_by_certificate("stranger"), "KafkaForbidden"),
        (kafka_by_password("stranger", &lab::kafka_scram_stranger_password_file()), "KafkaForbidden"),
        (kafka_by_password("pipeline", &deployment.file("wrong-password")), "KafkaUnauthenticated"),
    ] {
        println!("{kafka:?}");
        deployment.connection = Some([kafka, store.clone()].concat());
        let mut replica = deployment.launch();
        replica.await_trouble(reason);
        assert!(replica.is_running() && replica.is_live());
        let log = replica.log();
        assert!(log.contains(reason), "it is logged:\n{log}");
        assert!(!log.contains("wrong\""), "and no password is");
    }

    // The stores: a CA that has not signed its certificate, a key of no rights.
    allow(&deployment, "CN=pipeline");
    let all = Mixture::new(seed()).take(300);
    deployment.publish(&all);
    let other = secure();
    make_api_key(&other, "api-key");
    std::fs::copy(other.file("api-key"), deployment.file("others-key")).unwrap();
    let wrong_ca = swap(store.clone(), "--elasticsearch-ca", Some(text(&pki.join("ca.crt"))));
    let others_key = text(&deployment.file("others-key"));
    let no_rights = swap(store.clone(), "--elasticsearch-api-key-file", Some(others_key));
    for (store, reason) in [(wrong_ca, "ElasticsearchUntrusted"), (no_rights, "ElasticsearchForbidden")] {
        deployment.connection = Some([certificate.clone(), store].concat());
        let mut replica = deployment.launch();
        replica.await_trouble(reason);
        assert!(replica.is_running() && replica.is_live());
    }
    // A stranger who is given the rights works without a restart.
    deployment.connection = Some([kafka_by_certificate("stranger"), store].concat());
    let replica = deployment.launch();
    replica.await_trouble("KafkaForbidden");
    allow(&deployment, "CN=stranger");
    deployment.settled();
    until("it is ready", || replica.is_ready());
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
    forbid(&deployment);
}

#[test]
fn without_encryption_only_where_it_is_asked_for() {
    let deployment = Deployment::without_topics(Place::shared());
    let Place { servers, url, .. } = &deployment.place;
    for (arguments, says) in [
        (
            vec!["--bootstrap-servers", servers, "--kafka-insecure", "--elasticsearch-url", url],
            "--elasticsearch-insecure",
        ),
        (vec!["--bootstrap-servers", servers, "--kafka-insecure"], "--elasticsearch-url"),
        (vec!["--elasticsearch-url", url, "--elasticsearch-insecure"], "--bootstrap-servers"),
        (
            vec![
                "--bootstrap-servers",
                servers,
                "--kafka-insecure",
                "--kafka-ca",
                "/nowhere",
                "--elasticsearch-url",
                url,
            ],
            "--kafka-ca",
        ),
    ] {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let mut deployment = Deployment::without_topics(Place::shared());
        deployment.connection = Some(arguments.clone());
        let mut ended = deployment.launch();
        until("bad usage ends it", || !ended.is_running());
        let log = ended.log();
        assert!(log.contains(says), "{arguments:?}: {log}");
        assert_eq!(ended.wait(), Some(2), "{arguments:?}");
    }
    // Without --kafka-insecure it speaks TLS, and a plain listener does not understand that.
    let arguments = ["--bootstrap-servers", servers, "--elasticsearch-url", url, "--elasticsearch-insecure"];
    let mut other = Deployment::without_topics(Place::shared());
    other.connection = Some(arguments.map(str::to_owned).to_vec());
    let replica = other.launch();
    replica.await_trouble("Kafka");
}
