//! `bpmonitor prepare` and `bpmonitor check`: what is made, and what is said of what is missing.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use bpmonitor_clinical::RejectionReason;
use bpmonitor_pipeline::cluster::kafka::{
    Authentication, DeadLetterTopic, KafkaConnection, TopicAdmin, Transport,
};
use bpmonitor_pipeline::{DeadLetter, DeadLetters as _, Origin};
use bpmonitor_test_support::lab;
use common::cluster::{Cluster, With, checked};
use common::process::{Output, Running, bpmonitor, finish};
use common::until;
use elasticsearch::http::Method;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::Message as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn check(cluster: &Cluster, more: &[&str]) -> Output {
    finish(cluster.command(&["check", "-o", "json", "--wait", "60s"], With::All).args(more))
}

/// That a check failed, and says all of these.
#[track_caller]
fn fails(output: &Output, name: &str, says: &[&str]) {
    assert_eq!(output.code, Some(1), "{output:#?}");
    let (status, message) = checked(output, name);
    assert_eq!(status, "failed", "{output:#?}");
    for text in says {
        assert!(message.contains(text), "{text} is not said: {message}");
    }
}

fn statuses(output: &Output) -> Vec<(String, String)> {
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    output.rows().iter().map(|row| (text(row, "check"), text(row, "status"))).collect()
}

/// A protected Kafka and Elasticsearch, and what the users of this ward have there.
struct Protected {
    cluster: Cluster,
    administrator: Vec<String>,
}

impl Protected {
    fn new() -> Self {
        let cluster = Cluster::new();
        cluster.allow_pipeline("--add");
        let store = lab::elasticsearch_secure();
        let password = cluster.path("elastic.password");
        fs::write(&password, &store.password).unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let administrator = vec![
            "--elasticsearch-username".to_owned(),
            "elastic".to_owned(),
            "--elasticsearch-password-file".to_owned(),
            text(&password),
        ];
        let protected = Self { cluster, administrator };
        let key = text(&protected.api_key());
        let mut prepare = bpmonitor(["prepare", "--api-key-file", &key, "-f"]);
        prepare.arg(protected.cluster.manifest());
        finish(Protected::with_scram(Protected::with_store(&mut prepare)).args(&protected.administrator))
            .good();
        protected
    }

    fn api_key(&self) -> std::path::PathBuf {
        self.cluster.path("api.key")
    }

    fn with_scram(command: &mut Command) -> &mut Command {
        command.args([
            "--bootstrap-servers",
            &lab::kafka_scram(),
            "--kafka-username",
            "pipeline",
            "--kafka-password-file",
        ]);
        command.arg(lab::kafka_scram_password_file()).arg("--kafka-ca").arg(lab::kafka_pki().join("ca.crt"))
    }

    fn with_certificate(command: &mut Command) -> &mut Command {
        let pki = lab::kafka_pki();
        command.args(["--bootstrap-servers", &lab::kafka_mtls(), "--kafka-ca"]).arg(pki.join("ca.crt"));
        command
            .arg("--kafka-certificate")
            .arg(pki.join("pipeline.crt"))
            .arg("--kafka-key")
            .arg(pki.join("pipeline.key"))
    }

    fn with_store(command: &mut Command) -> &mut Command {
        let store = lab::elasticsearch_secure();
        command.args(["--elasticsearch-url", &store.url, "--elasticsearch-ca"]).arg(&store.ca)
    }

    fn with_key<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.arg("--elasticsearch-api-key-file").arg(self.api_key())
    }

    fn check(&self, more: &[&str]) -> Command {
        let mut command = bpmonitor(["check", "-o", "json", "--wait", "60s", "-f"]);
        command.arg(self.cluster.manifest()).arg("--pseudonym-key-file").arg(self.cluster.key()).args(more);
        Protected::with_store(&mut command);
        command
    }
}

