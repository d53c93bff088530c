//! The topic operator: a `KafkaTopic` becomes a topic on the broker, and says so.

use std::time::Duration;

use anyhow::Result;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::{Map, Value, json};

use crate::knobs::Refusal;
use crate::shared::{RESYNC, Shared};
use crate::specs::{Topic, spec};
use crate::status::{self, Wording};
use crate::topics::Wanted;

pub(crate) const KIND: &str = "KafkaTopic";
const FINALIZER: &str = "strimzi.io/topic-operator";

pub(crate) async fn reconcile(topic: &DynamicObject, shared: &Shared) -> Result<Action> {
    let api = shared.api(KIND);
    if topic.metadata.deletion_timestamp.is_some() {
        return remove(topic, &api, shared).await;
    }
    if let Some(left) = shared.knobs.left(topic) {
        return Ok(Action::requeue(left));
    }
    set_finalizers(topic, &api, &[FINALIZER]).await?;
    let outcome = match shared.knobs.refusal(KIND, &topic.name_any()) {
        Some(refusal) => Err(refusal),
        None => settle(topic, shared).await,
    };
    let again = if outcome.is_ok() { RESYNC } else { Duration::from_secs(2) };
    status::write(&api, topic, Wording::ReadyFalse, outcome).await?;
    Ok(Action::requeue(again))
}

async fn settle(topic: &DynamicObject, shared: &Shared) -> Result<Map<String, Value>, Refusal> {
    let asked: Topic = spec(topic).map_err(|error| status::refusal(&error, None))?;
    let name = name(topic, &asked);
    if let Some(other) = rival(topic, &name, shared) {
        let message =
            format!("Managed by Ref{{namespace='{}', name='{}'}}", shared.settings.namespace, other);
        return Err(Refusal { reason: "ResourceConflict".to_owned(), message });
    }
    let settings = asked.config.into_iter().map(|(key, value)| (key, plain(&value))).collect();
    let wanted =
        Wanted { name: name.clone(), partitions: asked.partitions, replicas: asked.replicas, settings };
    let settled = shared.broker.settle(&wanted).await;
    let id = settled.map_err(|error| status::refusal(&error, Some("KafkaError")))?;
    Ok([("topicName".to_owned(), json!(name)), ("topicId".to_owned(), json!(id))].into_iter().collect())
}

/// Another resource of the same topic, which was there first.
fn rival(topic: &DynamicObject, name: &str, shared: &Shared) -> Option<String> {
    let age = |topic: &DynamicObject| (topic.creation_timestamp(), topic.name_any());
    let store = shared.topics.get()?.state();
    let mut older: Vec<_> = store
        .iter()
        .filter(|other| other.uid() != topic.uid() && other.metadata.deletion_timestamp.is_none())
        .filter(|other| spec::<Topic>(other).is_ok_and(|asked| self::name(other, &asked) == name))
        .filter(|other| age(other) < age(topic))
        .collect();
    older.sort_by_key(|other| age(other));
    older.first().map(|other| other.name_any())
}

fn name(topic: &DynamicObject, asked: &Topic) -> String {
    asked.name.clone().unwrap_or_else(|| topic.name_any())
}

/// As the broker takes it: a number or truth without quotes, a list with commas.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

async fn remove(topic: &DynamicObject, api: &Api<DynamicObject>, shared: &Shared) -> Result<Action> {
    if topic.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        let name = name(topic, &spec(topic)?);
        if rival(topic, &name, shared).is_none() {
            shared.broker.remove_topic(&name).await?;
        }
        set_finalizers(topic, api, &[]).await?;
    }
    Ok(Action::await_change())
}

/// Of those that are ours; those of others stay.
async fn set_finalizers(topic: &DynamicObject, api: &Api<DynamicObject>, ours: &[&str]) -> Result<()> {
    let others = topic.finalizers().iter().map(String::as_str).filter(|finalizer| *finalizer != FINALIZER);
    let wanted: Vec<_> = others.chain(ours.iter().copied()).collect();
    if wanted == topic.finalizers() {
        return Ok(());
    }
    let metadata = json!({"finalizers": wanted, "resourceVersion": topic.resource_version()});
    let patch = Patch::Merge(json!({"metadata": metadata}));
    api.patch(&topic.name_any(), &PatchParams::default(), &patch).await?;
    Ok(())
}
