//! What the tests of the binary share: topics of their own, the binary, and what then stands in a topic.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test uses a part of it, and may panic"
)]

pub(crate) mod murmur2;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bpmonitor_test_support::{lab, unique};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Headers;
use rdkafka::{Message, Offset, TopicPartitionList};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take that is not measured.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// Two topics of a test's own, and a directory for its manifest. Removed when dropped.
pub(crate) struct Bed {
    pub(crate) kafka: String,
    pub(crate) name: String,
    pub(crate) directory: TempDir,
}

/// A record as it stands in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    pub(crate) payload: Vec<u8>,
    pub(crate) source: Option<String>,
}

impl Bed {
    /// A bed in the lab that all tests share, with its topics.
    pub(crate) fn new() -> Self {
        let bed = Self::bare(lab::kafka());
        bed.make_topics(&[]);
        bed
    }

    /// A bed without topics.
    pub(crate) fn bare(kafka: String) -> Self {
        Self { kafka, name: unique::name("producer"), directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn topic(&self) -> String {
        format!("bp.default.{}.observations", self.name)
    }

    pub(crate) fn state_topic(&self) -> String {
        format!("bp.default.{}.state", self.name)
    }

    pub(crate) fn make_topics(&self, settings: &[(&str, &str)]) {
        self.make(&self.topic(), settings);
        self.make(&self.state_topic(), &[("cleanup.policy", "compact")]);
    }

    pub(crate) fn make(&self, name: &str, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, 3, TopicReplication::Fixed(1));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let made = block_on(self.admin().create_topics([&topic], &AdminOptions::new()));
        made.unwrap().remove(0).unwrap();
    }

    pub(crate) fn remove(&self, names: &[&str]) {
        let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
        let _ = block_on(self.admin().delete_topics(names, &options));
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.kafka);
        config
    }

    /// Writes the manifest with this `spec`, and gives where.
    pub(crate) fn manifest(&self, spec: &Value) -> PathBuf {
        let manifest = json!({
            "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor", "metadata": {"name": self.name}, "spec": spec,
        });
        self.write("ward.json", manifest.to_string().as_bytes())
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The binary for the ward of the manifest.
    pub(crate) fn ward(&self) -> Command {
        let mut command = self.bare_command();
        command.arg("-f").arg(self.directory.path().join("ward.json"));
        command
    }

    /// The binary for these files.
    pub(crate) fn files(&self, files: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.bare_command();
        command.args(["--topic", &self.topic(), "--state-topic", &self.state_topic(), "--input"]).args(files);
        command
    }

    fn bare_command(&self) -> Command {
        let mut command = binary();
        command
            .args(["--bootstrap-servers", &self.kafka, "--kafka-insecure"])
            .env("BPMONITOR_LISTEN", "127.0.0.1:0");
        command
    }

    /// Everything in the Observations' topic, by partition and offset.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.read(&self.topic())
    }

    pub(crate) fn read(&self, topic: &str) -> Vec<Record> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "test")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .create()
            .unwrap();
        let metadata = consumer.fetch_metadata(Some(topic), LIMIT).unwrap();
        let partitions: Vec<i32> =
            metadata.topics()[0].partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
        let mut list = TopicPartitionList::new();
        for partition in &partitions {
            list.add_partition_offset(topic, *partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let (mut records, mut at_end) = (Vec::new(), 0);
        let until = Instant::now() + LIMIT;
        while at_end < partitions.len() {
            assert!(Instant::now() < until, "reading {topic} takes too long");
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => records.push(record(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => at_end += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        records.sort_by_key(|record| (record.partition, record.offset));
        records
    }

    /// How many records the Observations' topic has.
    pub(crate) fn count(&self) -> u64 {
        let consumer: BaseConsumer = self.client().create().unwrap();
        let until = Instant::now() + LIMIT;
        loop {
            let end = |partition| Ok(consumer.fetch_watermarks(&self.topic(), partition, LIMIT)?.1);
            match (0..3).map(end).sum::<Result<i64, KafkaError>>() {
                Ok(count) => return count.try_into().unwrap(),
                // A broker that has just begun may not know its partitions yet.
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the Observations' topic has so many records.
    pub(crate) fn until(&self, count: u64) {
        until(&format!("{count} records"), || self.count() >= count);
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.remove(&[&self.topic(), &self.state_topic()]);
    }
}

fn record(message: &impl Message<Headers = impl Headers>) -> Record {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let header = message.headers().and_then(|headers| {
        headers
            .iter()
            .find(|header| header.key == "bpmonitor-source")
            .and_then(|header| header.value.map(text))
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(text),
        payload: message.payload().unwrap_or_default().to_vec(),
        source: header,
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bpmonitor-producer"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < limit, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Runs to the end, and gives the exit code and what was written to standard error and output.
pub(crate) fn run(command: &mut Command) -> (i32, String) {
    outcome(&command.output().unwrap())
}

fn outcome(output: &Output) -> (i32, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// Runs to the end, which must be a good one.
pub(crate) fn good(command: &mut Command) -> String {
    let (code, text) = run(command);
    assert_eq!(code, 0, "{text}");
    text
}

/// The binary while it runs; killed when dropped.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(Some(command.spawn().unwrap()))
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn wait(mut self) -> (i32, String) {
        outcome(&self.0.take().unwrap().wait_with_output().unwrap())
    }

    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The index of each simulated Observation, and how often it is there.
pub(crate) fn indices(records: &[Record]) -> BTreeMap<u64, usize> {
    let mut indices = BTreeMap::new();
    for record in records {
        let observation: Value = serde_json::from_slice(&record.payload).unwrap();
        let index = observation["id"].as_str().unwrap().rsplit('-').next().unwrap().parse().unwrap();
        *indices.entry(index).or_insert(0) += 1;
    }
    indices
}

/// Asserts that the topic has each Observation from 0 on once, and gives how many.
pub(crate) fn each_once(records: &[Record]) -> u64 {
    let indices = indices(records);
    let doubled: Vec<_> = indices.iter().filter(|(_, times)| **times > 1).take(10).collect();
    assert!(doubled.is_empty(), "there more than once: {doubled:?}");
    let missing: Vec<u64> =
        (0..).take(indices.len()).filter(|index| !indices.contains_key(index)).take(10).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    indices.len() as u64
}

/// A number that differs from run to run.
pub(crate) fn random(below: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % below
}

pub(crate) fn real_data() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("target/real-data");
    assert!(root.is_dir(), "no real data in {}: make real-data", root.display());
    root
}
