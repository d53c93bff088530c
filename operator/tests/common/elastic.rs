//! The lab's Elasticsearch, as a monitor reaches it: by URL, with a Secret given by hand.

use std::fs;

use bpmonitor_test_support::lab::{self, SecureElasticsearch};
use serde_json::{Value, json};

use super::Ward;

/// Makes the Secret, and gives `spec.elasticsearch`.
pub(crate) async fn given(ward: &Ward) -> Value {
    of(ward, &lab::elasticsearch_secure()).await
}

/// The same, of another Elasticsearch.
pub(crate) async fn of(ward: &Ward, elasticsearch: &SecureElasticsearch) -> Value {
    let ca = fs::read_to_string(&elasticsearch.ca).expect("the lab's CA");
    ward.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "elasticsearch"},
        "stringData": {"username": "elastic", "password": elasticsearch.password, "ca.crt": ca},
    }))
    .await;
    json!({
        "url": elasticsearch.url,
        "caSecretRef": {"name": "elasticsearch"},
        "auth": {"secretRef": {"name": "elasticsearch"}},
    })
}
