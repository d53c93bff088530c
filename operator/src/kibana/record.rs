//! What was written into Kibana, and where: the `ConfigMap` NAME-kibana, and nothing else, says so.

use std::collections::BTreeMap;

use bpmonitor_kibana_client::Written;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::DeleteParams;

use crate::apply;
use crate::build;
use crate::context::Context;
use crate::dereference::fetch::{Fetched, fetch};
use crate::error::{Error, is_not_found};
use crate::kinds::monitor_ref;
use crate::model::Monitor;
use crate::names;

const HASH: &str = "content";
const URL: &str = "url";
const SPACE: &str = "space";
const WRITTEN: &str = "written";

/// What was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The hash of the content.
    pub(super) hash: String,
    /// The Kibana's URL.
    pub(super) url: String,
    /// The space.
    pub(super) space: String,
    /// Kinds and ids.
    pub(super) written: Vec<Written>,
}

impl Record {
    fn data(&self) -> BTreeMap<String, String> {
        let written: Vec<_> =
            self.written.iter().map(|Written { kind, id }| format!("{kind} {id}")).collect();
        let entries = [
            (HASH, self.hash.clone()),
            (URL, self.url.clone()),
            (SPACE, self.space.clone()),
            (WRITTEN, written.join("\n")),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn of(data: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| data.get(key).cloned().unwrap_or_default();
        let lines = text(WRITTEN);
        let written = lines.lines().filter_map(|line| line.split_once(' '));
        let written =
            written.map(|(kind, id)| Written { kind: kind.to_owned(), id: id.to_owned() }).collect();
        Self { hash: text(HASH), url: text(URL), space: text(SPACE), written }
    }
}

/// Reads it; none where nothing was written.
///
/// # Errors
///
/// The API server's.
pub(super) async fn read(context: &Context, namespace: &str, monitor: &str) -> Result<Option<Record>, Error> {
    let found = fetch::<ConfigMap>(&context.client, namespace, &names::kibana(monitor)).await?;
    let Fetched::There(map) = found else { return Ok(None) };
    Ok(Some(Record::of(&map.data.unwrap_or_default())))
}

/// Writes it.
///
/// # Errors
///
/// The API server's.
pub(super) async fn write(context: &Context, monitor: &Monitor, record: &Record) -> Result<(), Error> {
    let object = build::kibana_record(monitor, record.data());
    let owner = monitor_ref(&monitor.namespace, &monitor.name);
    apply::apply(context, &owner, &monitor.namespace, &object).await.map(drop)
}

/// Removes it.
///
/// # Errors
///
/// The API server's.
pub(super) async fn remove(context: &Context, namespace: &str, monitor: &str) -> Result<(), Error> {
    let name = names::kibana(monitor);
    let api = Api::<ConfigMap>::namespaced(context.client.clone(), namespace);
    match api.delete(&name, &DeleteParams::default()).await {
        Err(error) if !is_not_found(&error) => {
            Err(Error::kube(format!("deleting the ConfigMap {namespace}/{name}"))(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read_again() {
        let written = |kind: &str, id: &str| Written { kind: kind.to_owned(), id: id.to_owned() };
        let record = Record {
            hash: "h".to_owned(),
            url: "https://kibana".to_owned(),
            space: String::new(),
            written: vec![written("dashboard", "bp.n.w.patient"), written("alert-rule", "u")],
        };
        assert_eq!(Record::of(&record.data()), record);
    }
}
