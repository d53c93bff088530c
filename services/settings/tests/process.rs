//! What needs a process of its own: the environment beside flags, logs, signals. The test runs itself as those processes.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use bpmonitor_settings::logs::LogArgs;
use bpmonitor_settings::manifest::{self, Settings};
use bpmonitor_settings::{
    ArchiveArgs, ArchiveTarget, ElasticsearchArgs, KafkaArgs, KeyArgs, SettingsError, TopicArgs, shutdown,
};
use clap::Parser;

/// Says what a process of this test is for.
const ROLE: &str = "BPMONITOR_TEST_ROLE";
const MANIFEST: &str = "
apiVersion: bpmonitor.dev/v1alpha1
kind: BpMonitor
metadata: {name: ward-3, namespace: icu}
spec:
  kafka: {bootstrapServers: 'manifest:1', topic: {name: manifest}}
  elasticsearch: {url: 'https://manifest:1'}
  archive: {s3: {bucket: manifest, region: manifest, endpoint: 'https://manifest'}, retention: 2d}
";

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    topics: TopicArgs,
    #[command(flatten)]
    elasticsearch: ElasticsearchArgs,
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    logs: LogArgs,
}

fn main() {
    match env::var(ROLE).as_deref() {
        Ok("print") => print(),
        Ok("wait") => wait(),
        _ => {
            flags_beat_the_environment_and_the_manifest_is_last();
            secrets_come_from_the_environment();
            values_of_the_environment_are_checked();
            logs_are_json_or_text();
            a_signal_asks_and_another_ends();
        }
    }
}

/// Prints what follows from the flags, the environment and the manifest.
fn print() {
    let flags = Flags::parse();
    flags.logs.init();
    tracing::info!(lag = 7, "settled");
    let manifest = manifest::parse(MANIFEST, "ward.yaml").unwrap();
    match shown(&flags, &manifest) {
        Ok(shown) => println!("{shown}"),
        Err(error) => println!("{error}"),
    }
}

/// One setting a line, by the name of its flag; then where secrets are from.
fn shown(flags: &Flags, manifest: &Settings) -> Result<String, SettingsError> {
    let manifest = Some(manifest);
    let kafka = flags.kafka.connection(manifest)?;
    let topics = flags.topics.topics(manifest)?;
    let elasticsearch = flags.elasticsearch.connection(manifest)?;
    let archive = flags.archive.target(manifest)?;
    let (place, region, endpoint) = match archive.clone() {
        ArchiveTarget::Directory(directory) => (directory.display().to_string(), None, None),
        ArchiveTarget::S3(s3) => (format!("s3://{}", s3.bucket), s3.region, s3.endpoint),
    };
    let settings = [
        ("--bootstrap-servers", kafka.bootstrap_servers.clone()),
        ("--topic", topics.observations),
        ("--rejected-topic", topics.rejected),
        ("--state-topic", topics.state),
        ("--group", topics.group),
        ("--elasticsearch-url", elasticsearch.url.clone()),
        ("--index", flags.elasticsearch.index(manifest)?),
        ("--alias", flags.elasticsearch.alias(manifest)?),
        ("--archive", place),
        ("--archive-compression", format!("{:?}", flags.archive.compression(manifest)).to_lowercase()),
        ("--archive-retention", format!("{:#}", flags.archive.retention(manifest))),
        ("--s3-region", region.unwrap_or_default()),
        ("--s3-endpoint", endpoint.unwrap_or_default()),
    ];
    let lines = settings.map(|(name, value)| format!("{name} {value}\n")).concat();
    let key = if flags.key.key().is_ok() { "with a key" } else { "without a key" };
    Ok(format!("{lines}{kafka:?} {elasticsearch:?} {archive:?} {key}"))
}

/// Ends well after one signal, once standard input ends.
fn wait() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let asked = tokio::spawn(shutdown::signal());
        tokio::task::yield_now().await;
        println!("waiting");
        asked.await.unwrap();
        println!("asked");
        let mut rest = Vec::new();
        tokio::task::spawn_blocking(move || std::io::stdin().read_to_end(&mut rest)).await.unwrap().unwrap();
    });
}

fn this(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.env_clear().env(ROLE, role).stdin(Stdio::null());
    command
}

/// What a process with these flags and this environment prints: on standard output and on standard error.
fn printed(flags: &[&str], environment: &[(&str, &str)]) -> (String, String) {
    let output = this("print").args(flags).envs(environment.iter().copied()).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (out, err)
}

