//! Removes anomalies that were stored longer ago than they are to be kept.

use std::time::{Duration, Instant};

use bpmonitor_pipeline::cluster::elasticsearch::{ElasticsearchSetup, SetupError};
use elasticsearch::http::Method;
use serde_json::{Value, json};

use crate::model::Monitor;

/// How often it is looked for them.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// Has them removed, at most once an hour. Gives when that was; what fails is tried again with the next look.
pub(super) async fn remove_old_ones(
    setup: &ElasticsearchSetup,
    monitor: &Monitor,
    last: Option<Instant>,
) -> Option<Instant> {
    if last.is_some_and(|last| last.elapsed() < EVERY) {
        return last;
    }
    match remove(setup, monitor).await {
        Ok(count) => {
            if count > 0 {
                tracing::info!(
                    index = monitor.elasticsearch.index,
                    count,
                    "anomalies older than their retention are being removed"
                );
            }
            Some(Instant::now())
        }
        Err(error) => {
            tracing::warn!(index = monitor.elasticsearch.index, "{error}");
            last
        }
    }
}

async fn remove(setup: &ElasticsearchSetup, monitor: &Monitor) -> Result<u64, SetupError> {
    let index = &monitor.elasticsearch.index;
    let query = query(monitor.spec.elasticsearch.index.retention.as_str());
    let what = format!("counting what is older than its retention in {index}");
    let answer = setup.ask(Method::Post, &format!("{index}/_count"), Some(&query), &what).await?;
    let count = answer.get("count").and_then(Value::as_u64).unwrap_or_default();
    if count > 0 {
        let target = format!("{index}/_delete_by_query?conflicts=proceed&wait_for_completion=false");
        let what = format!("removing what is older than its retention in {index}");
        setup.ask(Method::Post, &target, Some(&query), &what).await?;
    }
    Ok(count)
}

/// Durations are written as Elasticsearch writes them.
fn query(retention: &str) -> Value {
    json!({"query": {"range": {"processed_datetime": {"lt": format!("now-{retention}")}}}})
}
