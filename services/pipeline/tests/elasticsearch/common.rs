//! A monitor's index of its own, documents made up for it, and what the index holds in the end.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::Duration;

use bpmonitor_clinical::{Category, DocumentId, Flag, Reason, Version};
use bpmonitor_crds::index::{index, mappings, privileges};
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::Condition;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, BulkSettings, ElasticsearchConnection, ElasticsearchSetup, ElasticsearchStore,
};
use bpmonitor_pipeline::{
    AnomalyStore, AnomalyWrite, Document, EntryPlace, KafkaCoordinates, PortError, Refused,
};
use bpmonitor_test_support::{lab, unique};
use elasticsearch::http::Method;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take before a test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// In every document, and never to be seen outside of it.
pub(crate) const CANARY: &str = "CANARY-7f3a";

/// A monitor of its own, with its index. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Ward {
    pub(crate) connection: ElasticsearchConnection,
    pub(crate) setup: ElasticsearchSetup,
    name: String,
}

impl Ward {
    /// On the Elasticsearch that all tests share.
    pub(crate) async fn new() -> Self {
        Self::at(plain(lab::elasticsearch())).await
    }

    /// On this one.
    pub(crate) async fn at(connection: ElasticsearchConnection) -> Self {
        capture_logs();
        let setup = ElasticsearchSetup::new(connection.clone()).unwrap();
        let ward = Self { connection, setup, name: unique::name("ward") };
        ward.make().await;
        ward
    }

    pub(crate) fn names(&self) -> Names<'_> {
        Names::new("tests", &self.name)
    }

    pub(crate) fn alias(&self) -> String {
        self.names().alias()
    }

    pub(crate) async fn make(&self) -> bool {
        self.setup.ensure_index(&self.names().index(), &index(&self.names(), 1)).await.unwrap()
    }

    /// A store that writes to it, and its condition.
    pub(crate) fn store(&self) -> (ElasticsearchStore, Condition) {
        self.store_at(self.connection.clone(), usual())
    }

    pub(crate) fn store_at(
        &self,
        connection: ElasticsearchConnection,
        settings: BulkSettings,
    ) -> (ElasticsearchStore, Condition) {
        let condition = Condition::new("Elasticsearch");
        let store = ElasticsearchStore::new(connection, &self.alias(), settings, condition.clone());
        (store.unwrap(), condition)
    }

    /// What the index holds: versions and documents by id.
    pub(crate) async fn held(&self) -> BTreeMap<String, (i64, Value)> {
        let index = self.names().index();
        self.ask(Method::Post, &format!("{index}/_refresh"), None).await;
        let found = self.ask(Method::Get, &format!("{index}/_search?version=true&size=10000"), None).await;
        let hits = found["hits"]["hits"].as_array().unwrap();
        let entry = |hit: &Value| {
            let version = hit["_version"].as_i64().unwrap();
            (hit["_id"].as_str().unwrap().to_owned(), (version, hit["_source"].clone()))
        };
        hits.iter().map(entry).collect()
    }

    /// Makes sure that it holds the newest of each id, and nothing else.
    pub(crate) async fn holds(&self, writes: &[AnomalyWrite]) {
        let mut expected = BTreeMap::<String, (i64, Value)>::new();
        for write in writes {
            let this = (write.version.0, serde_json::to_value(&write.document).unwrap());
            let held = expected.entry(write.id.to_string()).or_insert_with(|| this.clone());
            if this.0 >= held.0 {
                *held = this;
            }
        }
        let held = self.held().await;
        assert_eq!(held.len(), expected.len(), "documents");
        assert!(held == expected, "the documents are not the newest of each id");
    }

    pub(crate) async fn ask(&self, method: Method, target: &str, body: Option<Value>) -> Value {
        self.setup.ask(method, target, body.as_ref(), "a test").await.unwrap()
    }

    /// Changes settings of the index.
    pub(crate) async fn set(&self, settings: Value) {
        self.ask(Method::Put, &format!("{}/_settings", self.names().index()), Some(settings)).await;
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        let (connection, index) = (self.connection.clone(), self.names().index());
        let removed = thread::spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let setup = ElasticsearchSetup::new(connection).unwrap();
                setup.delete_index(&index).await
            })
        });
        // What a killed Elasticsearch held is removed with it.
        let _ = removed.join();
    }
}

