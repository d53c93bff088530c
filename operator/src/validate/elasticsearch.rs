//! How Elasticsearch is reached, by the operator and by the classifier, from what was found.

use bpmonitor_crds::names::Names;
use bpmonitor_crds::{BpMonitor, ElasticsearchAccess, ElasticsearchClusterRef};
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::Authentication;
use kube::ResourceExt;

use super::kafka::{allowed, forbidden};
use super::secrets::{self, text, value};
use crate::dereference::{ElasticsearchFound, Fetched, Found, SecretData};
use crate::eck;
use crate::elasticsearch::{CA_ENTRY, KEY_ENTRY};
use crate::finding::{Finding, Looked};
use crate::model::{Elasticsearch, ElasticsearchLogin, SecretEntry, Username};
use crate::names;

/// How the operator comes to Elasticsearch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Its URL.
    pub url: String,
    /// The certificate authorities to trust, in PEM.
    pub ca: Option<Vec<u8>>,
    /// As whom.
    pub authentication: Authentication,
    /// Whether the classifier gets an API key of its own.
    pub makes_keys: bool,
    /// What ECK says against it; it is not asked then.
    pub trouble: Option<Finding>,
}

/// How Elasticsearch is reached, by the classifier and by the operator.
pub(super) fn resolve(monitor: &BpMonitor, found: &Found) -> Looked<(Elasticsearch, Admin)> {
    match (&found.elasticsearch, monitor.spec.elasticsearch.access()) {
        (
            ElasticsearchFound::Cluster { namespace, cluster, certificates, user },
            ElasticsearchAccess::Cluster(reference),
        ) => {
            let cluster = there(cluster, namespace, &reference)?;
            allowed(monitor, cluster, namespace, "Elasticsearch")?;
            eck(monitor, cluster, namespace, certificates.as_ref(), user.as_ref())
        }
        (_, ElasticsearchAccess::Url(url)) => by_hand(monitor, found, url),
        (ElasticsearchFound::Url, ElasticsearchAccess::Cluster(_)) => {
            Err(Finding::no("ElasticsearchUnknown", "try again"))
        }
    }
}

fn there<'e>(
    cluster: &'e Fetched<eck::Elasticsearch>,
    namespace: &str,
    reference: &ElasticsearchClusterRef,
) -> Looked<&'e eck::Elasticsearch> {
    let full = format!("{namespace}/{}", reference.name);
    match cluster {
        Fetched::There(cluster) => Ok(cluster),
        Fetched::Missing => Err(Finding::no(
            "ElasticsearchMissing",
            format!(
                "there is no Elasticsearch {full}: make it, or name another in spec.elasticsearch.clusterRef"
            ),
        )),
        Fetched::NoSuchKind => Err(Finding::no(
            "EckMissing",
            "ECK (elasticsearch.k8s.elastic.co/v1) is not installed: install it, or give spec.elasticsearch.url",
        )),
        Fetched::Forbidden => Err(forbidden("Elasticsearch", &full)),
    }
}

fn eck(
    monitor: &BpMonitor,
    cluster: &eck::Elasticsearch,
    namespace: &str,
    certificates: Option<&SecretData>,
    user: Option<&SecretData>,
) -> Looked<(Elasticsearch, Admin)> {
    let name = cluster.name_any();
    let not_yet = |secret: String| {
        let message = format!("the Secret {namespace}/{secret} is not there yet: ECK makes it");
        Finding::no("ElasticsearchNotReady", message)
    };
    let is_encrypted = cluster.is_encrypted();
    let ca = certificates.and_then(eck::authority);
    if is_encrypted && ca.is_none() {
        return Err(not_yet(eck::certificates_secret(&name)));
    }
    let password = user.and_then(|data| data.get(eck::USER));
    let password = password.ok_or_else(|| not_yet(eck::user_secret(&name)))?;
    let own = names::elasticsearch(&monitor.name_any());
    let url = eck::url(namespace, &name, is_encrypted);
    let classifier = Elasticsearch {
        ca: is_encrypted.then(|| SecretEntry::new(&own, CA_ENTRY)),
        login: ElasticsearchLogin::ApiKey(SecretEntry::new(&own, KEY_ENTRY)),
        ..target(monitor, &url, !is_encrypted)
    };
    let authentication = Authentication::Password {
        username: eck::USER.to_owned(),
        password: SecretSource::Value(text(password)),
    };
    let trouble = red(cluster, namespace);
    let ca = ca.filter(|_| is_encrypted).cloned();
    Ok((classifier, Admin { url, ca, authentication, makes_keys: true, trouble }))
}

fn red(cluster: &eck::Elasticsearch, namespace: &str) -> Option<Finding> {
    let name = cluster.name_any();
    (cluster.health() == "red").then(|| {
        let message = format!(
            "the Elasticsearch {namespace}/{name} is red: some of its data has no node; see its pods, and GET _cluster/allocation/explain"
        );
        Finding::no("ElasticsearchRed", message)
    })
}

fn by_hand(monitor: &BpMonitor, found: &Found, url: &str) -> Looked<(Elasticsearch, Admin)> {
    let elasticsearch = &monitor.spec.elasticsearch;
    let ca_field = "spec.elasticsearch.caSecretRef";
    let ca = match &elasticsearch.ca_secret_ref {
        Some(ca) => Some(secrets::entry(&found.secrets, &ca.name, &ca.key, ca_field)?),
        None => None,
    };
    let (login, authentication) = match &elasticsearch.auth {
        None => (ElasticsearchLogin::None, Authentication::None),
        Some(auth) => given_login(found, &auth.secret_ref.name)?,
    };
    let pem = ca.as_ref().map(|ca| value(&found.secrets, ca));
    let classifier = Elasticsearch { ca, login, ..target(monitor, url, elasticsearch.insecure) };
    let url = url.to_owned();
    Ok((classifier, Admin { url, ca: pem, authentication, makes_keys: false, trouble: None }))
}

/// As whom both come, with what the Secret `name` has: an API key, or a user and a password.
fn given_login(found: &Found, name: &str) -> Looked<(ElasticsearchLogin, Authentication)> {
    let entry = |key| secrets::entry(&found.secrets, name, key, "spec.elasticsearch.auth.secretRef");
    let known = |entry: &SecretEntry| text(&value(&found.secrets, entry));
    if let Ok(key) = entry("apiKey") {
        let authentication = Authentication::ApiKey(SecretSource::Value(known(&key)));
        return Ok((ElasticsearchLogin::ApiKey(key), authentication));
    }
    let (username, password) = (entry("username")?, entry("password")?);
    let authentication = Authentication::Password {
        username: known(&username),
        password: SecretSource::Value(known(&password)),
    };
    Ok((ElasticsearchLogin::Password { username: Username::In(username), password }, authentication))
}

fn target(monitor: &BpMonitor, url: &str, insecure: bool) -> Elasticsearch {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let names = Names::new(&namespace, &name);
    Elasticsearch {
        url: url.to_owned(),
        insecure,
        ca: None,
        login: ElasticsearchLogin::None,
        index: names.index(),
        alias: names.alias(),
    }
}
