//! How Kafka is reached, from what was found.

use bpmonitor_crds::{BpMonitor, KafkaAccess, KafkaAuth, KafkaClusterRef, KafkaMechanism as Mechanism};
use bpmonitor_settings::{KafkaMechanism, Topics};
use kube::ResourceExt;

use super::secrets;
use crate::dereference::{Fetched, Found, KafkaFound, SecretData};
use crate::finding::{Finding, Looked};
use crate::labels;
use crate::model::{
    Kafka, KafkaLogin, KafkaTransport, SecretEntry, StrimziCluster, UserAuthentication, Username,
};
use crate::names;
use crate::strimzi;
use crate::strimzi::types::Listener;

/// How Kafka is reached, and what is to be said of the cluster where all else is well; nothing where nothing is known.
pub(super) fn resolve(
    monitor: &BpMonitor,
    found: &Found,
    topics: &Topics,
) -> Looked<(Kafka, Option<Finding>)> {
    distinct(topics)?;
    if let Some(rival) = found.rivals.first() {
        let message = format!(
            "the topic {} is that of the monitor {}, which came first: give this one another with spec.kafka.topic.name \
             (of a monitor that is made anew: a topic's name cannot be changed)",
            rival.topic, rival.monitor
        );
        return Err(Finding::no("TopicTaken", message));
    }
    match (&found.kafka, monitor.spec.kafka.access()) {
        (KafkaFound::Cluster { namespace, kafka, ca }, KafkaAccess::Cluster(reference)) => {
            cluster(monitor, &reference, namespace, kafka, ca.as_ref(), topics)
        }
        (_, KafkaAccess::BootstrapServers(servers)) => Ok((by_hand(monitor, found, servers, topics)?, None)),
        (KafkaFound::Servers, KafkaAccess::Cluster(_)) => Err(Finding::no("KafkaUnknown", "try again")),
    }
}

fn distinct(topics: &Topics) -> Looked<()> {
    let Topics { observations, rejected, state, .. } = topics;
    if observations == rejected || observations == state {
        let message = format!(
            "spec.kafka.topic.name is {observations}, which the monitor needs for something else: give it another name"
        );
        return Err(Finding::no("TopicTaken", message));
    }
    Ok(())
}

fn cluster(
    monitor: &BpMonitor,
    reference: &KafkaClusterRef,
    namespace: &str,
    kafka: &Fetched<strimzi::Kafka>,
    ca: Option<&SecretData>,
    topics: &Topics,
) -> Looked<(Kafka, Option<Finding>)> {
    let name = &reference.name;
    let full = format!("{namespace}/{name}");
    let kafka = match kafka {
        Fetched::There(kafka) => kafka,
        Fetched::Missing => {
            return Err(Finding::no(
                "KafkaMissing",
                format!("there is no Kafka {full}: make it, or name another in spec.kafka.clusterRef"),
            ));
        }
        Fetched::NoSuchKind => {
            return Err(Finding::no(
                "StrimziMissing",
                "Strimzi (kafka.strimzi.io/v1) is not installed: install it, or give spec.kafka.bootstrapServers",
            ));
        }
        Fetched::Forbidden => return Err(forbidden("Kafka", &full)),
    };
    allowed(monitor, kafka, namespace, "Kafka")?;
    let listener = listener(kafka, &reference.listener)?;
    let bootstrap_servers = strimzi::readiness::bootstrap_servers(kafka, &reference.listener)?;
    let authentication = authentication(listener)?;
    if listener.tls && ca.is_none_or(|ca| !ca.contains_key(strimzi::CA_ENTRY)) {
        return Err(Finding::no(
            "KafkaNotReady",
            format!(
                "the Secret {name}-cluster-ca-cert of the Kafka {full} is not there yet: Strimzi makes it"
            ),
        ));
    }
    let own = monitor.name_any();
    let transport = if listener.tls {
        KafkaTransport::Tls { ca: Some(SecretEntry::new(names::kafka_ca(&own), strimzi::CA_ENTRY)) }
    } else {
        KafkaTransport::Insecure
    };
    let authorization = kafka.spec.kafka.authorization.as_ref();
    let resolved = Kafka {
        bootstrap_servers,
        topics: topics.clone(),
        strimzi: Some(StrimziCluster {
            name: name.clone(),
            namespace: namespace.to_owned(),
            authentication,
            authorizes: authorization.is_some_and(|authorization| authorization.kind == "simple"),
        }),
        transport,
        producer: login(authentication, &names::kafka_user(&own, "producer")),
        classifier: login(authentication, &names::kafka_user(&own, "classifier")),
    };
    Ok((resolved, strimzi::readiness::cluster(kafka).err()))
}

