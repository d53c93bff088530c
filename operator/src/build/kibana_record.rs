//! The `ConfigMap` that says what was written into Kibana, and where.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::Object;
use super::metadata::owned;
use crate::model::Monitor;
use crate::names;

/// The `ConfigMap` with this content.
pub fn kibana_record(monitor: &Monitor, data: BTreeMap<String, String>) -> Object {
    Object::of(&ConfigMap {
        metadata: owned(monitor, names::kibana(&monitor.name), "kibana"),
        data: Some(data),
        ..ConfigMap::default()
    })
}
