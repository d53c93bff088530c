//! What the operators share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bpmonitor_test_support::lab;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::reflector::Store;
use tokio::sync::OwnedMutexGuard;

use crate::broker::Broker;
use crate::certificates::ClientsCa;
use crate::knobs::Knobs;
use crate::specs::resource;

/// After which time everything is looked at again, as Strimzi does.
pub(crate) const RESYNC: Duration = Duration::from_secs(120);

/// For which Kafka it stands in, and where the broker is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespace of the `Kafka`.
    pub namespace: String,
    /// Its name.
    pub cluster: String,
    /// `host:port` in plain text, where whoever comes may do all.
    pub plain: String,
    /// `host:port` with client certificates.
    pub mtls: String,
    /// `host:port` with SCRAM over TLS.
    pub scram: String,
    /// The brokers' certificate authority, in PEM.
    pub cluster_ca: PathBuf,
    /// The clients' certificate authority, in PEM.
    pub clients_ca: PathBuf,
    /// Its private key, in PEM.
    pub clients_ca_key: PathBuf,
}

impl Settings {
    /// For a `Kafka` that is the lab's broker, which is brought up where it is not.
    pub fn lab(namespace: &str, cluster: &str) -> Self {
        let pki = lab::kafka_pki();
        Self {
            namespace: namespace.to_owned(),
            cluster: cluster.to_owned(),
            plain: lab::kafka(),
            mtls: lab::kafka_mtls(),
            scram: lab::kafka_scram(),
            cluster_ca: pki.join("ca.crt"),
            clients_ca: pki.join("clients-ca.crt"),
            clients_ca_key: pki.join("clients-ca.key"),
        }
    }
}

/// What the operators share.
pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) broker: Broker,
    pub(crate) clients_ca: ClientsCa,
    pub(crate) knobs: Knobs,
    pub(crate) topics: OnceLock<Store<DynamicObject>>,
    /// The passwords that the broker has been told.
    passwords: Mutex<BTreeMap<String, String>>,
    /// Who holds it does something about that user.
    turns: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Shared {
    pub(crate) fn new(client: Client, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self {
            broker: Broker::new(&settings.plain),
            clients_ca: ClientsCa::read(&settings.clients_ca, &settings.clients_ca_key)?,
            client,
            settings,
            knobs: Knobs::default(),
            topics: OnceLock::new(),
            passwords: Mutex::default(),
            turns: Mutex::default(),
        })
    }

    pub(crate) fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.settings.namespace, &resource(kind))
    }

    /// Waits until nothing else is done about a user: or the removal of one would take from another of its name, made meanwhile.
    pub(crate) async fn turn(&self, user: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(user.to_owned()).or_default())
        };
        turn.lock_owned().await
    }

    pub(crate) fn knows_password(&self, user: &str, password: &str) -> bool {
        let passwords = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        passwords.get(user).is_some_and(|known| known == password)
    }

    pub(crate) fn remember_password(&self, user: &str, password: &str) {
        let mut passwords = self.passwords.lock().unwrap_or_else(PoisonError::into_inner);
        passwords.insert(user.to_owned(), password.to_owned());
    }

    pub(crate) fn forget_password(&self, user: &str) {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner).remove(user);
    }
}
