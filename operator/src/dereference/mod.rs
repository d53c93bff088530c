//! What a monitor refers to, as it is now. Reads, and decides nothing.

pub mod fetch;
mod rivals;
mod scale;

use std::collections::{BTreeMap, BTreeSet};

use bpmonitor_crds::{BpMonitor, ElasticsearchAccess, KafkaAccess};
use kube::ResourceExt;

pub use fetch::{Fetched, SecretData};
pub use rivals::{Rival, place};
pub use scale::LiveScale;

use crate::cache::Key;
use crate::context::Context;
use crate::eck;
use crate::error::Error;
use crate::kinds::{self, monitor_ref};
use crate::names;
use crate::strimzi::Kafka;

/// What a monitor refers to.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its Kafka.
    pub kafka: KafkaFound,
    /// Its Elasticsearch.
    pub elasticsearch: ElasticsearchFound,
    /// What the Secrets in its namespace hold that it names or that the operator made; none for those that are not there.
    pub secrets: BTreeMap<String, Option<SecretData>>,
    /// Its classifier's replicas, where they may be somebody else's to say.
    pub scale: Option<LiveScale>,
    /// Who else names one of its topics, and came before it.
    pub rivals: Vec<Rival>,
    /// Whether there are `PodMonitor`s.
    pub pod_monitors: bool,
    /// Whether there are `ScaledObject`s.
    pub scaled_objects: bool,
    /// Whether the volume claim of its archive is there.
    pub has_archive: bool,
}

/// What was found of Kafka.
#[derive(Clone, Debug)]
pub enum KafkaFound {
    /// A cluster of Strimzi.
    Cluster {
        /// Its namespace.
        namespace: String,
        /// Its resource.
        kafka: Box<Fetched<Kafka>>,
        /// The Secret of its certificate authority.
        ca: Option<SecretData>,
    },
    /// Servers that were given by hand.
    Servers,
}

/// What was found of Elasticsearch.
#[derive(Clone, Debug)]
pub enum ElasticsearchFound {
    /// A cluster of ECK.
    Cluster {
        /// Its namespace.
        namespace: String,
        /// Its resource.
        cluster: Box<Fetched<eck::Elasticsearch>>,
        /// The Secret of its certificate authorities.
        certificates: Option<SecretData>,
        /// The Secret of its user.
        user: Option<SecretData>,
    },
    /// A URL that was given by hand.
    Url,
}

/// Reads all that a monitor refers to.
///
/// # Errors
///
/// The API server's.
pub async fn dereference(context: &Context, monitor: &BpMonitor) -> Result<Found, Error> {
    let reader = Reader::new(context, monitor);
    let kafka = reader.kafka().await?;
    let elasticsearch = reader.elasticsearch().await?;
    let secrets = reader.secrets().await?;
    let archive = Key::new("PersistentVolumeClaim", &reader.namespace, names::archive(&reader.name));
    let scaled_objects = context.cache.has_kind(kinds::SCALED_OBJECT);
    Ok(Found {
        kafka,
        elasticsearch,
        secrets,
        scale: scale::read(context, monitor, scaled_objects).await?,
        rivals: rivals::of(monitor, &context.monitors.state()),
        pod_monitors: context.cache.has_kind(kinds::POD_MONITOR),
        scaled_objects,
        has_archive: context.cache.of(&monitor_ref(&reader.namespace, &reader.name)).contains(&archive),
    })
}

/// The namespace that a reference means.
pub fn namespace_of<'a>(monitor: &'a str, reference: &'a str) -> &'a str {
    if reference.is_empty() { monitor } else { reference }
}

struct Reader<'a> {
    context: &'a Context,
    monitor: &'a BpMonitor,
    namespace: String,
    name: String,
}

impl<'a> Reader<'a> {
    fn new(context: &'a Context, monitor: &'a BpMonitor) -> Self {
        let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
        Self { context, monitor, namespace, name }
    }

    /// Notes a source before it is read, so that no change is missed.
    fn follow(&self, key: Key) {
        self.context.sources.add(&monitor_ref(&self.namespace, &self.name), key);
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<SecretData>, Error> {
        self.follow(Key::new("Secret", namespace, name));
        fetch::fetch_secret(&self.context.client, namespace, name).await
    }

    async fn kafka(&self) -> Result<KafkaFound, Error> {
        let KafkaAccess::Cluster(cluster) = self.monitor.spec.kafka.access() else {
            return Ok(KafkaFound::Servers);
        };
        let namespace = namespace_of(&self.namespace, &cluster.namespace);
        self.follow(Key::new("Kafka", namespace, &cluster.name));
        let kafka = fetch::fetch(&self.context.client, namespace, &cluster.name).await?;
        let ca = format!("{}-cluster-ca-cert", cluster.name);
        let ca = match &kafka {
            Fetched::There(_) => self.secret(namespace, &ca).await?,
            _ => None,
        };
        Ok(KafkaFound::Cluster { namespace: namespace.to_owned(), kafka: Box::new(kafka), ca })
    }

    async fn elasticsearch(&self) -> Result<ElasticsearchFound, Error> {
        let ElasticsearchAccess::Cluster(reference) = self.monitor.spec.elasticsearch.access() else {
            return Ok(ElasticsearchFound::Url);
        };
        let namespace = namespace_of(&self.namespace, &reference.namespace);
        self.follow(Key::new("Elasticsearch", namespace, &reference.name));
        let cluster = fetch::fetch(&self.context.client, namespace, &reference.name).await?;
        let (mut certificates, mut user) = (None, None);
        if matches!(cluster, Fetched::There(_)) {
            certificates = self.secret(namespace, &eck::certificates_secret(&reference.name)).await?;
            user = self.secret(namespace, &eck::user_secret(&reference.name)).await?;
        }
        let namespace = namespace.to_owned();
        Ok(ElasticsearchFound::Cluster { namespace, cluster: Box::new(cluster), certificates, user })
    }

    async fn secrets(&self) -> Result<BTreeMap<String, Option<SecretData>>, Error> {
        let mut secrets = BTreeMap::new();
        for name in self.secret_names() {
            let data = self.secret(&self.namespace, &name).await?;
            secrets.insert(name, data);
        }
        Ok(secrets)
    }

    /// The Secrets in the monitor's namespace that matter before anything is made.
    fn secret_names(&self) -> BTreeSet<String> {
        let spec = &self.monitor.spec;
        let kafka = [
            spec.kafka.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref()).map(|ca| ca.name.clone()),
            spec.kafka.auth.as_ref().map(|auth| auth.secret_ref.name.clone()),
        ];
        let elasticsearch = [
            spec.elasticsearch.ca_secret_ref.as_ref().map(|ca| ca.name.clone()),
            spec.elasticsearch.auth.as_ref().map(|auth| auth.secret_ref.name.clone()),
        ];
        let s3 = spec.archive.s3.as_ref();
        let archive = [
            s3.and_then(|s3| s3.ca_secret_ref.as_ref()).map(|ca| ca.name.clone()),
            s3.and_then(|s3| s3.credentials_secret_ref.as_ref()).map(|keys| keys.name.clone()),
        ];
        let own = [Some(names::elasticsearch(&self.name)), Some(key_secret(self.monitor))];
        [kafka, elasticsearch, archive, own].into_iter().flatten().flatten().collect()
    }
}

/// The Secret of the key of pseudonyms.
pub fn key_secret(monitor: &BpMonitor) -> String {
    match monitor.spec.privacy.key_secret_ref.name.as_str() {
        "" => names::pseudonyms(&monitor.name_any()),
        given => given.to_owned(),
    }
}