impl Drop for Protected {
    fn drop(&mut self) {
        self.cluster.allow_pipeline("--remove");
        let store = lab::elasticsearch_secure();
        let index = self.cluster.name("anomalies");
        for target in [index.clone(), format!("_index_template/{index}")] {
            let url = format!("{}/{target}", store.url);
            let mut curl = Command::new("curl");
            curl.args([
                "-sS",
                "-X",
                "DELETE",
                "-u",
                &format!("elastic:{}", store.password),
                &url,
                "--cacert",
            ]);
            let _ = curl.arg(&store.ca).output();
        }
    }
}

#[test]
fn all_is_well_where_everything_is_protected_and_running() {
    let protected = Protected::new();
    let mut classifier = protected.cluster.classifier_command();
    let classifier =
        Running::start(protected.with_key(Protected::with_store(Protected::with_scram(&mut classifier))));
    let archive = protected.cluster.path("archive");
    let archive = ["--archive", archive.to_str().unwrap()];
    let mut scram = protected.check(&archive);
    protected.with_key(Protected::with_scram(&mut scram));
    until("the classifier is in its group", || {
        let looked = finish(Command::new(scram.get_program()).args(scram.get_args()).arg("--no-observation"));
        checked(&looked, "classifier").0 == "ok"
    });
    let output = finish(&mut scram).good();
    let well: Vec<(String, String)> = [
        "kafka",
        "topic observations",
        "topic rejected",
        "topic state",
        "topic rights",
        "classifier",
        "elasticsearch",
        "index",
        "mapping",
        "privileges",
        "pseudonym key",
        "archive",
        "observation",
        "withdrawal",
    ]
    .map(|name| (name.to_owned(), "ok".to_owned()))
    .to_vec();
    assert_eq!(statuses(&output), well, "{output:#?}");
    let mut certificate = protected.check(&archive);
    let output = finish(protected.with_key(Protected::with_certificate(&mut certificate))).good();
    assert_eq!(statuses(&output), well, "{output:#?}");
    assert!(checked(&output, "kafka").1.contains("client certificate"));
    assert!(checked(&output, "elasticsearch").1.contains("API key"));

    let mut publisher = protected.check(&["--only-observation"]);
    let output = finish(protected.with_key(Protected::with_certificate(&mut publisher))).good();
    let of_the_way =
        ["pseudonym key", "observation", "withdrawal"].map(|name| (name.to_owned(), "ok".to_owned()));
    assert_eq!(statuses(&output), of_the_way, "{output:#?}");

    let mut administrator = protected.check(&["--no-observation"]);
    let output = finish(Protected::with_scram(&mut administrator).args(&protected.administrator)).good();
    let (status, message) = checked(&output, "privileges");
    assert_eq!(status, "warning");
    assert!(
        message.contains("manage_security on the cluster") && message.contains("--api-key-file"),
        "{message}"
    );
    classifier.stop().good();
}

