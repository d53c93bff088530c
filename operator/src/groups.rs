//! Consumer groups: how the Kafka of each monitor is asked how far its classifiers are.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bpmonitor_pipeline::cluster::kafka::{
    Authentication, GroupProgress, KafkaConnection, KafkaSetupError, KafkaTrouble, Listening, Transport,
};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use rdkafka::consumer::BaseConsumer;

use crate::dereference::SecretData;
use crate::kinds::MonitorRef;
use crate::model::{KafkaLogin, KafkaTransport, Monitor, SecretEntry, Username};

/// As what brokers know the operator.
const CLIENT_ID: &str = "bpmonitor-operator";
/// How long a broker may take to answer a request.
const WITHIN: Duration = Duration::from_secs(5);

/// The groups of all monitors whose Kafka is known.
#[derive(Debug, Default)]
pub struct Groups(Mutex<HashMap<MonitorRef, Arc<Group>>>);

impl Groups {
    fn locked(&self) -> MutexGuard<'_, HashMap<MonitorRef, Arc<Group>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group of a monitor; none where its Kafka is not known yet.
    pub fn get(&self, monitor: &MonitorRef) -> Option<Arc<Group>> {
        self.locked().get(monitor).cloned()
    }

    /// Notes the group of a monitor.
    pub fn set(&self, monitor: MonitorRef, group: Group) {
        self.locked().insert(monitor, Arc::new(group));
    }

    /// Forgets a monitor.
    pub fn forget(&self, monitor: &MonitorRef) {
        self.locked().remove(monitor);
    }
}

/// The group of a monitor's classifiers, and the way to it. Its debug form shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    connection: KafkaConnection,
    name: String,
    topic: String,
}

/// Why a group could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Unasked {
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] KafkaSetupError),
    /// Kafka does not answer, or refuses.
    #[error(transparent)]
    Kafka(#[from] KafkaTrouble),
}

impl Group {
    /// The group of a monitor, asked as its classifiers come to Kafka; none where a Secret is not there yet.
    pub fn of(monitor: &Monitor, secrets: &BTreeMap<String, SecretData>) -> Option<Self> {
        let text = |entry: &SecretEntry| {
            let value = secrets.get(&entry.secret)?.get(&entry.key)?;
            String::from_utf8(value.clone()).ok()
        };
        let kafka = &monitor.kafka;
        let transport = match &kafka.transport {
            KafkaTransport::Insecure => Transport::Insecure,
            KafkaTransport::Tls { ca: None } => Transport::Tls { ca: None },
            KafkaTransport::Tls { ca: Some(ca) } => Transport::Tls { ca: Some(Pem::Text(text(ca)?)) },
        };
        let authentication = match &kafka.classifier {
            KafkaLogin::Anonymous => Authentication::None,
            KafkaLogin::Certificate { certificate, key } => Authentication::Certificate {
                certificate: Pem::Text(text(certificate)?),
                key: Pem::Text(text(key)?),
            },
            KafkaLogin::Password { mechanism, username, password } => Authentication::Password {
                mechanism: (*mechanism).into(),
                username: match username {
                    Username::Given(name) => name.clone(),
                    Username::In(entry) => text(entry)?.trim_end().to_owned(),
                },
                password: SecretSource::Value(text(password)?.trim_end().to_owned()),
            },
        };
        let connection =
            KafkaConnection { bootstrap_servers: kafka.bootstrap_servers.clone(), transport, authentication };
        let topics = &kafka.topics;
        Some(Self { connection, name: topics.group.clone(), topic: topics.observations.clone() })
    }

    /// How far it is. Blocks while Kafka is asked.
    ///
    /// # Errors
    ///
    /// Kafka does not answer, or refuses.
    pub fn progress(&self) -> Result<GroupProgress, Unasked> {
        let mut config = self.connection.config(CLIENT_ID).map_err(KafkaSetupError::from)?;
        config.set("group.id", &self.name).set("enable.auto.commit", "false");
        let client: BaseConsumer<_> =
            config.create_with_context(Listening::default()).map_err(KafkaSetupError::from)?;
        Ok(GroupProgress::ask(&client, &self.topic, WITHIN)?)
    }
}
