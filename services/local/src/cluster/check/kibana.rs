//! Kibana, where its URL is known: whether it is up, and whether all of the monitor's content is there.

use anyhow::Result;
use bpmonitor_kibana_client::{Connection, Kibana, KibanaError, Written};

use super::Check;
use super::report::Report;
use crate::cluster::kibana::content;

const CHECK: &str = "kibana";

/// Looks, where Kibana is wanted and its URL is known.
pub(super) fn check(check: &Check<'_>, report: &mut Report) -> Result<()> {
    if !check.settings.resource.spec.kibana.enabled {
        return Ok(());
    }
    let Some(connection) = check.args.kibana.connection(check.settings)? else { return Ok(()) };
    match missing(check, &connection)? {
        Err(error) => report.failure(CHECK, error.to_string()),
        Ok(missing) if missing.is_empty() => {
            report.ok(CHECK, "data view, dashboards and alert rules are there")
        }
        Ok(missing) => {
            let first =
                missing.first().map(|Written { kind, id }| format!("{kind} {id}")).unwrap_or_default();
            let advice = "bpmonitor kibana import, or the operator, makes it";
            report.failure(CHECK, format!("{} are missing, among them the {first}: {advice}", missing.len()))
        }
    }
}

fn missing(check: &Check<'_>, connection: &Connection) -> Result<Result<Vec<Written>, KibanaError>> {
    let content = content(check.settings)?;
    Ok(check.runtime.block_on(async {
        let kibana = Kibana::new(connection)?;
        kibana.is_up().await?;
        kibana.missing(&content).await
    }))
}