pub(crate) fn plain(url: String) -> ElasticsearchConnection {
    ElasticsearchConnection { url, ca: None, authentication: Authentication::None }
}

/// A document with everything that one can have.
pub(crate) fn write(id: u32, version: i64) -> AnomalyWrite {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&id.to_be_bytes());
    let time = Timestamp::from_second(1_700_000_000 + i64::from(id)).unwrap();
    let document = Document {
        timestamp: Some(time),
        effective: Some(time),
        observation_id: Some(format!("{CANARY}-{id}")),
        patient_id: Some(format!("{:064x}", id % 10)),
        systolic_pressure: Some(Decimal::from_str_exact("129.73979437732424").unwrap()),
        diastolic_pressure: Some(Decimal::new(880, 1)),
        mean_arterial_pressure: Some(Decimal::new(10_167, 2)),
        pulse_pressure: Some(Decimal::new(417, 1)),
        category: Some(Category::HypertensionStage1),
        severity: Some(Category::HypertensionStage1.severity()),
        anomalies: Category::HypertensionStage1 | Category::Hypotension,
        reasons: Reason::DiastolicHypertension.into(),
        flags: Flag::Suspect.into(),
        processed_datetime: Timestamp::from_millisecond(1_700_000_000_123).unwrap(),
        monitor: "ward".into(),
        namespace: "tests".into(),
        withdrawn: false,
        kafka: Some(KafkaCoordinates {
            topic: "bp.tests.ward.observations".into(),
            partition: 2,
            offset: id.into(),
        }),
        patient_name: Some(format!("{CANARY} Ada Lovelace")),
        fhir_resource: Some(
            serde_json::from_str(&format!("{{\n  \"a\": [1,\r\n  \"{CANARY}\"]\n}}")).unwrap(),
        ),
    };
    AnomalyWrite {
        entry: EntryPlace::default(),
        id: DocumentId(bytes),
        version: Version(version),
        document: Box::new(document),
    }
}

pub(crate) fn writes(count: u32) -> Vec<AnomalyWrite> {
    (0..count).map(|id| write(id, 1)).collect()
}

/// A document that no index of ours takes.
pub(crate) fn poison(id: u32) -> AnomalyWrite {
    let twice = format!(r#"{{"{CANARY}":1,"{CANARY}":2}}"#);
    let mut poison = write(id, 1);
    poison.document.fhir_resource = Some(serde_json::from_str(&twice).unwrap());
    poison
}

/// Writes in the background.
pub(crate) fn start(
    mut store: ElasticsearchStore,
    writes: &[AnomalyWrite],
) -> JoinHandle<Result<Vec<Refused>, PortError>> {
    let writes = writes.to_vec();
    tokio::spawn(async move { store.write(&writes).await })
}

/// What a write in the background refused, once it is done.
pub(crate) async fn done(writing: JoinHandle<Result<Vec<Refused>, PortError>>) -> Vec<Refused> {
    timeout(LIMIT, writing).await.expect("the write goes on when the fault is over").unwrap().unwrap()
}

/// Waits until the condition fails for this reason; gives what it says.
pub(crate) async fn fails(condition: &Condition, reason: &str) -> String {
    let failing = async {
        loop {
            match condition.get() {
                Some(failure) if failure.reason == reason => return failure.detail,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let found = timeout(LIMIT, failing).await;
    found.unwrap_or_else(|_| panic!("waited for {reason}, but there is {:?}", condition.get()))
}

static LOGS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Captured;

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGS.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn capture_logs() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let logs = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
        logs.with_writer(|| Captured).init();
    });
}

/// All that was logged so far, by any test.
pub(crate) fn logs() -> String {
    String::from_utf8_lossy(&LOGS.lock().unwrap()).into_owned()
}

/// The settings of the classifier.
pub(crate) fn usual() -> BulkSettings {
    BulkSettings { mappings: Some(mappings()), ..BulkSettings::default() }
}

/// Those of a test that is to end soon.
pub(crate) fn impatient() -> BulkSettings {
    BulkSettings { timeout: Duration::from_millis(500), ..usual() }
}

/// The roles that the classifier's key has.
pub(crate) fn role(ward: &Ward) -> Value {
    privileges(&ward.names())
}
