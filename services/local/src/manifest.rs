//! The manifest, and what the pipeline takes from it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::Result;
use bpmonitor_clinical::{Profile, Source, Thresholds};
use bpmonitor_crds::manifest::read_manifest;
use bpmonitor_crds::{ArchiveCompression, BpMonitor, HumanDuration, Patients};
use bpmonitor_pipeline::embedded::{Compression, Retention};
use bpmonitor_pipeline::{Monitor, Privacy};
use bpmonitor_producer::{History, Mix, UnknownLocale};
use jiff::SignedDuration;

use crate::failure::bad_usage;

/// What the pipeline takes from a manifest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) monitor: Monitor,
    /// Whether nothing is to run.
    pub(crate) paused: bool,
    pub(crate) source: Source,
    pub(crate) thresholds: Thresholds,
    pub(crate) privacy: Privacy,
    pub(crate) compression: Compression,
    pub(crate) retention: Retention,
    pub(crate) profile: Profile,
    /// The simulated patients; none where the manifest wants none.
    pub(crate) simulated: Option<bpmonitor_producer::Settings>,
    /// The manifest with its defaults, as JSON.
    pub(crate) json: String,
}

/// Reads a manifest from a file.
pub(crate) fn read(path: &Path) -> Result<Settings> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| bad_usage(format!("reading {name}: {error}")))?;
    parse(&text, &name.to_string())
}

/// Reads a manifest; `name` says where it is from. Every mistake is in the error, one a line.
pub(crate) fn parse(text: &str, name: &str) -> Result<Settings> {
    let monitor = read_manifest(text).map_err(|errors| mistakes(name, &errors))?;
    let thresholds =
        Thresholds::resolve(&monitor.spec.thresholds).map_err(|errors| mistakes(name, &errors))?;
    let simulated =
        simulated(&monitor).map_err(|error| mistakes(name, &[format!("spec.patients.locale: {error}")]))?;
    settings(&monitor, thresholds, simulated)
}

/// The simulated patients that a manifest asks for.
fn simulated(monitor: &BpMonitor) -> Result<Option<bpmonitor_producer::Settings>, UnknownLocale> {
    let Patients { count, seed, locale, mix, history } = &monitor.spec.patients;
    let simulated = bpmonitor_producer::Settings {
        patients: *count,
        seed: *seed,
        locale: locale.parse()?,
        mix: Mix {
            normal: mix.normal,
            elevated: mix.elevated,
            stage1: mix.stage1,
            stage2: mix.stage2,
            crisis: mix.crisis,
            hypotension: mix.hypotension,
        },
        history: History { days: history.days, readings_per_day: history.readings_per_day },
        rate_per_second: monitor.spec.rate.per_second,
    };
    Ok((simulated.patients > 0).then_some(simulated))
}

fn mistakes(name: &str, errors: &[impl std::fmt::Display]) -> anyhow::Error {
    let plural = if errors.len() == 1 { "mistake" } else { "mistakes" };
    let mut text = format!("{name} has {} {plural}:", errors.len());
    for error in errors {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {error}");
    }
    bad_usage(text)
}

fn settings(
    monitor: &BpMonitor,
    thresholds: Thresholds,
    simulated: Option<bpmonitor_producer::Settings>,
) -> Result<Settings> {
    let spec = &monitor.spec;
    Ok(Settings {
        monitor: Monitor {
            name: monitor.metadata.name.clone().unwrap_or_default().into(),
            namespace: monitor.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()).into(),
        },
        paused: spec.paused,
        source: Source {
            base_url: spec.source.base_url.clone(),
            unique_ids: spec.source.unique_ids,
            max_skew: duration("spec.source.maxSkew", &spec.source.max_skew)?,
            ..Source::default()
        },
        thresholds,
        privacy: Privacy {
            pseudonymise: spec.privacy.pseudonymise,
            store_names: spec.privacy.store_names,
            store_resource: spec.privacy.store_resource,
        },
        compression: match spec.archive.compression {
            ArchiveCompression::Zstd => Compression::Zstd,
            ArchiveCompression::None => Compression::None,
        },
        retention: Retention {
            anomalies: duration("spec.elasticsearch.index.retention", &spec.elasticsearch.index.retention)?,
            archive: duration("spec.archive.retention", &spec.archive.retention)?,
            ..Retention::default()
        },
        profile: spec.thresholds.profile,
        simulated,
        json: serde_json::to_string(monitor)?,
    })
}

fn duration(path: &str, text: &HumanDuration) -> Result<SignedDuration> {
    let duration = text.to_std().and_then(|duration| SignedDuration::try_from(duration).ok());
    duration
        .ok_or_else(|| bad_usage(format!("{path}: {} is not a duration such as 24h or 365d", text.as_str())))
}
