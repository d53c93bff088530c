//! Counts and lag: read from the classifiers' consumer groups now and then, and written where they changed.

use std::sync::Arc;

use bpmonitor_crds::{BpMonitor, ObservationCounts};
use futures_util::{StreamExt, stream};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::context::Context;
use crate::error::Error;
use crate::kinds::monitor_ref;

/// Who writes the counts.
const MANAGER: &str = "bp-monitor-operator-counts";
/// How many monitors are asked at the same time.
const AT_ONCE: usize = 8;

/// Reads and writes the counts of all monitors, again and again.
pub async fn keep_counting(context: Arc<Context>) {
    let mut every = interval(context.settings.count_every);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first moment has nothing to count yet.
    every.tick().await;
    loop {
        every.tick().await;
        let monitors = context.monitors.state().into_iter();
        let counted = stream::iter(monitors.filter(|monitor| monitor.metadata.deletion_timestamp.is_none()));
        counted
            .for_each_concurrent(AT_ONCE, |monitor| async {
                if let Err(error) = count(&context, &monitor).await {
                    tracing::debug!(monitor = monitor.name_any(), "counting: {error}");
                }
                drop(monitor);
            })
            .await;
    }
}

async fn count(context: &Context, monitor: &BpMonitor) -> Result<(), Error> {
    let before = monitor.status.as_ref().and_then(|status| status.observations.as_ref());
    let Some(counts) = fetch(context, monitor).await else { return Ok(()) };
    let counts = ObservationCounts { as_of: before.and_then(|before| before.as_of.clone()), ..counts };
    if before == Some(&counts) {
        return Ok(());
    }
    let counts = ObservationCounts { as_of: Some(Time(Timestamp::now())), ..counts };
    super::patch_as(context, monitor, MANAGER, json!({"observations": counts})).await
}

/// What became of a monitor's Observations; none where its Kafka is not known, or does not say.
async fn fetch(context: &Context, monitor: &BpMonitor) -> Option<ObservationCounts> {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let group = context.groups.get(&monitor_ref(&namespace, &name))?;
    let asked = spawn_blocking(move || group.progress()).await.ok()?;
    let progress = asked.inspect_err(|error| {
        tracing::debug!(
            monitor = format!("{namespace}/{name}"),
            "asking how far the classifiers are: {error}"
        );
    });
    let progress = progress.ok()?;
    let counts = progress.counts();
    Some(ObservationCounts {
        classified: counts.classified,
        anomalies: counts.anomalies,
        rejected: counts.rejected,
        lag: progress.lag(),
        as_of: None,
    })
}
