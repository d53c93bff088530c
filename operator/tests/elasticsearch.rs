//! Index, aliases and API key in a real Elasticsearch, and the key's Secret.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::fs;

use ::elasticsearch::http::Method;
use bpmonitor_crds::BpMonitor;
use bpmonitor_operator::context::{Context, Settings};
use bpmonitor_operator::dereference;
use bpmonitor_operator::dereference::SecretData;
use bpmonitor_operator::elasticsearch::{self, Outcome};
use bpmonitor_operator::metrics::Metrics;
use bpmonitor_operator::model::{Images, Monitor, PullPolicy};
use bpmonitor_operator::validate::{Admin, Draft, validate};
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_support::lab;
use common::{Ward, elastic};
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::reflector;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::mpsc;

fn context(ward: &Ward) -> Context {
    let images =
        Images { producer: "p:1".to_owned(), classifier: "c:1".to_owned(), pull_policy: PullPolicy::Never };
    let second = std::time::Duration::from_secs(1);
    let settings = Settings {
        namespaces: vec![ward.namespace.clone()],
        images,
        resync: second,
        concurrency: 1,
        count_every: second,
        patience: second,
    };
    let (monitors, _) = reflector::store();
    let metrics = Metrics::new(&mut Registry::default());
    Context::new(ward.client.clone(), settings, metrics, monitors, mpsc::unbounded_channel().0)
}

/// A monitor whose Elasticsearch is the lab's, come to as if ECK had made it.
async fn draft(ward: &Ward, context: &Context) -> (Monitor, Admin) {
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(ward).await})).await;
    let monitor = ward.api::<BpMonitor>().get("ward-3").await.unwrap();
    let found = dereference::dereference(context, &monitor).await.unwrap();
    let Draft { monitor, elasticsearch, .. } = validate(&monitor, &found, &context.settings.images).unwrap();
    (monitor, Admin { makes_keys: true, ..elasticsearch.unwrap() })
}

fn text(data: &SecretData, key: &str) -> String {
    String::from_utf8(data[key].clone()).unwrap()
}

/// A client with the key in a Secret.
fn with_key(data: &SecretData) -> ElasticsearchSetup {
    let lab = lab::elasticsearch_secure();
    let authentication = Authentication::ApiKey(SecretSource::Value(text(data, "api-key")));
    ElasticsearchSetup::new(ElasticsearchConnection { url: lab.url, ca: Some(lab.ca.into()), authentication })
        .unwrap()
}

async fn status_of_search(data: &SecretData, index: &str) -> Option<u16> {
    let answer = with_key(data).ask(Method::Get, &format!("{index}/_count"), None, "counting").await;
    answer.err().and_then(|error| error.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classifier_gets_a_key_for_its_own_index_and_another_when_it_is_refused() {
    let ward = Ward::without_operator().await;
    let first = context(&ward);
    let (monitor, admin) = draft(&ward, &first).await;
    let Outcome { finding, documents, secret } =
        elasticsearch::provision(&first, &monitor, &admin, None).await.unwrap();
    assert_eq!((finding.reason.as_str(), documents), ("IndexReady", Some(0)));
    let secret = secret.unwrap();
    let stored = ward.api::<Secret>().get("ward-3-elasticsearch").await.unwrap();
    assert_eq!(dereference::fetch::data(stored), secret);
    assert_eq!(secret["ca.crt"], fs::read(lab::elasticsearch_secure().ca).unwrap());

    assert_eq!(status_of_search(&secret, &monitor.elasticsearch.alias).await, None);
    assert_eq!(status_of_search(&secret, "_all").await, None, "it sees what it may");
    assert_eq!(status_of_search(&secret, "bp.other.ward.anomalies").await, Some(403));

    // Another operator keeps a key that is good.
    let kept = elasticsearch::provision(&context(&ward), &monitor, &admin, Some(secret.clone())).await;
    assert_eq!(kept.unwrap().secret.as_ref(), Some(&secret));

    let as_admin = ElasticsearchSetup::new(ElasticsearchConnection {
        url: admin.url.clone(),
        ca: Some(lab::elasticsearch_secure().ca.into()),
        authentication: admin.authentication.clone(),
    })
    .unwrap();
    as_admin.invalidate_api_key(&text(&secret, "api-key-id")).await.unwrap();
    let renewed = elasticsearch::provision(&context(&ward), &monitor, &admin, Some(secret.clone())).await;
    let renewed = renewed.unwrap().secret.unwrap();
    assert_ne!(renewed["api-key"], secret["api-key"]);
    assert_eq!(status_of_search(&renewed, &monitor.elasticsearch.alias).await, None);

    // All of it goes with the monitor where that is asked for.
    elasticsearch::remove(&first, &monitor, &admin, true).await.unwrap();
    assert_eq!(status_of_search(&renewed, &monitor.elasticsearch.alias).await, Some(401));
    let index = as_admin.ask(Method::Get, &monitor.elasticsearch.index, None, "looking").await;
    assert_eq!(index.unwrap_err().status, Some(404));
    ward.end_without_operator().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stored_too_long_ago_is_removed() {
    let ward = Ward::without_operator().await;
    let context = context(&ward);
    let (monitor, admin) = draft(&ward, &context).await;
    elasticsearch::provision(&context, &monitor, &admin, None).await.unwrap();
    let as_admin = ElasticsearchSetup::new(ElasticsearchConnection {
        url: admin.url.clone(),
        ca: Some(lab::elasticsearch_secure().ca.into()),
        authentication: admin.authentication.clone(),
    })
    .unwrap();
    let index = &monitor.elasticsearch.index;
    for (id, stored) in [("old", "2001-01-01T00:00:00Z"), ("new", "2100-01-01T00:00:00Z")] {
        let body: Value = json!({"processed_datetime": stored});
        as_admin
            .ask(Method::Put, &format!("{index}/_doc/{id}?refresh=true"), Some(&body), "storing")
            .await
            .unwrap();
    }
    // One that has not looked yet looks at once.
    elasticsearch::provision(&self::context(&ward), &monitor, &admin, None).await.unwrap();
    common::until("the old one is gone", common::PATIENCE, || async {
        let _ = as_admin.ask(Method::Post, &format!("{index}/_refresh"), None, "refreshing").await;
        as_admin.count(index).await == Ok(1)
    })
    .await;
    elasticsearch::remove(&context, &monitor, &admin, true).await.unwrap();
    ward.end_without_operator().await;
}
