//! How a monitor's Kibana is reached: what is there (read), and what follows from it (pure).

use std::collections::BTreeMap;

use bpmonitor_crds::{BpMonitor, ElasticsearchAccess, KibanaClusterRef};
use bpmonitor_kibana_client::{Authentication, Connection};
use kube::ResourceExt;

use super::resource::{self, Kibana};
use crate::cache::Key;
use crate::context::Context;
use crate::dereference::fetch::{fetch, fetch_secret};
use crate::dereference::{Fetched, SecretData, namespace_of};
use crate::eck;
use crate::error::Error;
use crate::finding::{Finding, Looked};
use crate::kinds::monitor_ref;
use crate::validate::secrets::{self, text, value};
use crate::validate::{allowed, forbidden};

/// What was found of a monitor's Kibana.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// One of ECK's.
    Cluster {
        /// Its namespace.
        namespace: String,
        /// Its resource.
        kibana: Box<Fetched<Kibana>>,
        /// The Secret of its certificate authorities.
        certificates: Option<SecretData>,
        /// The Secret of the user of its Elasticsearch, where that is in the same namespace.
        user: Option<SecretData>,
    },
    /// A URL that was given by hand, and the Secrets in the monitor's namespace that go with it.
    Url(BTreeMap<String, Option<SecretData>>),
}

impl Found {
    /// Whether there is such a Kibana, as far as that can be seen.
    pub(super) fn is_there(&self) -> bool {
        match self {
            Self::Cluster { kibana, .. } => matches!(**kibana, Fetched::There(_)),
            Self::Url(_) => true,
        }
    }
}

/// Reads what a monitor's Kibana is.
///
/// # Errors
///
/// The API server's.
pub(super) async fn find(context: &Context, monitor: &BpMonitor) -> Result<Found, Error> {
    let kibana = &monitor.spec.kibana;
    match kibana.url {
        Some(_) => find_secrets(context, monitor).await,
        // Also where it is no longer wanted: something may be to be removed there.
        None => find_cluster(context, monitor, &kibana.cluster_ref.clone().unwrap_or_default()).await,
    }
}

async fn find_cluster(
    context: &Context,
    monitor: &BpMonitor,
    reference: &KibanaClusterRef,
) -> Result<Found, Error> {
    let own = monitor.namespace().unwrap_or_default();
    let namespace = namespace_of(&own, &reference.namespace);
    follow(context, monitor, Key::new("Kibana", namespace, &reference.name));
    let kibana = fetch::<Kibana>(&context.client, namespace, &reference.name).await?;
    let (mut certificates, mut user) = (None, None);
    if let Fetched::There(kibana) = &kibana {
        certificates =
            secret(context, monitor, namespace, &resource::certificates_secret(&reference.name)).await?;
        if let Some(elasticsearch) = beside(kibana, namespace) {
            user = secret(context, monitor, namespace, &eck::user_secret(elasticsearch)).await?;
        }
    }
    Ok(Found::Cluster { namespace: namespace.to_owned(), kibana: Box::new(kibana), certificates, user })
}

async fn find_secrets(context: &Context, monitor: &BpMonitor) -> Result<Found, Error> {
    let kibana = &monitor.spec.kibana;
    let names = [
        kibana.ca_secret_ref.as_ref().map(|ca| ca.name.clone()),
        kibana.auth.as_ref().map(|auth| auth.secret_ref.name.clone()),
    ];
    let namespace = monitor.namespace().unwrap_or_default();
    let mut secrets = BTreeMap::new();
    for name in names.into_iter().flatten() {
        let data = secret(context, monitor, &namespace, &name).await?;
        secrets.insert(name, data);
    }
    Ok(Found::Url(secrets))
}

async fn secret(
    context: &Context,
    monitor: &BpMonitor,
    namespace: &str,
    name: &str,
) -> Result<Option<SecretData>, Error> {
    follow(context, monitor, Key::new("Secret", namespace, name));
    fetch_secret(&context.client, namespace, name).await
}

/// Notes a source before it is read, so that no change is missed.
fn follow(context: &Context, monitor: &BpMonitor, key: Key) {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    context.sources.add(&monitor_ref(&namespace, &name), key);
}

/// The Elasticsearch of a Kibana, where it is in the same namespace. A password of another namespace is never sent to a Kibana: whoever
/// may make one could have it sent to themselves.
fn beside<'k>(kibana: &'k Kibana, namespace: &str) -> Option<&'k str> {
    let reference = kibana.spec.elasticsearch_ref.as_ref()?;
    let is_beside = namespace_of(namespace, &reference.namespace) == namespace && !reference.name.is_empty();
    is_beside.then_some(reference.name.as_str())
}

/// How the operator comes to a monitor's Kibana.
pub(super) fn resolve(monitor: &BpMonitor, found: &Found) -> Looked<Connection> {
    match found {
        Found::Cluster { namespace, kibana, certificates, user } => {
            let kibana = there(monitor, kibana, namespace)?;
            allowed(monitor, kibana, namespace, "Kibana")?;
            of_eck(monitor, kibana, namespace, certificates.as_ref(), user.as_ref())
        }
        Found::Url(secrets) => by_hand(monitor, secrets),
    }
}

