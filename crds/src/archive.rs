//! The archive of normal readings: where it lies and how long they are kept.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::{
    HumanDuration, SecretKeyRef, SecretRef, Size,
    rules::{add, http_url, one_way},
};

/// Where normal readings are archived, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline, transform = rules)]
pub struct Archive {
    /// A volume of the cluster. This or s3; with neither, a volume of 1Gi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<ArchiveVolume>,
    /// A bucket of an S3 object store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Archive>,
    /// How long a normal reading is kept: a whole number and a unit (s, m, h, d).
    pub retention: HumanDuration,
    /// How its JSON lines are written: in `zstd` frames, or as they are (`none`).
    pub compression: ArchiveCompression,
}

/// How the archive's JSON lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum ArchiveCompression {
    /// In zstd frames (`.jsonl.zst`).
    #[default]
    Zstd,
    /// As they are (`.jsonl`).
    None,
}

/// The volume of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct ArchiveVolume {
    /// Size of the volume, such as `1Gi`.
    pub size: Size,
    /// Storage class. Empty: the cluster's default.
    #[schemars(length(max = 253))]
    pub storage_class_name: String,
    /// `ReadWriteOnce` keeps all classifiers on one node; `ReadWriteMany` lets them spread.
    pub access_mode: AccessMode,
}

/// How the archive's volume can be mounted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum AccessMode {
    /// By the pods of one node.
    #[default]
    ReadWriteOnce,
    /// By the pods of many nodes.
    ReadWriteMany,
}

/// A bucket of an S3 object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline, transform = s3_rules)]
pub struct S3Archive {
    /// Name of the bucket.
    #[schemars(length(min = 3, max = 63))]
    pub bucket: String,
    /// What every object's key begins with. Empty: `<namespace>/<name>`.
    #[serde(default)]
    #[schemars(length(max = 512))]
    pub prefix: String,
    /// Region of the bucket. Empty: the one of the environment.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub region: String,
    /// URL of the object store, where it is not Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub endpoint: Option<String>,
    /// Lets endpoint be without encryption (http). For a laboratory only.
    #[serde(default)]
    pub insecure: bool,
    /// The certificate authorities to trust at endpoint, in PEM. Without it those of the image are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
    /// The Secret with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`. Without it the identity of the pod counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
}

/// The one place of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveStore<'a> {
    /// A volume of the cluster.
    Volume(Cow<'a, ArchiveVolume>),
    /// A bucket of an S3 object store.
    S3(&'a S3Archive),
}

impl Archive {
    /// Where the archive lies, the default filled in.
    pub fn store(&self) -> ArchiveStore<'_> {
        match (&self.persistent_volume_claim, &self.s3) {
            (None, Some(s3)) => ArchiveStore::S3(s3),
            (Some(volume), _) => ArchiveStore::Volume(Cow::Borrowed(volume)),
            (None, None) => ArchiveStore::Volume(Cow::Owned(ArchiveVolume::default())),
        }
    }
}

impl Default for Archive {
    fn default() -> Self {
        Self {
            persistent_volume_claim: None,
            s3: None,
            retention: HumanDuration::new("365d"),
            compression: ArchiveCompression::default(),
        }
    }
}

impl Default for ArchiveVolume {
    fn default() -> Self {
        Self { size: Size::new("1Gi"), storage_class_name: String::new(), access_mode: AccessMode::default() }
    }
}

fn rules(schema: &mut Schema) {
    add(schema, [one_way("persistentVolumeClaim", "s3")]);
}

fn s3_rules(schema: &mut Schema) {
    add(schema, http_url("endpoint"));
}
