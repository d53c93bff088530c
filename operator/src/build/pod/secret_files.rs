//! Entries of Secrets as files of one volume.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    KeyToPath, ProjectedVolumeSource, SecretProjection, Volume, VolumeMount, VolumeProjection,
};

use crate::model::SecretEntry;

/// Where they are mounted.
pub(super) const DIRECTORY: &str = "/run/secrets/bpmonitor";
const NAME: &str = "secrets";
/// The owner's to read; the kubelet lets the pod's group read too.
const MODE: i32 = 0o400;

/// Entries of Secrets, each with the path of its file below [`DIRECTORY`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SecretFiles(BTreeMap<SecretEntry, String>);

impl SecretFiles {
    /// Takes an entry in, and says where its file is.
    pub(super) fn add(&mut self, entry: &SecretEntry, path: &str) -> String {
        let path = self.0.entry(entry.clone()).or_insert_with(|| path.to_owned());
        format!("{DIRECTORY}/{path}")
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The volume. The kubelet renews its files when a Secret changes.
    pub(super) fn volume(&self) -> Volume {
        let mut secrets = BTreeMap::<&str, Vec<KeyToPath>>::new();
        for (entry, path) in &self.0 {
            let item = KeyToPath { key: entry.key.clone(), path: path.clone(), ..KeyToPath::default() };
            secrets.entry(&entry.secret).or_default().push(item);
        }
        let source = |(name, items): (&str, Vec<KeyToPath>)| VolumeProjection {
            secret: Some(SecretProjection {
                name: name.to_owned(),
                items: Some(items),
                ..SecretProjection::default()
            }),
            ..VolumeProjection::default()
        };
        Volume {
            name: NAME.to_owned(),
            projected: Some(ProjectedVolumeSource {
                default_mode: Some(MODE),
                sources: Some(secrets.into_iter().map(source).collect()),
            }),
            ..Volume::default()
        }
    }

    /// Where the volume is mounted.
    pub(super) fn mount() -> VolumeMount {
        VolumeMount {
            name: NAME.to_owned(),
            mount_path: DIRECTORY.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_is_there_once_with_the_entries_that_are_needed() {
        let mut files = SecretFiles::default();
        let certificate = files.add(&SecretEntry::new("user", "user.crt"), "kafka/tls.crt");
        files.add(&SecretEntry::new("user", "user.key"), "kafka/tls.key");
        files.add(&SecretEntry::new("ca", "ca.crt"), "kafka/ca.crt");
        assert_eq!(certificate, "/run/secrets/bpmonitor/kafka/tls.crt");
        // One entry for two purposes is one file.
        let again = files.add(&SecretEntry::new("user", "user.crt"), "other/tls.crt");
        assert_eq!(again, certificate);
        let projected = files.volume().projected.unwrap();
        assert_eq!(projected.default_mode, Some(0o400));
        let sources = projected.sources.unwrap();
        let secrets: Vec<_> = sources.iter().filter_map(|source| source.secret.as_ref()).collect();
        let found: Vec<_> = secrets
            .iter()
            .flat_map(|secret| secret.items.iter().flatten().map(|item| (&*secret.name, &*item.key)))
            .collect();
        assert_eq!(found, [("ca", "ca.crt"), ("user", "user.crt"), ("user", "user.key")]);
        assert_eq!(secrets.len(), 2);
    }
}
