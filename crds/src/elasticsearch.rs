//! Elasticsearch: how it is reached, and the index of anomalies.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    HumanDuration, SecretKeyRef, SecretRef,
    rules::{add, forbidden_at, http_url, one_way, only_with},
};

/// How Elasticsearch is reached, and the index of anomalies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = rules)]
pub struct Elasticsearch {
    /// A cluster run by ECK. This or url; with neither, the cluster `bp-elasticsearch` in the monitor's own
    /// namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<ElasticsearchClusterRef>,
    /// Any Elasticsearch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// The certificate authorities to trust at url, in PEM. Without it those of the image are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Authentication towards url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<ElasticsearchAuth>,
    /// Lets url be without encryption (http). For a laboratory only.
    pub insecure: bool,
    /// The index of anomalies.
    pub index: Index,
}

/// An Elasticsearch cluster run by ECK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct ElasticsearchClusterRef {
    /// Name of the Elasticsearch resource.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; empty: the monitor's own. Elsewhere the Elasticsearch resource must allow it with the
    /// annotation `bpmonitor.dev/allow-namespaces`.
    #[schemars(length(max = 63))]
    pub namespace: String,
}

/// Authentication towards Elasticsearch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ElasticsearchAuth {
    /// The Secret with `username` and `password`, or with `apiKey`.
    pub secret_ref: SecretRef,
}

/// The index of anomalies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Index {
    /// Number of primary shards; it counts when the index is made.
    #[schemars(range(min = 1, max = 1024))]
    pub shards: u32,
    /// How long an anomaly is kept since it was stored: a whole number and a unit (s, m, h, d).
    pub retention: HumanDuration,
}

/// The one way by which Elasticsearch is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElasticsearchAccess<'a> {
    /// Through a cluster run by ECK.
    Cluster(Cow<'a, ElasticsearchClusterRef>),
    /// Through its URL.
    Url(&'a str),
}

impl Elasticsearch {
    /// How Elasticsearch is reached, the default filled in.
    pub fn access(&self) -> ElasticsearchAccess<'_> {
        match (&self.cluster_ref, &self.url) {
            (None, Some(url)) => ElasticsearchAccess::Url(url),
            (Some(cluster), _) => ElasticsearchAccess::Cluster(Cow::Borrowed(cluster)),
            (None, None) => ElasticsearchAccess::Cluster(Cow::Owned(ElasticsearchClusterRef::default())),
        }
    }
}

impl Default for ElasticsearchClusterRef {
    fn default() -> Self {
        Self { name: "bp-elasticsearch".to_owned(), namespace: String::new() }
    }
}

impl Default for Index {
    fn default() -> Self {
        Self { shards: 1, retention: HumanDuration::new("365d") }
    }
}

fn rules(schema: &mut Schema) {
    add(schema, [one_way("clusterRef", "url")]);
    add(schema, http_url("url"));
    add(schema, only_with("url", &["caSecretRef", "auth"]));
    add(schema, [insecure_needs_url()]);
}

/// Shared with Kibana, which is reached in the same two ways.
pub(crate) fn insecure_needs_url() -> kube::core::Rule {
    forbidden_at(
        ".insecure",
        "!self.insecure || has(self.url)",
        "belongs to url, which is not set: remove it (a cluster says itself whether it is encrypted)",
    )
}
