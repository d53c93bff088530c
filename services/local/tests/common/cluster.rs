//! A ward in the lab's Kafka and Elasticsearch: its manifest, its key, commands on it, and what is in its topics and its index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_support::{lab, unique};
use elasticsearch::http::Method;
use jiff::Timestamp;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::process::{Output, Running, bpmonitor, finish};
use super::until;

/// How long Kafka may take.
const WITHIN: Duration = Duration::from_secs(30);

/// A record of a topic.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) payload: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Record {
    /// What a header says.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&header.1)
    }
}

/// A ward; its topics and its index are removed when it is dropped.
pub(crate) struct Cluster {
    directory: TempDir,
    namespace: String,
    runtime: Runtime,
}

impl Cluster {
    /// With the smallest manifest; nothing of it is made yet.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("bpmonitor-test-").tempdir().unwrap();
        let cluster = Self { directory, namespace: unique::name("t"), runtime: Runtime::new().unwrap() };
        cluster.set_spec(&json!({}));
        fs::write(cluster.key(), "0123456789abcdef".repeat(4)).unwrap();
        cluster
    }

    /// The same, prepared.
    pub(crate) fn prepared() -> Self {
        let cluster = Self::new();
        cluster.does(&["prepare"], With::Elasticsearch).good();
        cluster
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.path("ward.yaml")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("pseudonym.key")
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn name(&self, what: &str) -> String {
        format!("bp.{}.ward.{what}", self.namespace)
    }

    pub(crate) fn alias(&self) -> String {
        format!("bp.{}.ward", self.namespace)
    }

    pub(crate) fn set_spec(&self, spec: &Value) {
        let manifest = json!({
            "apiVersion": "bpmonitor.dev/v1alpha1",
            "kind": "BpMonitor",
            "metadata": {"name": "ward", "namespace": self.namespace},
            "spec": spec,
        });
        fs::write(self.manifest(), manifest.to_string()).unwrap();
    }

    /// A command on this ward in the lab's unprotected Kafka.
    pub(crate) fn command(&self, args: &[&str], with: With) -> Command {
        let mut command = bpmonitor(args);
        command.arg("-f").arg(self.manifest());
        command.args(["--bootstrap-servers", &lab::kafka(), "--kafka-insecure"]);
        if with >= With::Elasticsearch {
            command.args(["--elasticsearch-url", &lab::elasticsearch(), "--elasticsearch-insecure"]);
        }
        if with != With::Kafka && with != With::Elasticsearch {
            command.arg("--pseudonym-key-file").arg(self.key());
        }
        command
    }

    pub(crate) fn does(&self, args: &[&str], with: With) -> Output {
        finish(&mut self.command(args, with))
    }

    /// The classifier of this ward, in the background.
    pub(crate) fn classifier(&self) -> Running {
        Running::start(
            self.classifier_command()
                .args(["--bootstrap-servers", &lab::kafka(), "--kafka-insecure"])
                .args(["--elasticsearch-url", &lab::elasticsearch(), "--elasticsearch-insecure"]),
        )
    }

    /// The classifier, which is to be told how Kafka and Elasticsearch are reached.
    pub(crate) fn classifier_command(&self) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_bpmonitor")).with_file_name("bpmonitor-classifier");
        assert!(binary.exists(), "build bpmonitor-classifier first: {} is not there", binary.display());
        let mut command = Command::new(binary);
        command.arg("-f").arg(self.manifest()).arg("--archive").arg(self.path("archive"));
        command.arg("--pseudonym-key-file").arg(self.key()).args(["--listen", "127.0.0.1:0"]);
        command
    }

    fn config() -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", lab::kafka());
        config
    }

    fn admin() -> AdminClient<DefaultClientContext> {
        Self::config().create().unwrap()
    }

    /// Makes a topic of this ward with these settings.
    pub(crate) fn make_topic(&self, what: &str, partitions: i32, settings: &[(&str, &str)]) {
        let name = self.name(what);
        let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = self.runtime.block_on(Self::admin().create_topics([&topic], &AdminOptions::new()));
        made.unwrap().remove(0).unwrap();
        until("the topic is there", || self.partitions(what) == usize::try_from(partitions).unwrap());
    }

    pub(crate) fn delete_topic(&self, what: &str) {
        let name = self.name(what);
        let deleted = self.runtime.block_on(Self::admin().delete_topics(&[&name], &AdminOptions::new()));
        deleted.unwrap().remove(0).unwrap();
        until("the topic is gone", || self.partitions(what) == 0);
    }

    /// How many partitions a topic has; 0 where there is none.
    pub(crate) fn partitions(&self, what: &str) -> usize {
        let consumer: BaseConsumer = Self::config().create().unwrap();
        let name = self.name(what);
        let metadata = consumer.fetch_metadata(Some(&name), WITHIN).unwrap();
        metadata
            .topics()
            .iter()
            .find(|topic| topic.name() == name)
            .map_or(0, |topic| topic.partitions().len())
    }

    /// Publishes records to a topic, each with its key.
    pub(crate) fn publish(&self, what: &str, records: &[(&str, &str)]) {
        let name = self.name(what);
        Self::send(records.iter().map(|(key, payload)| BaseRecord::to(&name).key(*key).payload(*payload)));
    }

    /// Waits until Kafka has removed what it removes of records written so long ago: of one in this topic.
    pub(crate) fn await_removal(&self, what: &str, written: Timestamp) {
        let name = self.name(what);
        Self::send([BaseRecord::to(&name).key("old").payload("old").timestamp(written.as_millisecond())]);
        until("Kafka removes what is old", || self.records(what).is_empty());
    }

    fn send<'r>(records: impl IntoIterator<Item = BaseRecord<'r, str, str>>) {
        let producer: BaseProducer = Self::config().set("message.max.bytes", "40000000").create().unwrap();
        for record in records {
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(WITHIN).unwrap();
    }

    /// All that is in a topic, partition after partition.
    pub(crate) fn records(&self, what: &str) -> Vec<Record> {
        let name = self.name(what);
        let consumer: BaseConsumer =
            Self::config().set("group.id", "test").set("enable.partition.eof", "true").create().unwrap();
        let mut records = Vec::new();
        for partition in 0..i32::try_from(self.partitions(what)).unwrap() {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(&name, partition, Offset::Beginning).unwrap();
            consumer.assign(&list).unwrap();
            loop {
                let message = match consumer.poll(WITHIN) {
                    Some(Ok(message)) => message,
                    Some(Err(KafkaError::PartitionEOF(_))) => break,
                    // Other events, and groups that are nobody's.
                    Some(Err(_)) | None => continue,
                };
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                records.push(Record {
                    partition,
                    key: message.key().map(text),
                    payload: message.payload().map(text),
                    headers: headers
                        .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                        .collect(),
                });
            }
        }
        records
    }

    /// Asks the lab's unprotected Elasticsearch.
    pub(crate) fn ask(&self, method: Method, target: &str, body: Option<&Value>) -> Value {
        self.runtime.block_on(unprotected().ask(method, target, body, "a test")).unwrap()
    }

    /// Every document of the index, tombstones too, by Observation id.
    pub(crate) fn documents(&self) -> Vec<(String, Value)> {
        let index = self.name("anomalies");
        self.ask(Method::Post, &format!("{index}/_refresh"), None);
        let found = self.ask(Method::Get, &format!("{index}/_search?size=1000"), None);
        let mut documents: Vec<(String, Value)> = found["hits"]["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| {
                (
                    hit["_source"]["observation_id"].as_str().unwrap_or_default().to_owned(),
                    hit["_source"].clone(),
                )
            })
            .collect();
        documents.sort_by(|one, other| one.0.cmp(&other.0));
        documents
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Lets the lab's Kafka users called `pipeline` do with this ward's topics and group what they like, or takes that back.
    pub(crate) fn allow_pipeline(&self, what: &str) {
        let prefix = format!("bp.{}.", self.namespace);
        let mut acls = Command::new(lab::kafka_tools().join("kafka-acls"));
        acls.args([what, "--allow-principal", "User:pipeline", "--allow-principal", "User:CN=pipeline"]);
        acls.args([
            "--operation",
            "All",
            "--topic",
            &prefix,
            "--group",
            &prefix,
            "--resource-pattern-type",
            "prefixed",
        ]);
        if what == "--remove" {
            acls.arg("--force");
        }
        assert!(acls.output().unwrap().status.success(), "{acls:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let topics = ["observations", "rejected", "state"].map(|what| self.name(what));
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let index = self.name("anomalies");
        self.runtime.block_on(async {
            // What a test has not made is not there to be removed.
            let _ = Self::admin().delete_topics(&topics, &AdminOptions::new()).await;
            let _ = unprotected().delete_index(&index).await;
            let _ = unprotected().delete_template(&index).await;
        });
    }
}

/// What a command is told beside where Kafka is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum With {
    /// Nothing.
    Kafka,
    /// The pseudonym key.
    Key,
    /// Where Elasticsearch is.
    Elasticsearch,
    /// Both.
    All,
}

fn unprotected() -> ElasticsearchSetup {
    let connection =
        ElasticsearchConnection { url: lab::elasticsearch(), ca: None, authentication: Authentication::None };
    ElasticsearchSetup::new(connection).unwrap()
}

/// What a check says, by its name: its status and its message.
pub(crate) fn checked(output: &Output, name: &str) -> (String, String) {
    let row = output.rows().into_iter().find(|row| row["check"] == name);
    let row = row.unwrap_or_else(|| panic!("no check {name}: {output:#?}"));
    let text = |field: &str| row[field].as_str().unwrap().to_owned();
    (text("status"), text("message"))
}