#[test]
fn who_may_not_is_told_what_to_do() {
    let protected = Protected::new();
    let looks = |command: &mut Command| finish(command.arg("--no-observation"));

    let wrong = protected.cluster.path("wrong");
    fs::write(&wrong, "wrong").unwrap();
    let mut command = protected.check(&[]);
    let password = protected.with_key(Protected::with_scram(&mut command));
    let args: Vec<_> = password.get_args().map(ToOwned::to_owned).collect();
    let replaced = |from: &Path, to: &Path| {
        let args = args
            .iter()
            .map(|arg| if arg == from.as_os_str() { to.as_os_str().to_owned() } else { arg.clone() });
        looks(&mut bpmonitor(args))
    };
    fails(
        &replaced(&lab::kafka_scram_password_file(), &wrong),
        "kafka",
        &["refuses the credentials", "password"],
    );
    let other_ca = lab::elasticsearch_secure().ca;
    fails(&replaced(&lab::kafka_pki().join("ca.crt"), &other_ca), "kafka", &["CA", "certificate"]);
    fails(&replaced(&other_ca, &lab::kafka_pki().join("ca.crt")), "elasticsearch", &["certificate", "CA"]);
    fails(&replaced(&protected.api_key(), &wrong), "elasticsearch", &["401", "API key"]);

    let mut stranger = protected.check(&[]);
    stranger.args(["--bootstrap-servers", &lab::kafka_scram(), "--kafka-username", "stranger", "--kafka-ca"]);
    stranger
        .arg(lab::kafka_pki().join("ca.crt"))
        .arg("--kafka-password-file")
        .arg(lab::kafka_scram_stranger_password_file());
    let output = looks(protected.with_key(&mut stranger));
    fails(&output, "topic observations", &["may not"]);

    let index = protected.cluster.name("anomalies");
    let roles =
        json!({"weak": {"indices": [{"names": [index], "privileges": ["read", "view_index_metadata"]}]}});
    let weak = protected.cluster.path("weak.key");
    let store = lab::elasticsearch_secure();
    let mut curl = Command::new("curl");
    curl.args([
        "-sS",
        "-u",
        &format!("elastic:{}", store.password),
        "-H",
        "content-type: application/json",
        "-d",
    ]);
    curl.arg(json!({"name": index, "role_descriptors": roles}).to_string()).arg("--cacert").arg(&store.ca);
    let answer = curl.arg(format!("{}/_security/api_key", store.url)).output().unwrap();
    let answer: Value = serde_json::from_slice(&answer.stdout).unwrap();
    fs::write(&weak, answer["encoded"].as_str().unwrap()).unwrap();
    fails(&replaced(&protected.api_key(), &weak), "privileges", &["lacks index on", "--api-key-file"]);
}

#[test]
fn prepare_makes_everything_once() {
    let cluster = Cluster::new();
    cluster.make_topic("rejected", 1, &[("max.message.bytes", "1000000"), ("segment.ms", "7200000")]);
    let first = cluster.does(&["prepare"], With::Elasticsearch).good().out;
    assert!(
        first.contains(&format!("topic {}: made, 3 partitions", cluster.name("observations"))),
        "{first}"
    );
    assert!(first.contains("max.message.bytes set from 1000000 to 33554432"), "{first}");
    assert!(first.contains("partitions is 1, but is to be 3"), "{first}");
    assert!(first.contains(&format!("index {}: made", cluster.name("anomalies"))), "{first}");
    let admin = TopicAdmin::new(&plaintext(), "test").unwrap();
    let rejected = cluster.runtime().block_on(admin.find(&cluster.name("rejected"))).unwrap().unwrap();
    assert_eq!(rejected.settings.unwrap()["segment.ms"], "7200000", "what is not ours stays");
    let again = cluster.does(&["prepare"], With::Elasticsearch).good().out;
    assert!(
        again.contains("there already") && !again.contains(": made") && !again.contains("set from"),
        "{again}"
    );
    let output = check(&cluster, &["--no-observation"]);
    assert_eq!(checked(&output, "topic state").0, "ok");
    assert_eq!(checked(&output, "topic rejected").0, "warning");
    assert_eq!(checked(&output, "mapping").0, "ok");
}

#[test]
fn prepare_makes_a_key_once() {
    let protected = Protected::new();
    let key = fs::read_to_string(protected.api_key()).unwrap();
    let path = protected.api_key();
    let prepare = || {
        let mut command = bpmonitor(["prepare", "--api-key-file", path.to_str().unwrap(), "-f"]);
        command.arg(protected.cluster.manifest());
        finish(Protected::with_scram(Protected::with_store(&mut command)).args(&protected.administrator))
    };
    assert!(prepare().good().out.contains("there already, and known"));
    assert_eq!(fs::read_to_string(&path).unwrap(), key);
    fs::write(&path, "nonsense").unwrap();
    prepare().failed(1, &["remove", "another key"]);
}

