//! Elasticsearch, as a test looks at it: requests in JSON, and all documents of an index.

use std::collections::BTreeMap;
use std::time::Duration;

use bpmonitor_test_support::lab::SecureElasticsearch;
use serde_json::{Value, json};
use ureq::http::Request;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// An Elasticsearch.
#[derive(Clone, Debug)]
pub(crate) struct Elastic {
    pub(crate) url: String,
    agent: ureq::Agent,
}

/// A document as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) version: i64,
    pub(crate) source: Value,
}

impl Elastic {
    pub(crate) fn plain(url: &str) -> Self {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT));
        Self { url: url.trim_end_matches('/').to_owned(), agent: agent.build().into() }
    }

    /// As the user `elastic`.
    pub(crate) fn secure(at: &SecureElasticsearch) -> Self {
        let pem = std::fs::read(&at.ca).unwrap();
        let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
            .filter_map(
                |item| if let PemItem::Certificate(found) = item.unwrap() { Some(found) } else { None },
            )
            .collect();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT));
        let server = at.url.strip_prefix("https://").unwrap().trim_end_matches('/');
        let url = format!("https://elastic:{}@{server}", at.password);
        Self { url, agent: agent.tls_config(tls).build().into() }
    }

    /// A request; status and answer.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(format!("{}/{path}", self.url));
        let request = request.header("content-type", "application/json");
        let text = body.map(ToString::to_string).unwrap_or_default();
        let answer = if body.is_some() {
            self.agent.run(request.body(text).unwrap())
        } else {
            self.agent.run(request.body(()).unwrap())
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A request that must be answered well.
    #[track_caller]
    pub(crate) fn good(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// All documents behind an alias, by id.
    pub(crate) fn documents(&self, alias: &str) -> BTreeMap<String, Stored> {
        self.good("POST", &format!("{alias}/_refresh"), None);
        let page = json!({"size": 5000, "version": true, "sort": ["_doc"]});
        let mut answer = self.good("POST", &format!("{alias}/_search?scroll=1m"), Some(&page));
        let mut documents = BTreeMap::new();
        loop {
            let hits = answer["hits"]["hits"].as_array_mut().unwrap();
            if hits.is_empty() {
                break;
            }
            for hit in hits {
                let id = hit["_id"].as_str().unwrap().to_owned();
                let stored =
                    Stored { version: hit["_version"].as_i64().unwrap(), source: hit["_source"].take() };
                assert_eq!(documents.insert(id, stored), None, "an id is there once");
            }
            let scroll = json!({"scroll": "1m", "scroll_id": answer["_scroll_id"]});
            answer = self.good("POST", "_search/scroll", Some(&scroll));
        }
        let scroll = json!({"scroll_id": answer["_scroll_id"]});
        self.good("DELETE", "_search/scroll", Some(&scroll));
        documents
    }
}

const LIMIT: Duration = Duration::from_secs(60);
