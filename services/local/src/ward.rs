//! A ward opened for writing, with the classifier that its manifest asks for.

use std::path::Path;

use anyhow::Result;
use bpmonitor_clinical::PatientIdentity;
use bpmonitor_crds::ArchiveCompression;
use bpmonitor_pipeline::embedded::{Compression, EmbeddedStore, Retention, WardDirectory};
use bpmonitor_pipeline::{Classifier, Origins};
use bpmonitor_settings::manifest::{self, Settings};

use crate::failure::bad_usage;

/// A ward opened for writing.
pub(crate) struct Ward {
    pub(crate) store: EmbeddedStore,
    pub(crate) classifier: Classifier,
}

impl Ward {
    /// Opens the ward in `directory`, or begins one.
    pub(crate) fn open(directory: &WardDirectory, settings: &Settings) -> Result<Self> {
        if directory.path().canonicalize().is_ok_and(|path| path.to_str().is_none()) {
            let data = directory.path().display();
            return Err(bad_usage(format!("{data}: a data directory's path must be UTF-8")));
        }
        let store = directory.open(&settings.monitor, compression(settings))?;
        store.set_manifest(&settings.json)?;
        let classifier = Classifier {
            source: settings.source.clone(),
            thresholds: settings.thresholds.clone(),
            key: store.key().clone(),
            privacy: settings.privacy,
            monitor: settings.monitor.clone(),
            origins: Origins::Files,
            erased: store.erasures()?.into_iter().collect(),
        };
        Ok(Self { store, classifier })
    }
}

/// The settings of a manifest, or of the one that the ward was last run with.
pub(crate) fn settings(file: Option<&Path>, directory: &WardDirectory) -> Result<Settings> {
    if let Some(file) = file {
        return Ok(manifest::read(file)?);
    }
    let stored = directory.manifest()?;
    let json = stored.ok_or_else(|| bad_usage("the ward has no manifest yet: give one with -f"))?;
    Ok(manifest::parse(&json, "the ward's manifest")?)
}

/// How the ward's archive is written.
pub(crate) const fn compression(settings: &Settings) -> Compression {
    match settings.compression {
        ArchiveCompression::Zstd => Compression::Zstd,
        ArchiveCompression::None => Compression::None,
    }
}

/// How long a ward keeps what it stores.
pub(crate) fn retention(settings: &Settings) -> Retention {
    Retention {
        anomalies: settings.anomalies_retention,
        archive: settings.archive_retention,
        ..Retention::default()
    }
}

/// A patient as the ward stores it, from what a person types.
pub(crate) fn patient_id(directory: &WardDirectory, id: &str) -> Result<String> {
    let settings = settings(None, directory)?;
    let identity = PatientIdentity::from_user_input(id, &settings.source.base_url).ok_or_else(|| {
        bad_usage(
            "this names no patient: give 42, Patient/42, a URL, a URN, or system|value of an identifier",
        )
    })?;
    if !settings.privacy.pseudonymise {
        return Ok(identity.to_string());
    }
    Ok(directory.key()?.pseudonym(&identity))
}