#[test]
fn what_is_not_there_is_named() {
    let cluster = Cluster::new();
    let output = check(&cluster, &[]);
    for topic in ["observations", "rejected", "state"] {
        fails(&output, &format!("topic {topic}"), &[&cluster.name(topic), "bpmonitor prepare"]);
    }
    fails(&output, "index", &[&cluster.name("anomalies"), "bpmonitor prepare"]);
    assert_eq!(checked(&output, "observation").0, "warning");
    cluster.does(&["prepare"], With::Elasticsearch).good();
    fails(&check(&cluster, &[]), "classifier", &["no classifier runs", &cluster.name("classifier")]);
    fails(
        &finish(&mut cluster.command(&["check", "-o", "json"], With::Elasticsearch)),
        "pseudonym key",
        &["--pseudonym-key-file"],
    );
    let nowhere = check(&cluster, &["--archive", "/nowhere/at/all"]);
    fails(&nowhere, "archive", &["/nowhere/at/all", "cannot be written"]);
    let table = finish(cluster.command(&["check", "-o", "table"], With::All).arg("--no-observation"));
    assert!(table.out.starts_with("STATUS") && table.out.contains("\nFAILED   classifier"), "{}", table.out);
}

#[test]
fn unreachable_servers_are_told_apart() {
    let cluster = Cluster::new();
    let mut command =
        bpmonitor(["check", "-o", "json", "--bootstrap-servers", "127.0.0.1:1", "--kafka-insecure", "-f"]);
    command.arg(cluster.manifest()).arg("--pseudonym-key-file").arg(cluster.key());
    let output =
        finish(command.args(["--elasticsearch-url", "http://127.0.0.1:1", "--elasticsearch-insecure"]));
    fails(&output, "kafka", &["127.0.0.1:1", "no Kafka broker can be reached"]);
    fails(&output, "elasticsearch", &["http://127.0.0.1:1", "cannot be reached"]);
}

#[test]
fn a_mapping_or_an_alias_that_differs_is_named() {
    let cluster = Cluster::prepared();
    let index = cluster.name("anomalies");
    let template = format!("_index_template/{index}");
    let mut body =
        cluster.ask(Method::Get, &template, None)["index_templates"][0]["index_template"]["template"].clone();
    cluster.ask(Method::Delete, &template, None);
    cluster.ask(Method::Delete, &index, None);
    body["mappings"]["properties"]["category"] = json!({"type": "text"});
    body["mappings"]["properties"].as_object_mut().unwrap().remove("severity");
    cluster.ask(Method::Put, &index, Some(&body));
    let output = check(&cluster, &["--no-observation"]);
    fails(&output, "mapping", &["category is text", "severity is missing"]);
    let remove = json!({"actions": [{"remove": {"index": index, "alias": cluster.alias()}}]});
    cluster.ask(Method::Post, "_aliases", Some(&remove));
    fails(&check(&cluster, &["--no-observation"]), "index", &[&cluster.alias(), "is missing"]);
    cluster.ask(Method::Put, &format!("{index}/_settings"), Some(&json!({"index.blocks.write": true})));
    fails(&check(&cluster, &["--no-observation"]), "index", &["blocked", "index.blocks.write"]);
}

#[test]
fn a_topic_that_would_lose_what_it_holds_is_a_failure() {
    let cluster = Cluster::new();
    cluster.make_topic(
        "observations",
        3,
        &[("cleanup.policy", "compact"), ("max.message.bytes", "33554432")],
    );
    cluster.make_topic("rejected", 3, &[("max.message.bytes", "1048588")]);
    cluster.make_topic("state", 3, &[("max.message.bytes", "33554432")]);
    let output = check(&cluster, &["--no-observation"]);
    fails(&output, "topic observations", &["cleanup.policy is compact, but is to be delete"]);
    fails(&output, "topic state", &["cleanup.policy is delete, but is to be compact"]);
    let (status, message) = checked(&output, "topic rejected");
    assert_eq!(status, "warning");
    assert!(message.contains("max.message.bytes is 1048588, but is to be 33554432"), "{message}");
}

