//! What one test has for itself: topics, a group, an index, an archive, a key, a manifest, and how its classifiers are started.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bpmonitor_clinical::PseudonymKey;
use bpmonitor_crds::index;
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::kafka::{Counts, GroupProgress};
use bpmonitor_pipeline::{Classifier, Origins};
use bpmonitor_settings::manifest;
use bpmonitor_test_support::{lab, unique};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::elastic::Elastic;
use super::kafka::{Ends, Kafka};
use super::mixture::Sent;
use super::publisher::Publisher;
use super::replica::Replica;
use super::{pass, until};

/// How long a test's accounting waits until everything published is committed.
const SETTLED_WITHIN: Duration = Duration::from_secs(180);

/// How long Kafka may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

/// The monitor's name; each has a namespace of its own.
const NAME: &str = "ward-3";

/// What pseudonyms are made with.
const KEY: [u8; 32] = [0x5a; 32];

/// Where Kafka and Elasticsearch are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) kafka: Kafka,
    pub(crate) elastic: Elastic,
    /// By which address the classifier comes to Kafka; another one than the test's where a proxy is between.
    pub(crate) servers: String,
    /// By which URL it comes to Elasticsearch.
    pub(crate) url: String,
}

impl Place {
    pub(crate) fn new(servers: &str, url: &str) -> Self {
        Self {
            kafka: Kafka { servers: servers.to_owned() },
            elastic: Elastic::plain(url),
            servers: servers.to_owned(),
            url: url.to_owned(),
        }
    }

    /// The lab that all tests share.
    pub(crate) fn shared() -> Self {
        Self::new(&lab::kafka(), &lab::elasticsearch())
    }
}

/// What one test has for itself.
pub(crate) struct Deployment {
    pub(crate) place: Place,
    pub(crate) topic: String,
    pub(crate) rejected: String,
    pub(crate) group: String,
    /// The index of anomalies, and the alias that it is written through.
    pub(crate) index: String,
    pub(crate) alias: String,
    namespace: String,
    /// Below which the archive of all replicas is.
    pub(crate) archive: PathBuf,
    /// How replicas are told of it, where it is no directory of theirs.
    pub(crate) archive_options: Option<Vec<String>>,
    pub(crate) directory: TempDir,
    /// How replicas are started, beyond the usual.
    pub(crate) options: Vec<String>,
    /// How Kafka and Elasticsearch are reached, where it is not the usual way.
    pub(crate) connection: Option<Vec<String>>,
    started: AtomicU32,
}

impl Deployment {
    /// In the shared lab, with three partitions.
    pub(crate) fn new() -> Self {
        Self::at(Place::shared())
    }

    pub(crate) fn at(place: Place) -> Self {
        let deployment = Self::without_topics(place);
        deployment.make_topics();
        deployment.make_index();
        deployment
    }

    /// With names, but neither topics nor index.
    pub(crate) fn without_topics(place: Place) -> Self {
        let namespace = unique::name("classifier");
        let names = Names::new(&namespace, NAME);
        let directory = tempfile::tempdir().unwrap();
        let deployment = Self {
            place,
            topic: names.observations(),
            rejected: names.rejected(),
            group: names.group(),
            index: names.index(),
            alias: names.alias(),
            namespace: namespace.clone(),
            archive: directory.path().join("archive"),
            archive_options: None,
            directory,
            options: Vec::new(),
            connection: None,
            started: AtomicU32::new(0),
        };
        deployment.set_spec(&json!({}));
        std::fs::write(deployment.file("key"), hex::encode(KEY)).unwrap();
        deployment
    }

    pub(crate) fn make_topics(&self) {
        self.place.kafka.create_topic(&self.topic, 3);
        self.place.kafka.create_topic(&self.rejected, 1);
    }

    pub(crate) fn make_index(&self) {
        self.make_index_with(&json!({}));
    }

    /// With these settings of its fields in place of the right ones.
    pub(crate) fn make_index_with(&self, fields: &Value) {
        let mut body = index::index(&self.names(), 1);
        body["settings"]["index"]["refresh_interval"] = json!("30s");
        for (field, settings) in fields.as_object().unwrap() {
            body["mappings"]["properties"][field] = settings.clone();
        }
        self.place.elastic.good("PUT", &self.index, Some(&body));
    }

