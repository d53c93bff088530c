//! ECK's `Kibana` (`kibana.k8s.elastic.co/v1`), only the fields that are needed, and the names that follow from it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::eck::{Http, is_encrypted};

/// A Kibana.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "kibana.k8s.elastic.co",
    version = "v1",
    kind = "Kibana",
    plural = "kibanas",
    namespaced,
    status = "KibanaStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct KibanaSpec {
    /// Its version.
    pub version: String,
    /// How it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The Elasticsearch that it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elasticsearch_ref: Option<ElasticsearchRef>,
}

/// The Elasticsearch that a Kibana shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ElasticsearchRef {
    /// Its name; empty where it is not one of ECK's.
    pub name: String,
    /// Its namespace; empty: the Kibana's own.
    pub namespace: String,
}

/// What ECK says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct KibanaStatus {
    /// `green` or `red`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// `Established`, `Pending` or `Failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association_status: Option<String>,
}

impl Kibana {
    /// Whether it encrypts.
    pub fn is_encrypted(&self) -> bool {
        is_encrypted(self.spec.http.as_ref())
    }

    /// How healthy ECK says it is.
    pub fn health(&self) -> &str {
        self.status.as_ref().and_then(|status| status.health.as_deref()).unwrap_or("unknown")
    }

    /// Whether ECK has connected it to its Elasticsearch.
    pub fn association(&self) -> &str {
        self.status.as_ref().and_then(|status| status.association_status.as_deref()).unwrap_or("unknown")
    }
}

/// Where the Kibana of this namespace and name answers.
pub fn url(namespace: &str, name: &str, is_encrypted: bool) -> String {
    let scheme = if is_encrypted { "https" } else { "http" };
    format!("{scheme}://{name}-kb-http.{namespace}.svc:5601")
}

/// The Secret with the certificate authorities.
pub fn certificates_secret(name: &str) -> String {
    format!("{name}-kb-http-certs-public")
}
