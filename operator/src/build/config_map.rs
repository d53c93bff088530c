//! The `ConfigMap` with the manifest that the workloads read.

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata::owned;
use crate::model::Monitor;
use crate::names;

/// The entry of the manifest.
pub const ENTRY: &str = "manifest.yaml";

/// The `ConfigMap` of the monitor's manifest.
pub fn config_map(monitor: &Monitor) -> ConfigMap {
    ConfigMap {
        metadata: owned(monitor, names::manifest(&monitor.name), "manifest"),
        data: Some([(ENTRY.to_owned(), monitor.manifest.clone())].into()),
        ..ConfigMap::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn it_holds_the_manifest_that_the_binaries_read() {
        let map = config_map(&monitor("spec: {patients: {count: 7}}"));
        assert_eq!(map.metadata.name.as_deref(), Some("ward-3-manifest"));
        let manifest = &map.data.unwrap()["manifest.yaml"];
        let settings = bpmonitor_settings::manifest::parse(manifest, "the ConfigMap").unwrap();
        assert_eq!((&*settings.monitor.namespace, &*settings.monitor.name), ("cardiology", "ward-3"));
        assert_eq!(settings.simulated.unwrap().patients, 7);
    }
}
