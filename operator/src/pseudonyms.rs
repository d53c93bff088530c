//! The key of pseudonyms: made once, and never anew while there is data that was made with it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use bpmonitor_crds::{BpMonitor, BpMonitorStatus};
use bpmonitor_pipeline::secret::{SECRET_BYTES, parse_secret};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;

use crate::context::Context;
use crate::dereference::{Found, SecretData};
use crate::error::Error;
use crate::finding::{Finding, Looked};
use crate::labels::{self, MANAGER};
use crate::model::Monitor;
use crate::status::conditions::is_true;
use crate::validate::KEY_ENTRY;

/// Why workloads are stopped.
pub const MISSING: &str = "PseudonymKeyMissing";

/// What the key's Secret holds; where there is none, and no data either, one is made.
///
/// # Errors
///
/// The API server's.
pub async fn key(
    context: &Context,
    monitor: &Monitor,
    resource: &BpMonitor,
    found: &Found,
    documents: Option<u64>,
) -> Result<Looked<SecretData>, Error> {
    let name = &monitor.pseudonym_key.secret;
    if let Some(Some(data)) = found.secrets.get(name) {
        return Ok(check(name, data));
    }
    if has_data(resource.status.as_ref(), found, documents) {
        return Ok(Err(missing(name)));
    }
    let given = &resource.spec.privacy.key_secret_ref.name;
    if !given.is_empty() {
        let message = format!(
            "spec.privacy.keySecretRef names the Secret {given}, which is not there: make it with an entry {KEY_ENTRY} of 64 \
             hexadecimal digits (openssl rand -hex 32), and keep a copy"
        );
        return Ok(Err(Finding::no("SecretMissing", message)));
    }
    if documents.is_none() {
        let message = "the key of pseudonyms is made once Elasticsearch can say that it has no data yet";
        return Ok(Err(Finding::no("WaitingForElasticsearch", message)));
    }
    make(context, monitor).await.map(Ok)
}

/// Whether a Secret holds a key.
fn check(name: &str, data: &SecretData) -> Looked<SecretData> {
    let text = data.get(KEY_ENTRY).map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(missing(name));
    }
    if parse_secret(&text).is_none() {
        let message = format!(
            "the entry {KEY_ENTRY} of the Secret {name} does not hold 64 hexadecimal digits: put back the key from your copy"
        );
        return Err(Finding::no(MISSING, message));
    }
    Ok(data.clone())
}

fn missing(name: &str) -> Finding {
    Finding::no(
        MISSING,
        format!(
            "the key in the Secret {name} is gone, and there is data that was made with it: put it back from your copy (entry {KEY_ENTRY}); \
             with another key every patient would get a second pseudonym, so nothing runs until then"
        ),
    )
}

/// Whether anything was made with a key, as far as can be seen.
fn has_data(status: Option<&BpMonitorStatus>, found: &Found, documents: Option<u64>) -> bool {
    let was_ready = status.is_some_and(|status| is_true(&status.conditions, "Ready"));
    let classified = status.and_then(|status| status.observations.as_ref());
    found.has_archive
        || documents.is_some_and(|documents| documents > 0)
        || was_ready
        || classified.is_some_and(|counts| counts.classified > 0)
}

/// Makes a key. Where another was quicker, the API server refuses and the next reconcile finds that one.
async fn make(context: &Context, monitor: &Monitor) -> Result<SecretData, Error> {
    let random = |error: std::io::Error| Error::Unwritable {
        what: "a key from the random source",
        error: error.to_string(),
    };
    let mut secret = [0; SECRET_BYTES];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut secret)).map_err(random)?;
    let key = hex::encode(secret).into_bytes();
    let name = &monitor.pseudonym_key.secret;
    let object = Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(monitor.namespace.clone()),
            // It belongs to nobody: it stays when the monitor goes.
            labels: Some(labels::all(&monitor.namespace, &monitor.name, "pseudonyms")),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(BTreeMap::from([(KEY_ENTRY.to_owned(), ByteString(key.clone()))])),
        ..Secret::default()
    };
    let parameters = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    let api = Api::<Secret>::namespaced(context.client.clone(), &monitor.namespace);
    let made = api.create(&parameters, &object).await;
    made.map_err(Error::kube(format!("making the Secret {name} with the key of pseudonyms")))?;
    tracing::info!(namespace = monitor.namespace, monitor = monitor.name, "made the key of pseudonyms");
    Ok(SecretData::from([(KEY_ENTRY.to_owned(), key)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let data = |value: &str| SecretData::from([(KEY_ENTRY.to_owned(), value.as_bytes().to_vec())]);
        assert!(check("s", &data(&"0".repeat(64))).is_ok());
        for wrong in ["", "0", "password"] {
            let finding = check("s", &data(wrong)).unwrap_err();
            assert_eq!(finding.reason, MISSING);
            assert!(!finding.message.contains("password"), "what it holds is not shown");
        }
        assert_eq!(check("s", &SecretData::new()).unwrap_err().reason, MISSING);
    }
}
