//! How Kafka is reached: every combination of flags, secrets and manifest that matters.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::kafka::{Authentication, KafkaConnection, Mechanism, Transport};
use bpmonitor_settings::KafkaArgs;
use serde_json::{Value, json};

use common::{Files, compare, manifest, refusal};

const HUNTER2: &str = "hunter2";

fn connection(servers: &str, transport: Transport, authentication: Authentication) -> KafkaConnection {
    KafkaConnection { bootstrap_servers: servers.to_owned(), transport, authentication }
}

fn password(mechanism: Mechanism, password: SecretSource) -> Authentication {
    Authentication::Password { mechanism, username: "nurse".to_owned(), password }
}

fn value() -> SecretSource {
    SecretSource::Value(HUNTER2.to_owned())
}

const TLS: Transport = Transport::Tls { ca: None };

struct Table {
    files: Files,
}

impl Table {
    fn new() -> Self {
        Self { files: Files::new(&["ca", "certificate", "key", "password"]) }
    }

    fn given(&self, flags: &str, environment: Option<SecretSource>) -> KafkaArgs {
        KafkaArgs { kafka_password: environment, ..self.files.flags(flags) }
    }

    fn is(&self, flags: &str, environment: Option<SecretSource>, kafka: &Value, expected: KafkaConnection) {
        self.compare(flags, environment, kafka, Ok(expected));
    }

    fn fails(&self, flags: &str, environment: Option<SecretSource>, kafka: &Value, pieces: &[&str]) {
        self.compare(flags, environment, kafka, Err(pieces));
    }

    fn compare(
        &self,
        flags: &str,
        environment: Option<SecretSource>,
        kafka: &Value,
        expected: Result<KafkaConnection, &[&str]>,
    ) {
        let spec = if kafka.is_null() { Value::Null } else { json!({"kafka": kafka}) };
        let result = self.given(flags, environment).connection(manifest(&spec).as_ref());
        compare(&format!("{flags} with {kafka}"), result, expected);
    }
}

#[test]
fn tls_is_the_default() {
    let table = Table::new();
    let ca = Transport::Tls { ca: Some(table.files.path("ca").into()) };
    let none = || Authentication::None;
    for (flags, transport) in [("", TLS), ("--kafka-ca @ca", ca), ("--kafka-insecure", Transport::Insecure)] {
        let flags = format!("--bootstrap-servers a:9092,b:9092 {flags}");
        table.is(&flags, None, &Value::Null, connection("a:9092,b:9092", transport, none()));
    }
}

#[test]
fn a_certificate_or_a_password_authenticates() {
    let table = Table::new();
    let certificate = Authentication::Certificate {
        certificate: table.files.path("certificate").into(),
        key: table.files.path("key").into(),
    };
    let file = SecretSource::File(table.files.path("password"));
    let user = "--bootstrap-servers a:1 --kafka-username nurse";
    let flags = "--bootstrap-servers a:1 --kafka-certificate @certificate --kafka-key @key";
    table.is(flags, None, &Value::Null, connection("a:1", TLS, certificate));
    for (more, environment, mechanism, secret) in [
        ("", Some(value()), Mechanism::ScramSha512, value()),
        ("--kafka-password-file @password", None, Mechanism::ScramSha512, file.clone()),
        ("--kafka-password-file @password", Some(value()), Mechanism::ScramSha512, file.clone()),
        ("--kafka-mechanism SCRAM-SHA-256", Some(value()), Mechanism::ScramSha256, value()),
        ("--kafka-mechanism plain", Some(value()), Mechanism::Plain, value()),
    ] {
        let expected = connection("a:1", TLS, password(mechanism, secret));
        table.is(&format!("{user} {more}"), environment, &Value::Null, expected);
    }
    let insecure = format!("{user} --kafka-insecure");
    let expected = connection("a:1", Transport::Insecure, password(Mechanism::ScramSha512, value()));
    table.is(&insecure, Some(value()), &Value::Null, expected);
}

#[test]
fn the_manifest_is_last() {
    let table = Table::new();
    let theirs = json!({"bootstrapServers": "m:9092"});
    let insecure = json!({"bootstrapServers": "m:9092", "insecure": true});
    let none = || Authentication::None;
    let with_ca = Transport::Tls { ca: Some(table.files.path("ca").into()) };
    table.is("", None, &theirs, connection("m:9092", TLS, none()));
    table.is("", None, &insecure, connection("m:9092", Transport::Insecure, none()));
    table.is("--kafka-ca @ca", None, &insecure, connection("m:9092", with_ca, none()));
    table.is("--kafka-insecure", None, &theirs, connection("m:9092", Transport::Insecure, none()));
    // Another Kafka than the manifest's is reached over TLS, whatever the manifest says of its own.
    table.is("--bootstrap-servers a:1", None, &insecure, connection("a:1", TLS, none()));
    let auth =
        json!({"bootstrapServers": "m:9092", "auth": {"secretRef": {"name": "s"}, "mechanism": "PLAIN"}});
    let user = "--kafka-username nurse";
    table.is(user, Some(value()), &auth, connection("m:9092", TLS, password(Mechanism::Plain, value())));
    let flag = "--kafka-username nurse --kafka-mechanism SCRAM-SHA-256";
    let expected = connection("m:9092", TLS, password(Mechanism::ScramSha256, value()));
    table.is(flag, Some(value()), &auth, expected);
}

