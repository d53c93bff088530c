//! The classifier's API key: made as a user, kept in a Secret, renewed before it expires or when it is refused.

use std::time::Duration;

use bpmonitor_crds::index;
use bpmonitor_crds::names::Names;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{ApiKey, Authentication, ElasticsearchSetup, SetupError};
use elasticsearch::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CA_ENTRY, KEY_ENTRY, KEY_ID_ENTRY, KEY_MADE_ENTRY, connections, provision};
use crate::apply::{self, secret_object};
use crate::context::Context;
use crate::dereference::SecretData;
use crate::error::Error;
use crate::finding::Looked;
use crate::kinds::monitor_ref;
use crate::model::Monitor;
use crate::names;
use crate::validate::Admin;

/// How long a key is good for.
const LIFETIME: &str = "90d";
/// How old a key may become before another takes its place.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(60 * 24);
/// How long a key's predecessors are left alone: pods that have one of them get the new one meanwhile.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// Sees to it that NAME-elasticsearch has a key that is good for long enough; gives what it holds.
///
/// # Errors
///
/// The API server's.
pub(super) async fn settle(
    context: &Context,
    monitor: &Monitor,
    admin: &Admin,
    setup: &ElasticsearchSetup,
    secret: Option<&SecretData>,
) -> Result<Looked<SecretData>, Error> {
    let mut data = secret.cloned().unwrap_or_default();
    data.retain(|key, _| [KEY_ENTRY, KEY_ID_ENTRY, KEY_MADE_ENTRY].contains(&key.as_str()));
    data.extend(admin.ca.as_ref().map(|ca| (CA_ENTRY.to_owned(), ca.clone())));
    let age = age(&data);
    if age.is_none_or(|age| age > RENEWED_AFTER) || is_refused(admin, &data).await {
        let key = match create(setup, monitor).await {
            Ok(key) => key,
            Err(error) => return Ok(Err(provision::trouble(&error))),
        };
        tracing::info!(
            namespace = monitor.namespace,
            monitor = monitor.name,
            "made an API key for the classifier"
        );
        let made = Timestamp::now().to_string();
        for (entry, value) in [(KEY_ENTRY, key.encoded), (KEY_ID_ENTRY, key.id), (KEY_MADE_ENTRY, made)] {
            data.insert(entry.to_owned(), value.into_bytes());
        }
    } else if age.is_some_and(|age| age.unsigned_abs() > OVERLAP) {
        invalidate_others(setup, monitor, &text(&data, KEY_ID_ENTRY)).await;
    }
    let object = secret_object(monitor, &names::elasticsearch(&monitor.name), "elasticsearch", &data)?;
    let owner = monitor_ref(&monitor.namespace, &monitor.name);
    apply::apply(context, &owner, &monitor.namespace, &object).await?;
    Ok(Ok(data))
}

/// The name of a monitor's keys.
pub(super) fn name(monitor: &Monitor) -> String {
    monitor.kafka.topics.group.clone()
}

fn text(data: &SecretData, key: &str) -> String {
    data.get(key).map(|value| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// How old the key is; none where there is none.
fn age(data: &SecretData) -> Option<SignedDuration> {
    let has_key = [KEY_ENTRY, KEY_ID_ENTRY].iter().all(|key| !text(data, key).is_empty());
    let made: Timestamp = text(data, KEY_MADE_ENTRY).parse().ok()?;
    has_key.then(|| Timestamp::now().duration_since(made))
}

/// Whether Elasticsearch does not know the key. Where it does not answer, that is not known, and shows elsewhere.
async fn is_refused(admin: &Admin, data: &SecretData) -> bool {
    let authentication = Authentication::ApiKey(SecretSource::Value(text(data, KEY_ENTRY)));
    let Ok(client) = connections::connect(&Admin { authentication, ..admin.clone() }) else { return true };
    let answer = client.ask(Method::Get, "_security/_authenticate", None, "trying the API key").await;
    answer.is_err_and(|error| error.status == Some(401))
}

async fn create(setup: &ElasticsearchSetup, monitor: &Monitor) -> Result<ApiKey, SetupError> {
    let name = name(monitor);
    let body = json!({
        "name": name,
        "expiration": LIFETIME,
        "role_descriptors": index::privileges(&Names::new(&monitor.namespace, &monitor.name)),
        "metadata": {"made_by": "bpmonitor"},
    });
    let what = format!("making the API key {name}");
    let answer = setup.ask(Method::Post, "_security/api_key", Some(&body), &what).await?;
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(ApiKey { id: text("id"), encoded: text("encoded") })
}

/// Makes the predecessors of a key worthless. What fails is tried again with the next look.
async fn invalidate_others(setup: &ElasticsearchSetup, monitor: &Monitor, current: &str) {
    let target = format!("_security/api_key?name={}&active_only=true", name(monitor));
    let Ok(answer) = setup.ask(Method::Get, &target, None, "listing the API keys").await else { return };
    let keys = answer.get("api_keys").and_then(Value::as_array).into_iter().flatten();
    let ids = keys.filter_map(|key| key.get("id").and_then(Value::as_str));
    for id in ids.filter(|id| *id != current) {
        if setup.invalidate_api_key(id).await.is_ok() {
            tracing::info!(
                namespace = monitor.namespace,
                monitor = monitor.name,
                "invalidated an API key that was replaced"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_an_age_once_all_of_it_is_known() {
        let entry = |key: &str, value: &str| (key.to_owned(), value.as_bytes().to_vec());
        let mut data =
            SecretData::from([entry(KEY_ENTRY, "k"), entry(KEY_MADE_ENTRY, "2020-01-01T00:00:00Z")]);
        assert_eq!(age(&data), None, "it could not be invalidated");
        data.extend([entry(KEY_ID_ENTRY, "i")]);
        assert!(age(&data).unwrap() > RENEWED_AFTER);
        data.extend([entry(KEY_MADE_ENTRY, "not a time")]);
        assert_eq!(age(&data), None);
    }
}