fn there<'k>(monitor: &BpMonitor, kibana: &'k Fetched<Kibana>, namespace: &str) -> Looked<&'k Kibana> {
    let reference = monitor.spec.kibana.cluster_ref.clone().unwrap_or_default();
    let full = format!("{namespace}/{}", reference.name);
    match kibana {
        Fetched::There(kibana) => Ok(kibana),
        Fetched::Missing => Err(Finding::no(
            "KibanaMissing",
            format!(
                "there is no Kibana {full}: make it, name another in spec.kibana.clusterRef, or set spec.kibana.enabled to false"
            ),
        )),
        Fetched::NoSuchKind => Err(Finding::no(
            "EckMissing",
            "ECK (kibana.k8s.elastic.co/v1) is not installed: install it, give spec.kibana.url, or set spec.kibana.enabled to false",
        )),
        Fetched::Forbidden => Err(forbidden("Kibana", &full)),
    }
}

fn of_eck(
    monitor: &BpMonitor,
    kibana: &Kibana,
    namespace: &str,
    certificates: Option<&SecretData>,
    user: Option<&SecretData>,
) -> Looked<Connection> {
    let name = kibana.name_any();
    let Some(elasticsearch) = beside(kibana, namespace) else {
        let message = format!(
            "the Kibana {namespace}/{name} has its Elasticsearch not in its own namespace, so the operator has no login for it: give \
             spec.kibana.url and spec.kibana.auth"
        );
        return Err(Finding::no("KibanaLoginUnknown", message));
    };
    check_elasticsearch(monitor, &format!("{namespace}/{name}"), namespace, elasticsearch)?;
    let (health, association) = (kibana.health(), kibana.association());
    if health != "green" || association != "Established" {
        let message = format!(
            "ECK says that the Kibana {namespace}/{name} is {health}, and its connection to Elasticsearch {association}: see its pods and \
             events"
        );
        return Err(Finding::no("KibanaNotReady", message));
    }
    let is_encrypted = kibana.is_encrypted();
    let ca = certificates.and_then(eck::authority).cloned();
    if is_encrypted && ca.is_none() {
        return Err(not_yet(namespace, &resource::certificates_secret(&name)));
    }
    let password = user.and_then(|data| data.get(eck::USER));
    let password = password.ok_or_else(|| not_yet(namespace, &eck::user_secret(elasticsearch)))?;
    Ok(Connection {
        url: resource::url(namespace, &name, is_encrypted),
        ca: ca.filter(|_| is_encrypted),
        authentication: Authentication::Password { username: eck::USER.to_owned(), password: text(password) },
    })
}

fn not_yet(namespace: &str, secret: &str) -> Finding {
    let message = format!("the Secret {namespace}/{secret} is not there yet: ECK makes it");
    Finding::no("KibanaNotReady", message)
}

/// On another Elasticsearch than the monitor's all dashboards would be empty.
fn check_elasticsearch(monitor: &BpMonitor, kibana: &str, namespace: &str, shown: &str) -> Looked<()> {
    let ElasticsearchAccess::Cluster(reference) = monitor.spec.elasticsearch.access() else { return Ok(()) };
    let own = monitor.namespace().unwrap_or_default();
    let written = (namespace_of(&own, &reference.namespace), reference.name.as_str());
    if written == (namespace, shown) {
        return Ok(());
    }
    let message = format!(
        "the Kibana {kibana} shows the Elasticsearch {namespace}/{shown}, and the monitor writes to {}/{}: name a Kibana of that one in \
         spec.kibana.clusterRef",
        written.0, written.1
    );
    Err(Finding::no("KibanaOfAnother", message))
}

fn by_hand(monitor: &BpMonitor, secrets: &BTreeMap<String, Option<SecretData>>) -> Looked<Connection> {
    let kibana = &monitor.spec.kibana;
    let value = |name: &str, key: &str, field: &str| {
        Ok::<_, Finding>(value(secrets, &secrets::entry(secrets, name, key, field)?))
    };
    let ca = match &kibana.ca_secret_ref {
        Some(ca) => Some(value(&ca.name, &ca.key, "spec.kibana.caSecretRef")?),
        None => None,
    };
    let authentication = match &kibana.auth {
        None => Authentication::None,
        Some(auth) => {
            let entry = |key| value(&auth.secret_ref.name, key, "spec.kibana.auth.secretRef");
            match entry("apiKey") {
                Ok(key) => Authentication::ApiKey(text(&key)),
                Err(_) => Authentication::Password {
                    username: text(&entry("username")?),
                    password: text(&entry("password")?),
                },
            }
        }
    };
    let url = kibana.url.clone().unwrap_or_default();
    Ok(Connection { url, ca, authentication })
}

#[cfg(test)]
mod tests {
    use bpmonitor_crds::manifest::read_manifest;
    use serde_json::{Value, json};

    use super::*;