/// Each setting's flag and variable; what the flag says, what the variable, and what follows from the manifest.
fn flags_beat_the_environment_and_the_manifest_is_last() {
    for (flag, variable, values) in [
        (
            "--bootstrap-servers",
            "BPMONITOR_KAFKA_BOOTSTRAP_SERVERS",
            ["flag:1", "environment:1", "manifest:1"],
        ),
        ("--topic", "BPMONITOR_KAFKA_TOPIC", ["flag", "environment", "manifest"]),
        (
            "--rejected-topic",
            "BPMONITOR_KAFKA_REJECTED_TOPIC",
            ["flag", "environment", "bp.icu.ward-3.rejected"],
        ),
        ("--state-topic", "BPMONITOR_KAFKA_STATE_TOPIC", ["flag", "environment", "bp.icu.ward-3.state"]),
        ("--group", "BPMONITOR_KAFKA_GROUP", ["flag", "environment", "bp.icu.ward-3.classifier"]),
        (
            "--elasticsearch-url",
            "BPMONITOR_ELASTICSEARCH_URL",
            ["https://flag", "https://environment", "https://manifest:1"],
        ),
        ("--index", "BPMONITOR_ELASTICSEARCH_INDEX", ["flag", "environment", "bp.icu.ward-3.anomalies"]),
        ("--alias", "BPMONITOR_ELASTICSEARCH_ALIAS", ["flag", "environment", "bp.icu.ward-3"]),
        ("--archive", "BPMONITOR_ARCHIVE", ["flag", "s3://environment", "s3://manifest"]),
        ("--archive-compression", "BPMONITOR_ARCHIVE_COMPRESSION", ["zstd", "none", "zstd"]),
        ("--archive-retention", "BPMONITOR_ARCHIVE_RETENTION", ["1h", "2h", "48h"]),
        ("--s3-region", "BPMONITOR_S3_REGION", ["flag", "environment", "manifest"]),
        (
            "--s3-endpoint",
            "BPMONITOR_S3_ENDPOINT",
            ["https://flag", "https://environment", "https://manifest"],
        ),
    ] {
        let [of_flag, of_environment, of_manifest] = values;
        for (flags, environment, expected) in [
            (&[flag, of_flag][..], &[(variable, of_environment)][..], of_flag),
            (&[], &[(variable, of_environment)], of_environment),
            (&[], &[], of_manifest),
        ] {
            let (shown, logged) = printed(flags, environment);
            let line = format!("{flag} {expected}");
            assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}{logged}");
        }
    }
}

fn secrets_come_from_the_environment() {
    let digits = "00112233445566778899aabbccddeeff".repeat(2);
    for (flags, variables, says) in [
        (&["--kafka-username", "n"][..], &["BPMONITOR_KAFKA_PASSWORD"][..], "password: Value(..)"),
        (&[], &["BPMONITOR_ELASTICSEARCH_API_KEY"], "ApiKey(Value(..))"),
        (&["--elasticsearch-username", "n"], &["BPMONITOR_ELASTICSEARCH_PASSWORD"], "password: Value(..)"),
        (&[], &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], "secret: Value(..), token: None"),
        (&[], &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"], "token: Some(Value(..))"),
        (&["--archive", "s3://flag"], &["AWS_REGION"], "region: Some("),
        (&["--archive", "s3://flag"], &["AWS_DEFAULT_REGION"], "region: Some("),
        (&[], &["BPMONITOR_PSEUDONYM_KEY"], "with a key"),
    ] {
        let environment: Vec<_> = variables.iter().map(|variable| (*variable, digits.as_str())).collect();
        let (shown, logged) = printed(flags, &environment);
        assert!(shown.contains(says), "{variables:?}: {shown}{logged}");
        assert!(
            variables[0].ends_with("REGION") || !(shown + &logged).contains(&digits),
            "{variables:?} shown"
        );
        let empty: Vec<_> = variables.iter().map(|variable| (*variable, "")).collect();
        assert!(!printed(flags, &empty).0.contains(says), "{variables:?} empty");
    }
}

fn values_of_the_environment_are_checked() {
    for variable in ["BPMONITOR_KAFKA_INSECURE", "BPMONITOR_ELASTICSEARCH_INSECURE", "BPMONITOR_S3_INSECURE"]
    {
        let (without, _) = printed(&[], &[]);
        assert_eq!(printed(&[], &[(variable, "false")]).0, without, "{variable}");
        assert!(printed(&[], &[(variable, "perhaps")]).1.contains("perhaps"), "{variable}");
    }
    assert!(printed(&[], &[("BPMONITOR_KAFKA_INSECURE", "true")]).0.contains("transport: Insecure"));
    let (shown, _) = printed(&[], &[("BPMONITOR_KAFKA_INSECURE", "true"), ("BPMONITOR_KAFKA_CA", "/gone")]);
    assert!(shown.starts_with("--kafka-insecure"), "{shown}");
}

fn logs_are_json_or_text() {
    for (flags, environment, is_json) in [
        (&[][..], &[][..], true),
        (&["--log-format", "json"], &[], true),
        (&["--log-format", "text"], &[], false),
        (&[], &[("BPMONITOR_LOG_FORMAT", "text")], false),
        (&["--log-format", "json"], &[("BPMONITOR_LOG_FORMAT", "text")], true),
    ] {
        let (_, logged) = printed(flags, environment);
        if !is_json {
            assert_eq!(logged, " INFO settled lag=7\n");
            continue;
        }
        let line: serde_json::Value = serde_json::from_str(&logged).unwrap();
        assert_eq!(
            (&line["level"], &line["message"], &line["lag"]),
            (&"INFO".into(), &"settled".into(), &7.into())
        );
        assert!(line["timestamp"].is_string() && line["target"].is_string(), "{line}");
    }
    assert_eq!(printed(&[], &[("RUST_LOG", "warn")]).1, "");
}

fn a_signal_asks_and_another_ends() {
    for (signal, other) in [("-TERM", "-TERM"), ("-INT", "-TERM"), ("-TERM", "-INT")] {
        let asked = |mut child: Child| {
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            assert_eq!(lines.next().unwrap().unwrap(), "waiting");
            send(signal, &child);
            assert_eq!(lines.next().unwrap().unwrap(), "asked");
            child
        };
        let start = || this("wait").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut once = asked(start());
        drop(once.stdin.take());
        assert_eq!(once.wait().unwrap().code(), Some(0), "{signal}");
        let mut twice = asked(start());
        send(other, &twice);
        let stays = twice.stdin.take();
        assert_eq!(twice.wait().unwrap().code(), Some(130), "{signal} {other}");
        drop(stays);
    }
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}
