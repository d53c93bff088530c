//! Monitors that the API server has and this version cannot read: each is told so, and none disturbs the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bpmonitor_crds::{BpMonitor, BpMonitorSpec};
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::runtime::watcher::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::context::Context;
use crate::error::{Error, is_conflict};
use crate::finding::Finding;
use crate::{finalize, status};

/// When to try again what the API server did not take.
const AGAIN: Duration = Duration::from_secs(5);

/// The event of a monitor that can be read. Another one is sent to `unreadable`; what runs for it goes on as it is.
pub(crate) fn readable(
    event: Event<DeserializeGuard<BpMonitor>>,
    unreadable: &UnboundedSender<InvalidObject>,
) -> Option<Event<BpMonitor>> {
    let tell = |object| {
        // Nobody listens any more only where the operator is ending.
        let _ = unreadable.send(object);
        None
    };
    match event {
        Event::Init => Some(Event::Init),
        Event::InitDone => Some(Event::InitDone),
        Event::InitApply(DeserializeGuard(Ok(monitor))) => Some(Event::InitApply(monitor)),
        Event::Apply(DeserializeGuard(Ok(monitor))) => Some(Event::Apply(monitor)),
        Event::Delete(DeserializeGuard(Ok(monitor))) => Some(Event::Delete(monitor)),
        Event::Delete(DeserializeGuard(Err(object))) => {
            let monitor = BpMonitor::new("", BpMonitorSpec::default());
            Some(Event::Delete(BpMonitor { metadata: object.metadata, ..monitor }))
        }
        Event::InitApply(DeserializeGuard(Err(object))) | Event::Apply(DeserializeGuard(Err(object))) => {
            tell(object)
        }
    }
}

/// Tells of each generation of an unreadable monitor once, and lets go those that are going.
pub(crate) async fn keep_telling(
    context: Arc<Context>,
    again: UnboundedSender<InvalidObject>,
    mut unreadable: UnboundedReceiver<InvalidObject>,
) {
    let mut told = HashMap::new();
    while let Some(object) = unreadable.recv().await {
        let (uid, generation) = (object.metadata.uid.clone(), object.metadata.generation);
        if told.get(&uid) == Some(&generation) {
            continue;
        }
        match see_to(&context, &object).await {
            Ok(()) => drop(told.insert(uid, generation)),
            // It has changed, and the change comes too.
            Err(error) if is_conflict(&error) => {}
            Err(error) => {
                tracing::warn!("an unreadable monitor, to be seen to again: {error}");
                tokio::spawn(send_later(again.clone(), object));
            }
        }
    }
}

async fn send_later(again: UnboundedSender<InvalidObject>, object: InvalidObject) {
    tokio::time::sleep(AGAIN).await;
    // Nobody listens any more only where the operator is ending.
    let _ = again.send(object);
}

async fn see_to(context: &Context, object: &InvalidObject) -> Result<(), Error> {
    if object.metadata.deletion_timestamp.is_some() {
        return finalize::let_go(context, &object.metadata).await;
    }
    tell(context, object).await
}

/// Says in a monitor's condition why it cannot be read.
///
/// # Errors
///
/// The API server's.
pub async fn tell(context: &Context, object: &InvalidObject) -> Result<(), Error> {
    let InvalidObject { error, metadata } = object;
    let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
    let full_name = format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default());
    tracing::warn!(monitor = full_name, "a monitor cannot be read: {error}");
    let message = format!(
        "this version of the operator cannot read the monitor ({error}): it was stored by another version: install the definition that \
         belongs to the operator, and apply the monitor again. What runs goes on as it is"
    );
    status::write_unreadable(context, metadata, Finding::no("Unreadable", message)).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::sync::mpsc;

    use super::*;

    fn stored(count: &Value) -> DeserializeGuard<BpMonitor> {
        let monitor = json!({
            "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor",
            "metadata": {"name": "ward-3", "namespace": "n", "uid": "u", "generation": 2},
            "spec": {"patients": {"count": count}},
        });
        serde_json::from_value(monitor).unwrap()
    }

    #[test]
    fn one_that_cannot_be_read_is_left_out_and_told_of() {
        let (sender, mut unreadable) = mpsc::unbounded_channel();
        let (sound, broken) = (json!(3), json!("many"));
        assert!(matches!(readable(Event::Apply(stored(&sound)), &sender), Some(Event::Apply(_))));
        assert!(unreadable.try_recv().is_err());
        for event in [Event::Apply(stored(&broken)), Event::InitApply(stored(&broken))] {
            assert!(readable(event, &sender).is_none());
            let object = unreadable.try_recv().unwrap();
            assert_eq!(object.metadata.name.as_deref(), Some("ward-3"));
            assert!(object.error.contains("many"), "{}", object.error);
        }
        // One that is gone is gone, whatever it said.
        let gone = readable(Event::Delete(stored(&broken)), &sender);
        assert!(matches!(gone, Some(Event::Delete(monitor)) if monitor.metadata.uid.as_deref() == Some("u")));
    }
}
