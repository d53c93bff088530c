//! Writes a monitor's content into its Kibana, where it is not there already.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bpmonitor_crds::BpMonitor;
use bpmonitor_kibana::{Content, Ward};
use bpmonitor_kibana_client::{Authentication, Connection, Kibana, KibanaError, Written};
use sha2::{Digest, Sha256};

use super::record::{self, Record};
use super::{removal, way};
use crate::context::Context;
use crate::error::Error;
use crate::finding::Finding;
use crate::kinds::{MonitorRef, monitor_ref};
use crate::model::Monitor;

/// How long what was found right is taken to be right still.
const TRUSTED_FOR: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is to be said of it.
    pub finding: Finding,
    /// Where in Kibana the first dashboard is, once it is there; empty where there is to be none.
    pub dashboard: Option<String>,
    /// Whether the monitor is not ready without it: it was asked for by name, or there is such a Kibana.
    pub is_needed: bool,
}

/// What was found right of each monitor: by which way, with which content, and when.
#[derive(Debug, Default)]
pub struct Checks(Mutex<HashMap<MonitorRef, (Instant, String)>>);

impl Checks {
    fn locked(&self) -> MutexGuard<'_, HashMap<MonitorRef, (Instant, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a monitor.
    pub fn forget(&self, monitor: &MonitorRef) {
        self.locked().remove(monitor);
    }

    fn is_fresh(&self, monitor: &MonitorRef, fingerprint: &str) -> bool {
        self.locked()
            .get(monitor)
            .is_some_and(|(at, known)| known == fingerprint && at.elapsed() < TRUSTED_FOR)
    }

    fn set(&self, monitor: MonitorRef, fingerprint: String) {
        self.locked().insert(monitor, (Instant::now(), fingerprint));
    }
}

/// Sees to it that a monitor's content is in its Kibana, or no longer is where it is not wanted.
///
/// # Errors
///
/// The API server's.
pub async fn settle(context: &Context, resource: &BpMonitor, monitor: &Monitor) -> Result<Outcome, Error> {
    let wanted = &resource.spec.kibana;
    if !wanted.enabled {
        return unwanted(context, resource, monitor).await;
    }
    let found = way::find(context, resource).await?;
    let is_named = wanted.cluster_ref.is_some() || wanted.url.is_some();
    let is_needed = is_named || found.is_there();
    let outcome = |finding, dashboard| Outcome { finding, dashboard, is_needed };
    // What contradicts itself is told by Ready.
    let Ok(ward) = Ward::of(&monitor.namespace, &monitor.name, &resource.spec) else {
        let message = "the thresholds contradict each other: see Ready; the dashboards stay as they are";
        return Ok(outcome(Finding::no("InvalidThresholds", message), None));
    };
    let connection = match way::resolve(resource, &found) {
        Ok(connection) => connection,
        Err(finding) => return Ok(outcome(finding, None)),
    };
    let content = Content::of(&ward);
    match provide(context, monitor, &connection, &content).await? {
        Ok(with_rules) => Ok(outcome(ready(&content, with_rules), Some(content.path()))),
        Err(error) => Ok(outcome(Finding::no(error.reason, error.to_string()), None)),
    }
}

async fn unwanted(context: &Context, resource: &BpMonitor, monitor: &Monitor) -> Result<Outcome, Error> {
    let left = removal::remove(context, resource, monitor).await?;
    let finding = match left {
        None => Finding::yes("Disabled", "spec.kibana.enabled is false: there are no dashboards"),
        Some(left) => Finding::no(
            "NotRemoved",
            format!("spec.kibana.enabled is false, but the dashboards are there still: {left}"),
        ),
    };
    Ok(Outcome { finding, dashboard: Some(String::new()), is_needed: false })
}

fn ready(content: &Content, with_rules: bool) -> Finding {
    let path = content.path();
    if with_rules {
        return Finding::yes("DashboardsReady", format!("dashboards and alert rules are there, at {path}"));
    }
    let message = format!(
        "the dashboards are there, at {path}; alert rules are not, since an API key cannot make them: give a user name and a password in \
         spec.kibana.auth.secretRef"
    );
    Finding::yes("DashboardsOnly", message)
}

/// Writes where something is new or missing. Whether there are rules, too.
async fn provide(
    context: &Context,
    monitor: &Monitor,
    connection: &Connection,
    content: &Content,
) -> Result<Result<bool, KibanaError>, Error> {
    let reference = monitor_ref(&monitor.namespace, &monitor.name);
    let hash = hash(&[&content.ndjson(), &content.alerts_json(), &content.space]);
    let fingerprint = fingerprint(connection, &hash);
    let kibana = match Kibana::new(connection) {
        Ok(kibana) => kibana,
        Err(error) => return Ok(Err(error)),
    };
    let with_rules = kibana.may_make_rules();
    let record = Record {
        hash,
        url: connection.url.clone(),
        space: content.space.clone(),
        written: Written::of(content, with_rules),
    };
    if context.kibana.is_fresh(&reference, &fingerprint) {
        // Put back where somebody changed it, and not even sent where nobody did.
        record::write(context, monitor, &record).await?;
        return Ok(Ok(with_rules));
    }
    let before = record::read(context, &monitor.namespace, &monitor.name).await?;
    if let Err(error) = bring_about(&kibana, content, before.as_ref(), &record, monitor).await {
        return Ok(Err(error));
    }
    record::write(context, monitor, &record).await?;
    context.kibana.set(reference, fingerprint);
    Ok(Ok(with_rules))
}

async fn bring_about(
    kibana: &Kibana,
    content: &Content,
    before: Option<&Record>,
    record: &Record,
    monitor: &Monitor,
) -> Result<(), KibanaError> {
    kibana.is_up().await?;
    if before == Some(record) && kibana.missing(content).await?.is_empty() {
        return Ok(());
    }
    kibana.write(content).await?;
    tracing::info!(
        namespace = monitor.namespace,
        monitor = monitor.name,
        space = record.space,
        "wrote the dashboards"
    );
    let Some(before) = before else { return Ok(()) };
    if before.url != record.url {
        let url = &before.url;
        tracing::warn!(
            monitor = monitor.name,
            "the dashboards that are in {url} stay there: remove them by hand"
        );
        return Ok(());
    }
    let is_obsolete = |written: &&Written| before.space != record.space || !record.written.contains(written);
    let obsolete: Vec<_> = before.written.iter().filter(is_obsolete).cloned().collect();
    kibana.remove(&before.space, &obsolete).await
}

/// Tells ways and contents apart, without showing any.
fn fingerprint(connection: &Connection, content: &str) -> String {
    let ca = String::from_utf8_lossy(connection.ca.as_deref().unwrap_or_default());
    let login = match &connection.authentication {
        Authentication::None => String::new(),
        Authentication::ApiKey(key) => format!("key {key}"),
        Authentication::Password { username, password } => format!("user {username} {password}"),
    };
    hash(&[&connection.url, &ca, &login, content])
}

fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}
