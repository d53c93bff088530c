//! Kibana: how it is reached, and the space of the dashboards.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    SecretKeyRef, SecretRef,
    elasticsearch::insecure_needs_url,
    rules::{add, http_url, one_way, only_with, rule},
};

/// How Kibana is reached, and where data view, dashboards and rules go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = rules)]
pub struct Kibana {
    /// Whether dashboards are installed at all.
    pub enabled: bool,
    /// A Kibana run by ECK. This or url; with neither, the Kibana `bp-kibana` in the monitor's own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<KibanaClusterRef>,
    /// Any Kibana.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub url: Option<String>,
    /// The certificate authorities to trust at url, in PEM. Without it those of the image are trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// Authentication towards url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<KibanaAuth>,
    /// Lets url be without encryption (http). For a laboratory only.
    pub insecure: bool,
    /// Kibana space of the dashboards. Empty: the default space.
    #[schemars(length(max = 64), transform = space_rules)]
    pub space: String,
}

/// A Kibana run by ECK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct KibanaClusterRef {
    /// Name of the Kibana resource.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; empty: the monitor's own. Elsewhere the Kibana resource must allow it with the annotation
    /// `bpmonitor.dev/allow-namespaces`.
    #[schemars(length(max = 63))]
    pub namespace: String,
}

/// Authentication towards Kibana.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct KibanaAuth {
    /// The Secret with `username` and `password`, or with `apiKey`.
    pub secret_ref: SecretRef,
}

/// The one way by which Kibana is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KibanaAccess<'a> {
    /// Through a Kibana run by ECK.
    Cluster(Cow<'a, KibanaClusterRef>),
    /// Through its URL.
    Url(&'a str),
}

impl Kibana {
    /// How Kibana is reached, the default filled in; `None` where it is not wanted.
    pub fn access(&self) -> Option<KibanaAccess<'_>> {
        let access = match (&self.cluster_ref, &self.url) {
            (None, Some(url)) => KibanaAccess::Url(url),
            (Some(cluster), _) => KibanaAccess::Cluster(Cow::Borrowed(cluster)),
            (None, None) => KibanaAccess::Cluster(Cow::Owned(KibanaClusterRef::default())),
        };
        self.enabled.then_some(access)
    }
}

impl Default for Kibana {
    fn default() -> Self {
        Self {
            enabled: true,
            cluster_ref: None,
            url: None,
            ca_secret_ref: None,
            auth: None,
            insecure: false,
            space: String::new(),
        }
    }
}

impl Default for KibanaClusterRef {
    fn default() -> Self {
        Self { name: "bp-kibana".to_owned(), namespace: String::new() }
    }
}

fn rules(schema: &mut Schema) {
    add(schema, [one_way("clusterRef", "url")]);
    add(schema, http_url("url"));
    add(schema, only_with("url", &["caSecretRef", "auth"]));
    add(schema, [insecure_needs_url()]);
}

fn space_rules(schema: &mut Schema) {
    add(
        schema,
        [rule(
            "self.matches('^[0-9a-z_-]*$')",
            "must be lower-case letters, digits, underscores and hyphens only, or empty",
        )],
    );
}
