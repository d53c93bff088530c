//! Events: one for each condition that changes.

use bpmonitor_crds::BpMonitor;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use kube::runtime::events::{Event, EventType};

use crate::context::Context;
use crate::text::cut;

/// The longest note that an event may have, in bytes.
const NOTE_MAX_LENGTH: usize = 1024;

/// Tells of what changed. An event that cannot be written is no reason to do anything again.
pub(super) async fn tell(context: &Context, monitor: &BpMonitor, before: &[Condition], after: &[Condition]) {
    for condition in after {
        let known = before.iter().find(|known| known.type_ == condition.type_);
        if !is_worth_telling(known, condition) {
            continue;
        }
        let Condition { type_, status, reason, message, .. } = condition;
        tracing::info!(condition = type_, status, reason, "{message}");
        if let Err(error) = context.recorder.publish(&event(condition), &monitor.object_ref(&())).await {
            tracing::debug!("an event was not written: {error}");
        }
    }
}

/// What was not known before is worth telling where something is wrong.
fn is_worth_telling(known: Option<&Condition>, condition: &Condition) -> bool {
    match known {
        Some(known) => known.status != condition.status || known.reason != condition.reason,
        None => condition.status != "True" && condition.type_ != "Paused" && condition.type_ != "Ready",
    }
}

fn event(condition: &Condition) -> Event {
    let is_fine = condition.status == "True" || condition.type_ == "Paused";
    let note = format!("{}: {}", condition.type_, condition.message);
    Event {
        type_: if is_fine { EventType::Normal } else { EventType::Warning },
        reason: condition.reason.clone(),
        note: Some(cut(&note, NOTE_MAX_LENGTH).to_owned()),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}
