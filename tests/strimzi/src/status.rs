//! Status as Strimzi writes it.

use anyhow::Result;
use jiff::{Timestamp, Unit};
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Map, Value, json};

use crate::broker::Refused;
use crate::knobs::Refusal;
use crate::topics::NotSupported;

/// How a kind says that it is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wording {
    /// `NotReady` is `True`: Kafka and `KafkaUser`.
    NotReadyTrue,
    /// `Ready` is `False`: `KafkaTopic`.
    ReadyFalse,
}

/// Writes what came of a resource, unless it says so already.
pub(crate) async fn write(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    wording: Wording,
    outcome: Result<Map<String, Value>, Refusal>,
) -> Result<()> {
    let said = object.data.get("status").cloned().unwrap_or_default();
    let (kind, state, why, mut status) = match outcome {
        Ok(details) => ("Ready", "True", None, details),
        Err(refusal) if wording == Wording::ReadyFalse => ("Ready", "False", Some(refusal), Map::new()),
        Err(refusal) => ("NotReady", "True", Some(refusal), Map::new()),
    };
    let mut condition = json!({"type": kind, "status": state});
    if let Some(Refusal { reason, message }) = why {
        condition["reason"] = reason.into();
        condition["message"] = message.into();
    }
    condition["lastTransitionTime"] = since(&said, &condition)?.into();
    status.insert("conditions".to_owned(), json!([condition]));
    status.insert("observedGeneration".to_owned(), object.metadata.generation.into());
    let status = Value::from(status);
    if status == said {
        return Ok(());
    }
    // What is not said any more goes.
    let gone = said.as_object().into_iter().flat_map(Map::keys).filter(|key| status.get(*key).is_none());
    let mut patch = status.clone();
    for key in gone {
        patch[key] = Value::Null;
    }
    let patch = Patch::Merge(json!({"status": patch}));
    api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Since when it is so: where the same is said already, since then.
fn since(said: &Value, condition: &Value) -> Result<String> {
    let before = &said["conditions"][0];
    let is_same = ["type", "status"].iter().all(|key| before[*key] == condition[*key]);
    match before["lastTransitionTime"].as_str().filter(|_| is_same) {
        Some(time) => Ok(time.to_owned()),
        None => Ok(Timestamp::now().round(Unit::Microsecond)?.to_string()),
    }
}

/// A failure in Strimzi's words. `generic` is the reason for what the broker refuses.
pub(crate) fn refusal(error: &anyhow::Error, generic: Option<&str>) -> Refusal {
    if let Some(NotSupported(message)) = error.downcast_ref() {
        return Refusal { reason: "NotSupported".to_owned(), message: message.clone() };
    }
    let reason = match (generic, error.downcast_ref::<Refused>()) {
        (Some(generic), _) => generic.to_owned(),
        (None, Some(refused)) => refused.exception.clone(),
        (None, None) => "InvalidResourceException".to_owned(),
    };
    Refusal { reason, message: format!("{error:#}") }
}