    fn monitor(spec: &str) -> BpMonitor {
        let head = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: ward-3, namespace: cardiology}\nspec: ";
        read_manifest(&format!("{head}{spec}\n")).unwrap()
    }

    fn kibana(spec: &Value, health: &str, association: &str) -> Fetched<Kibana> {
        let resource = json!({
            "apiVersion": "kibana.k8s.elastic.co/v1", "kind": "Kibana",
            "metadata": {"name": "bp-kibana", "namespace": "cardiology"},
            "spec": spec, "status": {"health": health, "associationStatus": association},
        });
        Fetched::There(serde_json::from_value(resource).unwrap())
    }

    fn data(entries: &[(&str, &str)]) -> SecretData {
        entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn found(kibana: Fetched<Kibana>) -> Found {
        Found::Cluster {
            namespace: "cardiology".to_owned(),
            kibana: Box::new(kibana),
            certificates: Some(data(&[("ca.crt", "pem")])),
            user: Some(data(&[("elastic", "secret\n")])),
        }
    }

    fn reason(monitor: &BpMonitor, found: &Found) -> String {
        let finding = resolve(monitor, found).unwrap_err();
        assert!(finding.message.contains(':'), "it says what to do: {}", finding.message);
        finding.reason
    }

    #[test]
    fn one_of_eck_is_reached_as_its_user() {
        let own = json!({"elasticsearchRef": {"name": "bp-elasticsearch"}});
        let connection = resolve(&monitor("{}"), &found(kibana(&own, "green", "Established"))).unwrap();
        let expected = Connection {
            url: "https://bp-kibana-kb-http.cardiology.svc:5601".to_owned(),
            ca: Some(b"pem".to_vec()),
            authentication: Authentication::Password {
                username: "elastic".to_owned(),
                password: "secret".to_owned(),
            },
        };
        assert_eq!(connection, expected);
        let plain = json!({
            "elasticsearchRef": {"name": "bp-elasticsearch"},
            "http": {"tls": {"selfSignedCertificate": {"disabled": true}}},
        });
        let connection = resolve(&monitor("{}"), &found(kibana(&plain, "green", "Established"))).unwrap();
        assert_eq!(
            (connection.url.as_str(), connection.ca),
            ("http://bp-kibana-kb-http.cardiology.svc:5601", None)
        );
    }

    #[test]
    fn what_is_wrong_with_one_of_eck_is_told() {
        let own = json!({"elasticsearchRef": {"name": "bp-elasticsearch"}});
        let elsewhere = json!({"elasticsearchRef": {"name": "bp-elasticsearch", "namespace": "other"}});
        let another = json!({"elasticsearchRef": {"name": "another"}});
        let cases = [
            (Fetched::Missing, "KibanaMissing"),
            (Fetched::NoSuchKind, "EckMissing"),
            (Fetched::Forbidden, "Forbidden"),
            (kibana(&own, "red", "Established"), "KibanaNotReady"),
            (kibana(&own, "green", "Pending"), "KibanaNotReady"),
            (kibana(&elsewhere, "green", "Established"), "KibanaLoginUnknown"),
            (kibana(&json!({}), "green", "Established"), "KibanaLoginUnknown"),
            (kibana(&another, "green", "Established"), "KibanaOfAnother"),
        ];
        for (kibana, expected) in cases {
            assert_eq!(reason(&monitor("{}"), &found(kibana)), expected);
        }
        let Found::Cluster { namespace, kibana, .. } = found(kibana(&own, "green", "Established")) else {
            panic!()
        };
        let without = Found::Cluster { namespace, kibana, certificates: None, user: None };
        assert_eq!(reason(&monitor("{}"), &without), "KibanaNotReady");
    }

    #[test]
    fn a_kibana_of_another_namespace_must_allow_it() {
        let own = json!({"elasticsearchRef": {"name": "bp-elasticsearch"}});
        let Found::Cluster { kibana, certificates, user, .. } = found(kibana(&own, "green", "Established"))
        else {
            panic!()
        };
        let elsewhere = Found::Cluster { namespace: "search".to_owned(), kibana, certificates, user };
        let monitor = monitor(
            "{kibana: {clusterRef: {namespace: search}}, elasticsearch: {clusterRef: {namespace: search}}}",
        );
        assert_eq!(reason(&monitor, &elsewhere), "NamespaceNotAllowed");
    }

    #[test]
    fn one_given_by_hand_needs_what_its_secrets_are_to_hold() {
        let monitor = monitor("{kibana: {url: 'https://kibana.example', auth: {secretRef: {name: login}}}}");
        let with = |login| Found::Url(BTreeMap::from([("login".to_owned(), login)]));
        assert_eq!(reason(&monitor, &with(None)), "SecretMissing");
        assert_eq!(reason(&monitor, &with(Some(data(&[("username", "u")])))), "SecretIncomplete");
        let by_key = resolve(&monitor, &with(Some(data(&[("apiKey", "k")])))).unwrap();
        assert_eq!(by_key.authentication, Authentication::ApiKey("k".to_owned()));
        let by_password =
            resolve(&monitor, &with(Some(data(&[("username", "u"), ("password", "p")])))).unwrap();
        assert!(matches!(by_password.authentication, Authentication::Password { .. }));
    }
}
