//! Removes what is a monitor's from its Kibana. The space stays, and so does whatever else is in it.

use bpmonitor_crds::BpMonitor;
use bpmonitor_kibana_client::Kibana;

use super::record::Record;
use super::{record, way};
use crate::context::Context;
use crate::error::Error;
use crate::model::Monitor;

/// Removes it from where it was recorded, and the record with it; gives what could not be done. A Kibana that is gone has taken it with it.
///
/// # Errors
///
/// The API server's.
pub async fn remove(
    context: &Context,
    resource: &BpMonitor,
    monitor: &Monitor,
) -> Result<Option<String>, Error> {
    let Some(record) = record::read(context, &monitor.namespace, &monitor.name).await? else {
        return Ok(None);
    };
    if let Err(left) = remove_from(context, resource, &record).await? {
        return Ok(Some(left));
    }
    record::remove(context, &monitor.namespace, &monitor.name).await?;
    Ok(None)
}

async fn remove_from(
    context: &Context,
    resource: &BpMonitor,
    record: &Record,
) -> Result<Result<(), String>, Error> {
    let found = way::find(context, resource).await?;
    if !found.is_there() {
        return Ok(Ok(()));
    }
    let connection = match way::resolve(resource, &found) {
        Ok(connection) => connection,
        Err(finding) => return Ok(Err(finding.message)),
    };
    if connection.url != record.url {
        return Ok(Err(format!(
            "they are in {}, which the spec no longer names: remove them by hand",
            record.url
        )));
    }
    let removed = async {
        let kibana = Kibana::new(&connection)?;
        kibana.remove(&record.space, &record.written).await
    };
    Ok(removed.await.map_err(|error| error.to_string()))
}
