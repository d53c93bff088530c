//! Makes a monitor's template, index and aliases, and sees to the API key and to retention.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpmonitor_crds::index;
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::elasticsearch::{ElasticsearchSetup, SetupError};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{CA_ENTRY, KEY_ENTRY, connections, keys, retention};
use crate::context::Context;
use crate::dereference::SecretData;
use crate::error::Error;
use crate::finding::{Finding, Looked};
use crate::kinds::{MonitorRef, monitor_ref};
use crate::model::Monitor;
use crate::validate::Admin;

/// How long what was found right is taken to be right still.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What is to be said of it.
    pub finding: Finding,
    /// How many documents the index has, where that is known.
    pub documents: Option<u64>,
    /// What NAME-elasticsearch holds, where it is there.
    pub secret: Option<SecretData>,
}

/// What was found right, and when.
#[derive(Clone, Debug)]
pub(super) struct Check {
    at: Instant,
    fingerprint: String,
    documents: u64,
    pub(super) old_ones_removed: Option<Instant>,
}

/// What was found right of each monitor.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<MonitorRef, Check>>);

impl Checks {
    fn locked(&self) -> MutexGuard<'_, HashMap<MonitorRef, Check>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a monitor.
    pub fn forget(&self, monitor: &MonitorRef) {
        self.locked().remove(monitor);
    }

    fn get(&self, monitor: &MonitorRef) -> Option<Check> {
        self.locked().get(monitor).cloned()
    }

    fn set(&self, monitor: MonitorRef, check: Check) {
        self.locked().insert(monitor, check);
    }
}

/// Makes what is missing, at most once a minute where all was right.
///
/// # Errors
///
/// The API server's.
pub async fn provision(
    context: &Context,
    monitor: &Monitor,
    admin: &Admin,
    secret: Option<SecretData>,
) -> Result<Outcome, Error> {
    if let Some(trouble) = &admin.trouble {
        return Ok(Outcome { finding: trouble.clone(), documents: None, secret });
    }
    let reference = monitor_ref(&monitor.namespace, &monitor.name);
    let names = Names::new(&monitor.namespace, &monitor.name);
    let template = index::template(&names, monitor.spec.elasticsearch.index.shards);
    let fingerprint =
        format!("{} {}", connections::fingerprint(admin), hex::encode(Sha256::digest(template.to_string())));
    let checked = context.checks.get(&reference).filter(|check| check.fingerprint == fingerprint);
    let is_fresh = |check: &Check| check.at.elapsed() < TRUSTED_FOR;
    if let Some(check) = checked.as_ref().filter(|check| is_fresh(check) && has_key(admin, secret.as_ref())) {
        return Ok(Outcome { finding: ready(monitor), documents: Some(check.documents), secret });
    }
    let setup = match context.elasticsearch.get(admin) {
        Ok(setup) => setup,
        Err(finding) => return Ok(Outcome { finding, documents: None, secret }),
    };
    let documents = match settle_index(&setup, monitor, admin, &template).await {
        Ok(documents) => documents,
        Err(finding) => return Ok(Outcome { finding, documents: None, secret }),
    };
    let known = Some(documents);
    let secret = if admin.makes_keys {
        match keys::settle(context, monitor, admin, &setup, secret.as_ref()).await? {
            Ok(made) => Some(made),
            Err(finding) => return Ok(Outcome { finding, documents: known, secret }),
        }
    } else {
        None
    };
    let old_ones_removed = checked.and_then(|check| check.old_ones_removed);
    let old_ones_removed = retention::remove_old_ones(&setup, monitor, old_ones_removed).await;
    let check = Check { at: Instant::now(), fingerprint, documents, old_ones_removed };
    context.checks.set(reference, check);
    Ok(Outcome { finding: ready(monitor), documents: known, secret })
}

fn ready(monitor: &Monitor) -> Finding {
    Finding::yes("IndexReady", format!("the index {} is there", monitor.elasticsearch.index))
}

/// Whether the Secret has a key and the certificate authorities that are there now.
fn has_key(admin: &Admin, secret: Option<&SecretData>) -> bool {
    if !admin.makes_keys {
        return true;
    }
    let entry = |key: &str| secret.and_then(|secret| secret.get(key));
    entry(KEY_ENTRY).is_some() && entry(CA_ENTRY) == admin.ca.as_ref()
}

/// Makes template, index and aliases; gives the number of documents.
async fn settle_index(
    setup: &ElasticsearchSetup,
    monitor: &Monitor,
    admin: &Admin,
    template: &Value,
) -> Looked<u64> {
    let index = &monitor.elasticsearch.index;
    let settled = async {
        setup.put_template(index, template).await?;
        let is_new = setup.ensure_index(index, template.get("template").unwrap_or(&Value::Null)).await?;
        if is_new {
            tracing::info!(index, "made the index");
        }
        Ok::<_, SetupError>(())
    };
    if let Err(error) = settled.await {
        // Whoever was given rights on an index alone uses the one that somebody made for them.
        let is_given = !admin.makes_keys && error.status == Some(403);
        if !is_given || setup.count(&monitor.elasticsearch.alias).await.is_err() {
            return Err(trouble(&error));
        }
    }
    setup.count(index).await.map_err(|error| trouble(&error))
}

/// What Elasticsearch would not do, as a finding.
pub(super) fn trouble(error: &SetupError) -> Finding {
    Finding::no(error.reason, error.to_string())
}