/// Whether a cluster of another namespace lets itself be used.
pub(crate) fn allowed(
    monitor: &BpMonitor,
    target: &impl ResourceExt,
    namespace: &str,
    kind: &str,
) -> Looked<()> {
    let own = monitor.namespace().unwrap_or_default();
    if own == namespace {
        return Ok(());
    }
    let given = target.annotations().get(labels::ALLOW_NAMESPACES).map(String::as_str).unwrap_or_default();
    if given.split(',').map(str::trim).any(|allowed| allowed == own || allowed == "*") {
        return Ok(());
    }
    let name = target.name_any();
    let annotation = labels::ALLOW_NAMESPACES;
    Err(Finding::no(
        "NamespaceNotAllowed",
        format!(
            "the {kind} {namespace}/{name} does not let monitors of the namespace {own} use it: its owner can allow it with the \
             annotation {annotation}: {own}"
        ),
    ))
}

pub(crate) fn forbidden(kind: &str, full: &str) -> Finding {
    Finding::no(
        "Forbidden",
        format!(
            "the operator may not read the {kind} {full}: give its service account get, list and watch there, or name another cluster"
        ),
    )
}

fn listener<'k>(kafka: &'k strimzi::Kafka, name: &str) -> Looked<&'k Listener> {
    let listeners = &kafka.spec.kafka.listeners;
    listeners.iter().find(|listener| listener.name == name).ok_or_else(|| {
        let there: Vec<_> = listeners.iter().map(|listener| listener.name.as_str()).collect();
        let message = format!(
            "the Kafka {} has no listener {name}: name one of these in spec.kafka.clusterRef.listener: {}",
            kafka.name_any(),
            there.join(", ")
        );
        Finding::no("ListenerMissing", message)
    })
}

fn authentication(listener: &Listener) -> Looked<UserAuthentication> {
    match listener.authentication.as_ref().map(|authentication| authentication.kind.as_str()) {
        None => Ok(UserAuthentication::None),
        Some("tls") => Ok(UserAuthentication::Tls),
        Some("scram-sha-512") => Ok(UserAuthentication::ScramSha512),
        Some(other) => Err(Finding::no(
            "ListenerUnsupported",
            format!(
                "the listener {} authenticates with {other}: name one with tls or scram-sha-512 in spec.kafka.clusterRef.listener, or \
                 give spec.kafka.bootstrapServers and spec.kafka.auth",
                listener.name
            ),
        )),
    }
}

fn login(authentication: UserAuthentication, secret: &str) -> KafkaLogin {
    match authentication {
        UserAuthentication::None => KafkaLogin::Anonymous,
        UserAuthentication::Tls => KafkaLogin::Certificate {
            certificate: SecretEntry::new(secret, strimzi::CERTIFICATE_ENTRY),
            key: SecretEntry::new(secret, strimzi::KEY_ENTRY),
        },
        UserAuthentication::ScramSha512 => KafkaLogin::Password {
            mechanism: KafkaMechanism::ScramSha512,
            username: Username::In(SecretEntry::new(secret, strimzi::USERNAME_ENTRY)),
            password: SecretEntry::new(secret, strimzi::PASSWORD_ENTRY),
        },
    }
}

fn by_hand(monitor: &BpMonitor, found: &Found, servers: &str, topics: &Topics) -> Looked<Kafka> {
    let kafka = &monitor.spec.kafka;
    let ca = match kafka.tls.as_ref().and_then(|tls| tls.ca_secret_ref.as_ref()) {
        Some(ca) => Some(secrets::entry(&found.secrets, &ca.name, &ca.key, "spec.kafka.tls.caSecretRef")?),
        None => None,
    };
    let login = match &kafka.auth {
        Some(auth) => given_login(found, auth)?,
        None => KafkaLogin::Anonymous,
    };
    Ok(Kafka {
        bootstrap_servers: servers.to_owned(),
        topics: topics.clone(),
        strimzi: None,
        transport: if kafka.insecure { KafkaTransport::Insecure } else { KafkaTransport::Tls { ca } },
        producer: login.clone(),
        classifier: login,
    })
}

fn given_login(found: &Found, auth: &KafkaAuth) -> Looked<KafkaLogin> {
    let entry = |key| secrets::entry(&found.secrets, &auth.secret_ref.name, key, "spec.kafka.auth.secretRef");
    let mechanism = match auth.mechanism {
        Mechanism::Tls => {
            return Ok(KafkaLogin::Certificate { certificate: entry("tls.crt")?, key: entry("tls.key")? });
        }
        Mechanism::ScramSha512 => KafkaMechanism::ScramSha512,
        Mechanism::ScramSha256 => KafkaMechanism::ScramSha256,
        Mechanism::Plain => KafkaMechanism::Plain,
    };
    Ok(KafkaLogin::Password {
        mechanism,
        username: Username::In(entry("username")?),
        password: entry("password")?,
    })
}