    pub(crate) fn delete_index(&self) {
        self.place.elastic.good("DELETE", &self.index, None);
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names::new(&self.namespace, NAME)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the manifest, with this in its spec.
    pub(crate) fn set_spec(&self, spec: &Value) {
        let mut all = json!({"patients": {"count": 0}});
        all.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let manifest = json!({"apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor",
            "metadata": {"name": NAME, "namespace": self.namespace}, "spec": all});
        std::fs::write(self.file("ward.yaml"), manifest.to_string()).unwrap();
    }

    /// The classifier that says what must become of each message.
    pub(crate) fn classifier(&self) -> Classifier {
        let settings = manifest::read(&self.file("ward.yaml")).unwrap();
        Classifier {
            source: settings.source,
            thresholds: settings.thresholds,
            key: PseudonymKey::new(&KEY),
            privacy: settings.privacy,
            monitor: settings.monitor,
            origins: Origins::Kafka,
            erased: std::collections::HashSet::default(),
        }
    }

    /// The binary with all that it needs, listening on this port.
    pub(crate) fn command(&self, port: u16) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpmonitor-classifier"));
        self.configure(&mut command, port);
        command
    }

    /// Gives a command the classifier's arguments, in no one's environment.
    pub(crate) fn configure(&self, command: &mut Command, port: u16) {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BPMONITOR_")) {
            command.env_remove(name);
        }
        command.env("RUST_LOG", "info").env_remove("AWS_REGION");
        command.arg("--file").arg(self.file("ward.yaml"));
        command.arg("--pseudonym-key-file").arg(self.file("key"));
        match &self.archive_options {
            Some(options) => command.args(options),
            None => command.arg("--archive").arg(&self.archive),
        };
        command.args(["--group", &self.group, "--session-timeout", "3s"]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        match &self.connection {
            Some(connection) => command.args(connection),
            None => command.args(["--bootstrap-servers", &self.place.servers, "--kafka-insecure"]).args([
                "--elasticsearch-url",
                &self.place.url,
                "--elasticsearch-insecure",
            ]),
        };
        command.args(&self.options);
    }

    /// Starts a replica, and does not wait for it.
    pub(crate) fn launch(&self) -> Replica {
        let port = free_port();
        self.launch_command(self.command(port), port)
    }

    pub(crate) fn launch_command(&self, command: Command, port: u16) -> Replica {
        let name = format!("replica-{}", self.started.fetch_add(1, Ordering::Relaxed));
        Replica::start(command, &name, self.directory.path(), port)
    }

    /// Starts a replica, and waits until it is ready.
    pub(crate) fn start(&self) -> Replica {
        let mut replica = self.launch();
        replica.await_ready();
        replica
    }

    /// Publishes messages, and waits until they are acknowledged.
    pub(crate) fn publish(&self, messages: &[Sent]) {
        let mut publisher = Publisher::new(&self.place.kafka, &self.topic);
        publisher.send_all(messages);
        publisher.finish();
    }

    /// What is left to be committed: for each partition committed offset and end.
    pub(crate) fn left(&self) -> Vec<(i32, i64, i64)> {
        let ends: Ends = self.place.kafka.ends(&self.topic);
        let partitions: Vec<i32> = ends.keys().copied().collect();
        let committed = self.place.kafka.committed(&self.group, &self.topic, &partitions);
        let reached = |partition: &i32, low: i64| committed.get(partition).copied().unwrap_or(low);
        let all = ends.iter().map(|(partition, (low, high))| (*partition, reached(partition, *low), *high));
        all.filter(|(_, committed, end)| committed != end).collect()
    }

    /// What became of everything committed, as the commits say.
    pub(crate) fn counts(&self) -> Counts {
        let client = self.place.kafka.asking(&self.group);
        let mut progress = Err(String::new());
        until("the brokers say how far the group is", || {
            progress = GroupProgress::ask(&client, &self.topic, ANSWERS_WITHIN)
                .map_err(|trouble| trouble.to_string());
            progress.is_ok()
        });
        progress.unwrap().counts()
    }

    /// How many records are left to be committed.
    pub(crate) fn lag(&self) -> i64 {
        self.left().iter().map(|(_, committed, end)| end - committed).sum()
    }

    /// Waits until everything published is committed.
    #[track_caller]
    pub(crate) fn settled(&self) {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "not committed within {SETTLED_WITHIN:?}: {left:?}");
            pass(Duration::from_millis(100));
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What has gone wrong can be looked at, and where the lab is gone too nothing can be removed.
            let directory = std::mem::replace(&mut self.directory, tempfile::tempdir().unwrap()).keep();
            println!("--- left to be looked at: {}, {}, {}", directory.display(), self.topic, self.index);
            return;
        }
        self.place.kafka.delete_topics(&[&self.topic, &self.rejected]);
        self.place.kafka.delete_group(&self.group);
        self.place.elastic.ask("DELETE", &self.index, None);
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
