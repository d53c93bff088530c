//! Makes a monitor's topics and users, waits for them, and copies their Secrets to where the workloads are.

use std::collections::BTreeMap;

use kube::api::ApiResource;
use kube::{Resource, ResourceExt};
use serde::Serialize;

use super::{CA_ENTRY, USERNAME_ENTRY, readiness, resources};
use crate::apply::{self, secret_object};
use crate::build::Object;
use crate::cache::Key;
use crate::context::Context;
use crate::dereference::{SecretData, fetch};
use crate::error::Error;
use crate::finding::{Finding, Looked};
use crate::kinds::monitor_ref;
use crate::model::{KafkaTransport, Monitor, StrimziCluster};
use crate::names;

/// The users of a monitor.
const USERS: [&str; 3] = ["classifier", "producer", "publisher"];

/// What was made.
#[derive(Debug, Default)]
pub struct Provisioned {
    /// The copies of Secrets, by name; those that are not there yet are not among them.
    pub secrets: BTreeMap<String, SecretData>,
    /// What was applied, for what is no longer wanted to be known.
    pub applied: Vec<Key>,
    /// What is not ready yet.
    pub waiting: Vec<Finding>,
}

/// Makes what is missing and copies what is there.
///
/// # Errors
///
/// The API server's.
pub async fn provision(
    context: &Context,
    monitor: &Monitor,
    cluster: &StrimziCluster,
    ca: Option<&SecretData>,
) -> Result<Provisioned, Error> {
    let mut made = Provisioned::default();
    if let Some(ca) = ca.and_then(|ca| ca.get(CA_ENTRY)).filter(|_| is_encrypted(monitor)) {
        let data = SecretData::from([(CA_ENTRY.to_owned(), ca.clone())]);
        copy(context, monitor, &mut made, names::kafka_ca(&monitor.name), data).await?;
    }
    for topic in resources::topics(monitor) {
        let object = foreign(&topic)?;
        let live = apply_foreign(context, monitor, cluster, &mut made, &object).await?;
        made.waiting.extend(readiness::topic(&object.name, &live).err());
    }
    for user in resources::users(monitor) {
        let role = role(&user);
        let object = foreign(&user)?;
        let live = apply_foreign(context, monitor, cluster, &mut made, &object).await?;
        let name = names::kafka_user(&monitor.name, role);
        let data = match readiness::user(&object.name, &live) {
            Ok((secret, username)) => {
                user_data(context, monitor, cluster, ca, &secret, &username, role).await?
            }
            Err(finding) => Err(finding),
        };
        match data {
            Ok(data) => copy(context, monitor, &mut made, name, data).await?,
            Err(finding) => keep(context, monitor, &mut made, name, finding).await?,
        }
    }
    Ok(made)
}

/// What was copied before still holds while a user is not ready.
async fn keep(
    context: &Context,
    monitor: &Monitor,
    made: &mut Provisioned,
    name: String,
    finding: Finding,
) -> Result<(), Error> {
    made.waiting.push(finding);
    made.applied.push(Key::new("Secret", &monitor.namespace, &name));
    let before = fetch::fetch_secret(&context.client, &monitor.namespace, &name).await?;
    made.secrets.extend(before.map(|data| (name, data)));
    Ok(())
}

fn is_encrypted(monitor: &Monitor) -> bool {
    matches!(monitor.kafka.transport, KafkaTransport::Tls { .. })
}

/// Who a user is, as its labels say.
fn role(user: &super::KafkaUser) -> &'static str {
    let component = user.labels().get("app.kubernetes.io/component").map(String::as_str);
    USERS.into_iter().find(|role| component == Some(role)).unwrap_or("publisher")
}

fn foreign<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Result<Object, Error> {
    let unwritable = |error: serde_json::Error| Error::Unwritable {
        what: "a resource of Strimzi's",
        error: error.to_string(),
    };
    Ok(Object {
        resource: ApiResource::erase::<K>(&()),
        name: object.meta().name.clone().unwrap_or_default(),
        body: serde_json::to_value(object).map_err(unwritable)?,
    })
}

async fn apply_foreign(
    context: &Context,
    monitor: &Monitor,
    cluster: &StrimziCluster,
    made: &mut Provisioned,
    object: &Object,
) -> Result<std::sync::Arc<crate::cache::Live>, Error> {
    made.applied.push(Key::new(object.kind(), &cluster.namespace, &object.name));
    apply::apply(context, &monitor_ref(&monitor.namespace, &monitor.name), &cluster.namespace, object).await
}

async fn copy(
    context: &Context,
    monitor: &Monitor,
    made: &mut Provisioned,
    name: String,
    data: SecretData,
) -> Result<(), Error> {
    let object = secret_object(monitor, &name, "kafka", &data)?;
    let owner = monitor_ref(&monitor.namespace, &monitor.name);
    apply::apply(context, &owner, &monitor.namespace, &object).await?;
    made.applied.push(Key::new("Secret", &monitor.namespace, &name));
    made.secrets.insert(name, data);
    Ok(())
}

/// What the copy of a user's Secret holds.
async fn user_data(
    context: &Context,
    monitor: &Monitor,
    cluster: &StrimziCluster,
    ca: Option<&SecretData>,
    secret: &str,
    username: &str,
    role: &str,
) -> Result<Looked<SecretData>, Error> {
    let source = Key::new("Secret", &cluster.namespace, secret);
    context.sources.add(&monitor_ref(&monitor.namespace, &monitor.name), source);
    let Some(mut data) = fetch::fetch_secret(&context.client, &cluster.namespace, secret).await? else {
        let namespace = &cluster.namespace;
        let message =
            format!("the Secret {namespace}/{secret} of a KafkaUser is not there: Strimzi makes it");
        return Ok(Err(Finding::no("UserNotReady", message)));
    };
    // What Strimzi has there is the authority of clients, which is no use to one.
    data.remove(CA_ENTRY);
    data.insert(USERNAME_ENTRY.to_owned(), username.as_bytes().to_vec());
    if role == "publisher" {
        let more = [
            ("bootstrap-servers", monitor.kafka.bootstrap_servers.clone()),
            ("topic", monitor.kafka.topics.observations.clone()),
        ];
        data.extend(more.map(|(key, value)| (key.to_owned(), value.into_bytes())));
        let ca = ca.and_then(|ca| ca.get(CA_ENTRY)).filter(|_| is_encrypted(monitor));
        data.extend(ca.map(|ca| (CA_ENTRY.to_owned(), ca.clone())));
    }
    Ok(Ok(data))
}
