//! Clients for Elasticsearch: one for all monitors that come to the same one in the same way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bpmonitor_pipeline::cluster::elasticsearch::{
    Authentication, ElasticsearchConnection, ElasticsearchSetup,
};
use bpmonitor_pipeline::cluster::{Pem, SecretSource};
use sha2::{Digest, Sha256};

use crate::finding::{Finding, Looked};
use crate::validate::Admin;

/// How many clients are kept; those of passwords that were renewed are of no more use.
const MOST: usize = 64;

/// Clients for Elasticsearch.
#[derive(Debug, Default)]
pub struct Connections(Mutex<HashMap<String, Arc<ElasticsearchSetup>>>);

impl Connections {
    /// The client for this way to come to Elasticsearch.
    ///
    /// # Errors
    ///
    /// Certificates that are none, a URL that is none.
    pub fn get(&self, admin: &Admin) -> Looked<Arc<ElasticsearchSetup>> {
        let fingerprint = fingerprint(admin);
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&fingerprint) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(connect(admin)?);
        if clients.len() >= MOST {
            clients.clear();
        }
        clients.insert(fingerprint, Arc::clone(&client));
        Ok(client)
    }
}

/// A client of its own.
///
/// # Errors
///
/// Certificates that are none, a URL that is none.
pub(super) fn connect(admin: &Admin) -> Looked<ElasticsearchSetup> {
    let connection = ElasticsearchConnection {
        url: admin.url.clone(),
        ca: admin.ca.as_deref().map(|pem| Pem::Text(String::from_utf8_lossy(pem).into_owned())),
        authentication: admin.authentication.clone(),
    };
    ElasticsearchSetup::new(connection).map_err(|error| {
        let message = format!("{error}: see spec.elasticsearch and its Secrets");
        Finding::no("ElasticsearchSettingsUnusable", message)
    })
}

/// Tells ways to come to Elasticsearch apart, without showing any.
pub(super) fn fingerprint(admin: &Admin) -> String {
    let secret = |source: &SecretSource| source.read().unwrap_or_default();
    let login = match &admin.authentication {
        Authentication::None => String::new(),
        Authentication::ApiKey(key) => format!("key {}", secret(key)),
        Authentication::Password { username, password } => format!("user {username} {}", secret(password)),
    };
    let mut digest = Sha256::new();
    for part in [admin.url.as_bytes(), admin.ca.as_deref().unwrap_or_default(), login.as_bytes()] {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}