/// What a member of the group does with an observation in the classifier's place.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    Nothing,
    Reject,
    Commit,
}

/// A member of the classifier's group, until it is dropped.
struct Member {
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

impl Member {
    fn join(cluster: &Cluster, does: Does) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", lab::kafka()).set("group.id", cluster.name("classifier"));
        config.set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = config.create().unwrap();
        let (topic, rejected) = (cluster.name("observations"), cluster.name("rejected"));
        consumer.subscribe(&[&topic]).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.is_cancelled() {
                let Some(Ok(record)) = consumer.poll(std::time::Duration::from_millis(100)) else { continue };
                if does == Does::Reject {
                    reject(&rejected, &record);
                }
                if does != Does::Nothing {
                    consumer.commit_message(&record, CommitMode::Sync).unwrap();
                }
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.stop.cancel();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn plaintext() -> KafkaConnection {
    KafkaConnection {
        bootstrap_servers: lab::kafka(),
        transport: Transport::Insecure,
        authentication: Authentication::None,
    }
}

fn reject(topic: &str, record: &rdkafka::message::BorrowedMessage<'_>) {
    let origin = Origin {
        topic: Arc::from(record.topic()),
        partition: record.partition(),
        offset: u64::try_from(record.offset()).unwrap(),
        line: 0,
    };
    let letter = DeadLetter {
        origin,
        start: 0,
        entry: None,
        reason: RejectionReason::Future,
        time: jiff::Timestamp::now(),
        original: record.payload().unwrap().to_vec(),
    };
    let mut letters = DeadLetterTopic::new(&plaintext(), topic).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(letters.write(&[letter])).unwrap();
}

#[test]
fn an_observation_that_gets_stuck_is_found_and_withdrawn() {
    for (does, says) in [
        (Does::Nothing, "still in the topic"),
        (Does::Reject, "in the dead letters, as future"),
        (Does::Commit, "the classifier is past it"),
    ] {
        let cluster = Cluster::prepared();
        let member = Member::join(&cluster, does);
        until("the member is in its group", || {
            checked(&check(&cluster, &["--no-observation"]), "classifier").0 == "ok"
        });
        let output = finish(&mut cluster.command(&["check", "-o", "json", "--wait", "3s"], With::All));
        fails(&output, "observation", &["not in Elasticsearch after 3s", says]);
        drop(member);
        let statuses: Vec<Value> = cluster
            .records("observations")
            .iter()
            .map(|record| {
                serde_json::from_str::<Value>(record.payload.as_deref().unwrap()).unwrap()["status"].clone()
            })
            .collect();
        assert_eq!(statuses, [json!("final"), json!("entered-in-error")]);
    }
}

#[test]
fn nobody_sees_the_observation_of_a_check() {
    let cluster = Cluster::prepared();
    let classifier = cluster.classifier();
    until("the classifier is in its group", || {
        checked(&check(&cluster, &["--no-observation"]), "classifier").0 == "ok"
    });
    let output = check(&cluster, &[]).good();
    assert_eq!(
        (checked(&output, "observation").0, checked(&output, "withdrawal").0),
        ("ok".to_owned(), "ok".to_owned())
    );
    let documents = cluster.documents();
    assert_eq!(documents.len(), 1);
    assert!(
        documents[0].0.starts_with("bpmonitor-check-") && documents[0].1["withdrawn"] == true,
        "{documents:?}"
    );
    let seen = cluster.ask(Method::Get, &format!("{}/_count", cluster.alias()), None);
    assert_eq!(seen["count"], 0);

    fs::write(cluster.key(), "f".repeat(64)).unwrap();
    fails(&check(&cluster, &[]), "observation", &["another pseudonym", "another key"]);
    classifier.stop().good();
}
