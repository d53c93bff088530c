//! Who may publish, and what is said to those who may not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::process::Command;

use bpmonitor_test_support::lab;
use common::{Bed, binary, each_once, good, run};
use serde_json::json;

fn bed() -> Bed {
    let bed = Bed::new();
    bed.manifest(&json!({"patients": {"count": 5, "history": {"days": 1}}}));
    bed
}

/// Grants the user of the certificate, and of the password, what a producer needs: of no group, anything.
fn grant(bed: &Bed, user: &str) {
    let state = ["Read", "Write", "Describe"];
    let observations = ["Read", "Write", "Describe", "DescribeConfigs"];
    for (topic, operations) in [(bed.state_topic(), &state[..]), (bed.topic(), &observations)] {
        let mut command = Command::new(lab::kafka_tools().join("kafka-acls"));
        command.args(["--add", "--allow-principal", user, "--topic", &topic]);
        for operation in operations {
            command.args(["--operation", operation]);
        }
        assert!(command.output().unwrap().status.success());
    }
}

fn ward(bed: &Bed, servers: &str, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.env("BPMONITOR_LISTEN", "127.0.0.1:0").arg("-f").arg(bed.directory.path().join("ward.json"));
    command.args(["--count", "20", "--bootstrap-servers", servers]).args(arguments);
    command
}

fn pki(name: &str) -> String {
    lab::kafka_pki().join(name).display().to_string()
}

#[test]
fn a_client_certificate_is_who_publishes() {
    let bed = bed();
    let servers = lab::kafka_mtls();
    let (ca, certificate, key) = (pki("ca.crt"), pki("pipeline.crt"), pki("pipeline.key"));
    let with = |ca: &str, certificate: &str, key: &str| {
        ward(&bed, &servers, &["--kafka-ca", ca, "--kafka-certificate", certificate, "--kafka-key", key])
    };
    // Without rights to the topics.
    let (code, text) = run(&mut with(&ca, &certificate, &key));
    assert_eq!(code, 1, "{text}");
    grant(&bed, "User:CN=pipeline");
    good(&mut with(&ca, &certificate, &key));
    assert_eq!(each_once(&bed.records()), 20);
    // A certificate of others, another CA, none at all.
    for mut command in [
        with(&ca, &pki("foreign.crt"), &pki("foreign.key")),
        with(&pki("clients-ca.crt"), &certificate, &key),
        ward(&bed, &servers, &["--kafka-ca", &ca]),
    ] {
        let (code, text) = run(&mut command);
        assert_eq!((code, text.contains("no TLS connection")), (1, true), "{text}");
    }
    // A key that is not the certificate's.
    let (code, text) = run(&mut with(&ca, &certificate, &pki("stranger.key")));
    assert_eq!((code, text.contains("check the certificates")), (1, true), "{text}");
}

#[test]
fn a_password_is_who_publishes() {
    let bed = bed();
    let servers = lab::kafka_scram();
    let password = lab::kafka_scram_password_file().display().to_string();
    let stranger = lab::kafka_scram_stranger_password_file().display().to_string();
    let with = |user: &str, password: &str| {
        let ca = pki("ca.crt");
        ward(
            &bed,
            &servers,
            &["--kafka-ca", &ca, "--kafka-username", user, "--kafka-password-file", password],
        )
    };
    let (code, text) = run(&mut with("pipeline", &stranger));
    assert_eq!((code, text.contains("does not accept who this is")), (1, true), "{text}");
    let (code, text) = run(&mut with("stranger", &stranger));
    assert_eq!(code, 1, "{text}");
    grant(&bed, "User:pipeline");
    good(&mut with("pipeline", &password));
    assert_eq!(each_once(&bed.records()), 20);
}
