//! ECK's `Elasticsearch` (`elasticsearch.k8s.elastic.co/v1`), only the fields that are needed, and the names that follow from it.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dereference::SecretData;

/// An Elasticsearch cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, CustomResource)]
#[kube(
    group = "elasticsearch.k8s.elastic.co",
    version = "v1",
    kind = "Elasticsearch",
    plural = "elasticsearches",
    namespaced,
    status = "ElasticsearchStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase", default)]
pub struct ElasticsearchSpec {
    /// Its version.
    pub version: String,
    /// How it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

/// How a cluster answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Its encryption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// How a cluster encrypts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tls {
    /// The certificate that ECK makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_signed_certificate: Option<SelfSigned>,
}

/// The certificate that ECK makes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SelfSigned {
    /// Whether there is to be none, and so no encryption.
    pub disabled: bool,
}

/// What ECK says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ElasticsearchStatus {
    /// `green`, `yellow`, `red` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// `Ready`, `ApplyingChanges`, `Invalid`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The generation that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Whether what answers so encrypts: unless it is said, it does.
pub fn is_encrypted(http: Option<&Http>) -> bool {
    let tls = http.and_then(|http| http.tls.as_ref());
    !tls.and_then(|tls| tls.self_signed_certificate.as_ref()).is_some_and(|made| made.disabled)
}

/// The certificate authorities, in PEM, in the Secret that ECK makes public.
pub fn authority(certificates: &SecretData) -> Option<&Vec<u8>> {
    certificates.get("ca.crt").or_else(|| certificates.get("tls.crt"))
}

impl Elasticsearch {
    /// Whether it encrypts.
    pub fn is_encrypted(&self) -> bool {
        is_encrypted(self.spec.http.as_ref())
    }

    /// How healthy ECK says it is.
    pub fn health(&self) -> &str {
        self.status.as_ref().and_then(|status| status.health.as_deref()).unwrap_or("unknown")
    }
}

/// Where the cluster of this namespace and name answers.
pub fn url(namespace: &str, name: &str, is_encrypted: bool) -> String {
    let scheme = if is_encrypted { "https" } else { "http" };
    format!("{scheme}://{name}-es-http.{namespace}.svc:9200")
}

/// The user that ECK makes.
pub const USER: &str = "elastic";

/// The Secret with the password of [`USER`].
pub fn user_secret(name: &str) -> String {
    format!("{name}-es-elastic-user")
}

/// The Secret with the certificate authorities.
pub fn certificates_secret(name: &str) -> String {
    format!("{name}-es-http-certs-public")
}
