//! Consumer groups: how the Kafka of each monitor is asked how far its classifiers are.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::kafka::{
    Authentication, GroupProgress, KafkaConnection, KafkaSetupError, KafkaTrouble, Listening, Transport,
};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::task::spawn_blocking;

use crate::dereference::SecretData;
use crate::finding::Finding;
use crate::kinds::MonitorRef;
use crate::model::{KafkaLogin, KafkaTransport, Monitor, SecretEntry, Username};

/// What the lack of a topic is called.
const TOPIC_MISSING: &str = "TopicMissing";
/// As what brokers know the operator.
const CLIENT_ID: &str = "bpmonitor-operator";
/// How long a broker may take to answer a request.
const WITHIN: Duration = Duration::from_secs(5);
/// How long a Kafka that answered is taken to answer still.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// The groups of all monitors whose Kafka is known.
#[derive(Debug, Default)]
pub struct Groups(Mutex<HashMap<MonitorRef, Known>>);

#[derive(Clone, Debug)]
struct Known {
    group: Arc<Group>,
    /// When its Kafka last answered; none where it did not, or was not asked.
    answered: Option<Instant>,
}

impl Groups {
    fn locked(&self) -> MutexGuard<'_, HashMap<MonitorRef, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group of a monitor; none where its Kafka is not known yet.
    pub fn get(&self, monitor: &MonitorRef) -> Option<Arc<Group>> {
        self.locked().get(monitor).map(|known| Arc::clone(&known.group))
    }

    /// Notes the group of a monitor.
    pub fn set(&self, monitor: MonitorRef, group: Group) {
        let mut groups = self.locked();
        if groups.get(&monitor).is_none_or(|known| *known.group != group) {
            groups.insert(monitor, Known { group: Arc::new(group), answered: None });
        }
    }

    /// Whether the Kafka of a monitor answers to who its classifiers are, and has its topic. Asked at most once a minute where it did.
    pub async fn finding(&self, monitor: &MonitorRef) -> Finding {
        let Some(known) = self.locked().get(monitor).cloned() else {
            let message =
                "a Secret that spec.kafka names has an entry that is no text: see which, and put it right";
            return Finding::no("SecretIncomplete", message);
        };
        let Known { group, answered } = known;
        if answered.is_some_and(|answered| answered.elapsed() < TRUSTED_FOR) {
            return group.well();
        }
        let asked = Arc::clone(&group);
        let answer = spawn_blocking(move || asked.progress()).await;
        let answered = matches!(answer, Ok(Ok(_))).then(Instant::now);
        if let Some(known) = self.locked().get_mut(monitor).filter(|known| known.group == group) {
            known.answered = answered;
        }
        match answer {
            Ok(Ok(_)) => group.well(),
            Ok(Err(why)) => group.trouble(&why),
            Err(_) => Finding::no("KafkaUnknown", "asking Kafka was given up: it is tried again by itself"),
        }
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

    fn well(&self) -> Finding {
        let topic = &self.topic;
        let message = format!(
            "the servers that were given by hand answer, and have the topic {topic}; the operator makes none there"
        );
        Finding::yes("ServersGiven", message)
    }

    fn trouble(&self, why: &Unasked) -> Finding {
        match why {
            Unasked::Settings(error) => {
                Finding::no("KafkaSettingsUnusable", format!("{error}: see spec.kafka and its Secrets"))
            }
            Unasked::Kafka(KafkaTrouble { reason: TOPIC_MISSING, .. }) => {
                let topic = &self.topic;
                let message = format!(
                    "the servers that were given by hand have no topic {topic}, and the operator makes none there: `bpmonitor prepare` does"
                );
                Finding::no(TOPIC_MISSING, message)
            }
            Unasked::Kafka(KafkaTrouble { reason, advice, .. }) => {
                Finding::no(reason, format!("{advice}; see spec.kafka and its Secrets"))
            }
        }
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
        client.context().reach(&client, WITHIN)?;
        Ok(GroupProgress::ask(&client, &self.topic, WITHIN)?)
    }
}
