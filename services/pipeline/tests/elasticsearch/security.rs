//! TLS, authentication, and what the classifier's key must not be able to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpmonitor_pipeline::AnomalyStore;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{
    ApiKey, Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_test_support::lab;
use elasticsearch::http::Method;
use serde_json::json;
use tempfile::TempDir;

use super::common::{Ward, done, fails, logs, role, start, usual, writes};

/// As the user who may do everything.
fn as_user() -> ElasticsearchConnection {
    let secure = lab::elasticsearch_secure();
    let password = SecretSource::Value(secure.password);
    ElasticsearchConnection {
        url: secure.url,
        ca: Some(secure.ca.into()),
        authentication: Authentication::Password { username: "elastic".to_owned(), password },
    }
}

fn with_key(file: &Path) -> ElasticsearchConnection {
    let authentication = Authentication::ApiKey(SecretSource::File(file.to_owned()));
    ElasticsearchConnection { authentication, ..as_user() }
}

/// A ward with TLS, and the classifier's key for it in a file.
async fn secured() -> (Ward, ApiKey, TempDir, PathBuf) {
    let ward = Ward::at(as_user()).await;
    let key = ward.setup.create_api_key("classifier", &role(&ward)).await.unwrap();
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("api-key");
    fs::write(&file, format!("{}\n", key.encoded)).unwrap();
    (ward, key, directory, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classifiers_key_is_enough_to_write() {
    let (ward, key, _directory, file) = secured().await;
    let (mut store, condition) = ward.store_at(with_key(&file), usual());
    let writes = writes(1_200);
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
    // To look at the mapping, too, which poison asks for.
    assert_eq!(store.write(&[super::common::poison(1)]).await.unwrap().len(), 1);
    ward.setup.invalidate_api_key(&key.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classifiers_key_is_enough_for_nothing_else() {
    let (ward, key, _directory, file) = secured().await;
    let other = Ward::at(as_user()).await;
    let classifier = ElasticsearchSetup::new(with_key(&file)).unwrap();
    let (mine, others) = (ward.names().index(), other.names().index());
    let refused = [
        (Method::Put, format!("{mine}-2"), Some(json!({}))),
        (Method::Delete, mine.clone(), None),
        (Method::Post, format!("{mine}/_close"), None),
        (Method::Put, format!("{mine}/_settings"), Some(json!({"index.blocks.write": true}))),
        (Method::Get, format!("{others}/_search"), None),
        (Method::Get, format!("{}/_search", other.alias()), None),
        (Method::Get, format!("{others}/_mapping"), None),
        (Method::Post, format!("{others}/_doc"), Some(json!({"withdrawn": true}))),
        (Method::Post, "_security/api_key".to_owned(), Some(json!({"name": "more"}))),
        (Method::Get, "_cluster/settings".to_owned(), None),
        (Method::Put, "_index_template/mine".to_owned(), Some(json!({"index_patterns": ["bp.*"]}))),
    ];
    for (method, target, body) in refused {
        let answer = classifier.ask(method, &target, body.as_ref(), "what must be refused").await;
        let error = answer.expect_err(&target);
        assert_eq!((error.status, error.reason), (Some(403), "ElasticsearchForbidden"), "{target}");
    }
    assert_eq!(other.setup.count(&others).await.unwrap(), 0);
    ward.setup.invalidate_api_key(&key.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_longer_valid_is_replaced_in_its_file() {
    let (ward, key, _directory, file) = secured().await;
    let (mut store, condition) = ward.store_at(with_key(&file), usual());
    let writes = writes(1_200);
    let (first, rest) = writes.split_at(600);
    store.write(first).await.unwrap();
    ward.setup.invalidate_api_key(&key.id).await.unwrap();
    let writing = start(store, rest);
    let detail = fails(&condition, "ElasticsearchUnauthorized").await;
    assert!(!detail.contains(&key.encoded) && !logs().contains(&key.encoded), "keys are not told");
    let renewed = ward.setup.create_api_key("classifier", &role(&ward)).await.unwrap();
    fs::write(&file, &renewed.encoded).unwrap();
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
    ward.setup.invalidate_api_key(&renewed.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_write_is_replaced_in_its_file() {
    let (ward, key, _directory, file) = secured().await;
    let reader = json!({"reader": {"indices": [{"names": [ward.alias()], "privileges": ["read"]}]}});
    let reader = ward.setup.create_api_key("reader", &reader).await.unwrap();
    fs::write(&file, &reader.encoded).unwrap();
    let (store, condition) = ward.store_at(with_key(&file), usual());
    let writes = writes(10);
    let writing = start(store, &writes);
    fails(&condition, "ElasticsearchForbidden").await;
    fs::write(&file, &key.encoded).unwrap();
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    for key in [key, reader] {
        ward.setup.invalidate_api_key(&key.id).await.unwrap();
    }
}

/// A certificate authority that signed nothing here.
fn stranger(directory: &Path) -> PathBuf {
    let ca = directory.join("stranger.crt");
    let key = directory.join("stranger.key");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
        ])
        .args(["-subj", "/CN=stranger", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&ca)
        .output()
        .expect("openssl, which the lab needs too");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    ca
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_authority_is_named_and_replaced_in_its_file() {
    let (ward, key, directory, file) = secured().await;
    let ca = stranger(directory.path());
    let connection = ElasticsearchConnection { ca: Some(ca.clone().into()), ..with_key(&file) };
    let (store, condition) = ward.store_at(connection, usual());
    let writes = writes(10);
    let writing = start(store, &writes);
    let detail = fails(&condition, "ElasticsearchUntrusted").await;
    assert!(detail.contains("CA"), "{detail}");
    fs::copy(lab::elasticsearch_secure().ca, &ca).unwrap();
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    ward.setup.invalidate_api_key(&key.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_with_the_wrong_scheme_is_told() {
    let ward = Ward::at(as_user()).await;
    let cases = [
        (as_user().url.replacen("https", "http", 1), "ElasticsearchUnreachable", "https"),
        (lab::elasticsearch().replacen("http", "https", 1), "ElasticsearchNotEncrypted", "TLS"),
    ];
    for (url, reason, word) in cases {
        let connection = ElasticsearchConnection { url, ..as_user() };
        let (store, condition) = ward.store_at(connection, usual());
        let writing = start(store, &writes(1));
        let detail = fails(&condition, reason).await;
        assert!(detail.contains(word), "{detail}");
        writing.abort();
    }
}

#[test]
fn what_cannot_be_a_connection_is_refused_at_once() {
    let of = |connection: ElasticsearchConnection| match ElasticsearchSetup::new(connection) {
        Ok(_) => panic!("it is no connection"),
        Err(error) => error.to_string(),
    };
    let base = ElasticsearchConnection {
        url: "https://localhost:9200".to_owned(),
        ca: None,
        authentication: Authentication::None,
    };
    let key = |key: &str| Authentication::ApiKey(SecretSource::Value(key.to_owned()));
    let missing = Authentication::ApiKey(SecretSource::File("/nowhere/key".into()));
    let cases = [
        (ElasticsearchConnection { url: "elasticsearch".to_owned(), ..base.clone() }, "URL"),
        (ElasticsearchConnection { url: "ftp://localhost".to_owned(), ..base.clone() }, "URL"),
        (
            ElasticsearchConnection { ca: Some(PathBuf::from("/nowhere/ca").into()), ..base.clone() },
            "/nowhere/ca",
        ),
        (
            ElasticsearchConnection { ca: Some(PathBuf::from("/dev/null").into()), ..base.clone() },
            "/dev/null",
        ),
        (ElasticsearchConnection { authentication: key("two lines\nin it"), ..base.clone() }, "API key"),
        (ElasticsearchConnection { authentication: missing, ..base }, "API key"),
    ];
    for (connection, word) in cases {
        let said = of(connection);
        assert!(said.contains(word), "{said}");
        assert!(!said.contains("two lines"), "{said}");
    }
}
