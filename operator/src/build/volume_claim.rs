//! The volume claim of the archive; none where the archive lies in a bucket.

use bpmonitor_crds::{AccessMode, ArchiveStore, ArchiveVolume};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::metadata::kept;
use crate::model::Monitor;
use crate::names;

/// The volume claim of the archive. It is nobody's, so that it stays when the monitor goes.
pub fn volume_claim(monitor: &Monitor) -> Option<PersistentVolumeClaim> {
    let ArchiveStore::Volume(volume) = monitor.spec.archive.store() else { return None };
    let ArchiveVolume { size, storage_class_name, .. } = volume.as_ref();
    let storage = ("storage".to_owned(), Quantity(size.as_str().to_owned()));
    Some(PersistentVolumeClaim {
        metadata: kept(monitor, names::archive(&monitor.name), "archive"),
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![access_mode(&volume).to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some([storage].into()),
                ..VolumeResourceRequirements::default()
            }),
            // An empty one would mean no class at all.
            storage_class_name: Some(storage_class_name.clone()).filter(|class| !class.is_empty()),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    })
}

/// Whether all classifiers must be on one node, because of the archive's volume.
pub(super) fn binds_to_one_node(monitor: &Monitor) -> bool {
    matches!(
        monitor.spec.archive.store(),
        ArchiveStore::Volume(volume) if volume.access_mode == AccessMode::ReadWriteOnce
    )
}

const fn access_mode(volume: &ArchiveVolume) -> &'static str {
    match volume.access_mode {
        AccessMode::ReadWriteOnce => "ReadWriteOnce",
        AccessMode::ReadWriteMany => "ReadWriteMany",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn a_claim_follows_from_the_manifest() {
        let cases = [
            ("", "1Gi", "ReadWriteOnce", None),
            (
                "spec: {archive: {persistentVolumeClaim: {size: 20Gi, storageClassName: fast, accessMode: ReadWriteMany}}}",
                "20Gi",
                "ReadWriteMany",
                Some("fast"),
            ),
        ];
        for (yaml, size, mode, class) in cases {
            let claim = volume_claim(&monitor(yaml)).unwrap();
            assert_eq!(claim.metadata.name.as_deref(), Some("ward-3-archive"));
            let spec = claim.spec.unwrap();
            assert_eq!(spec.resources.unwrap().requests.unwrap()["storage"].0, size);
            assert_eq!(spec.access_modes.unwrap(), [mode]);
            assert_eq!(spec.storage_class_name.as_deref(), class);
        }
    }

    #[test]
    fn a_bucket_needs_no_volume() {
        let monitor = monitor("spec: {archive: {s3: {bucket: ward-archive}}}");
        assert_eq!(volume_claim(&monitor), None);
        assert!(!binds_to_one_node(&monitor));
    }
}