#[test]
fn what_only_the_operator_can_resolve_is_said() {
    let table = Table::new();
    for (kafka, says) in [
        (json!({}), ["the cluster bp-kafka", "--bootstrap-servers"]),
        (json!({"clusterRef": {"name": "strimzi-1"}}), ["the cluster strimzi-1", "--bootstrap-servers"]),
        (
            json!({"bootstrapServers": "m:1", "tls": {"caSecretRef": {"name": "s"}}}),
            ["spec.kafka.tls.caSecretRef", "--kafka-ca"],
        ),
        (
            json!({"bootstrapServers": "m:1", "auth": {"secretRef": {"name": "s"}}}),
            ["spec.kafka.auth.secretRef", "--kafka-password-file"],
        ),
        (
            json!({"bootstrapServers": "m:1", "auth": {"secretRef": {"name": "s"}, "mechanism": "TLS"}}),
            ["spec.kafka.auth.secretRef", "--kafka-certificate"],
        ),
    ] {
        table.fails("", None, &kafka, &says);
        let given = connection("a:1", TLS, Authentication::None);
        table.is("--bootstrap-servers a:1", None, &kafka, given);
    }
    table.fails("", None, &Value::Null, &["no Kafka is given", "--bootstrap-servers"]);
}

#[test]
fn contradictions_say_what_to_change() {
    let table = Table::new();
    for (flags, environment, says) in [
        ("--kafka-insecure --kafka-ca @ca", None, ["--kafka-insecure", "--kafka-ca"]),
        (
            "--kafka-insecure --kafka-certificate @certificate --kafka-key @key",
            None,
            ["--kafka-insecure", "--kafka-certificate"],
        ),
        ("--kafka-certificate @certificate", None, ["--kafka-certificate needs", "give --kafka-key"]),
        ("--kafka-key @key", None, ["--kafka-key needs", "give --kafka-certificate"]),
        ("--kafka-username nurse", None, ["--kafka-username needs a password", "BPMONITOR_KAFKA_PASSWORD"]),
        ("--kafka-password-file @password", None, ["needs a user name", "--kafka-username"]),
        ("", Some(value()), ["needs a user name", "BPMONITOR_KAFKA_PASSWORD"]),
        ("--kafka-mechanism PLAIN", None, ["--kafka-mechanism", "--kafka-username"]),
        (
            "--kafka-certificate @certificate --kafka-key @key --kafka-username nurse",
            Some(value()),
            ["two ways to authenticate", "keep --kafka-certificate"],
        ),
        (
            "--kafka-certificate @certificate --kafka-key @key",
            Some(value()),
            ["two ways to authenticate", "--kafka-username"],
        ),
    ] {
        table.fails(&format!("--bootstrap-servers a:1 {flags}"), environment, &Value::Null, &says);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let table = Table::new();
    for flags in [
        "--kafka-ca @gone",
        "--kafka-certificate @gone --kafka-key @key",
        "--kafka-certificate @certificate --kafka-key @gone",
        "--kafka-username nurse --kafka-password-file @gone",
    ] {
        let flag = flags.split(" @gone").next().unwrap().split(' ').next_back().unwrap();
        let path = table.files.path("gone").display().to_string();
        let flags = format!("--bootstrap-servers a:1 {flags}");
        table.fails(&flags, None, &Value::Null, &[flag, &path, "No such file"]);
    }
    table.fails("--bootstrap-servers a:1 --kafka-ca @.", None, &Value::Null, &["--kafka-ca", "directory"]);
}

#[test]
fn servers_and_mechanism_are_checked_as_they_are_given() {
    for good in ["a:1", "kafka-0.kafka:9092,kafka-1.kafka:9092", "[::1]:9092", "10.0.0.1:65535"] {
        let args: KafkaArgs = common::parse(&["--bootstrap-servers", good]).unwrap();
        assert_eq!(args.bootstrap_servers.as_deref(), Some(good));
    }
    for wrong in
        ["a", "a:", ":1", "a:1,", "a:1, b:2", "a:65536", "a:b", "a:+1", "[::1:9092", "kafka://a:1", ""]
    {
        let says = refusal::<KafkaArgs>(&["--bootstrap-servers", wrong]);
        assert!(says.contains("--bootstrap-servers"), "{wrong}: {says}");
    }
    let says = refusal::<KafkaArgs>(&["--kafka-mechanism", "GSSAPI"]);
    for name in ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] {
        assert!(says.contains(name), "{says}");
    }
}

#[test]
fn a_password_is_never_a_flag_and_never_shown() {
    let says = refusal::<KafkaArgs>(&["--kafka-password", HUNTER2]);
    assert!(says.contains("unexpected argument '--kafka-password'"), "{says}");
    let args = Table::new().given("--bootstrap-servers a:1 --kafka-username nurse", Some(value()));
    let connection = args.connection(None).unwrap();
    assert!(!format!("{args:?} {connection:?}").contains(HUNTER2));
}
