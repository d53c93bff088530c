//! The manifest, and what the pipeline takes from it.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use bpmonitor_clinical::{Profile, Source, Thresholds};
use bpmonitor_crds::manifest::read_manifest;
use bpmonitor_crds::{ArchiveCompression, BpMonitor, BpMonitorSpec, HumanDuration, Patients};
use bpmonitor_pipeline::{Monitor, Privacy};
use bpmonitor_simulation::{History, Mix, UnknownLocale};
use jiff::SignedDuration;

use crate::SettingsError;

/// What the pipeline takes from a manifest.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whose readings they are.
    pub monitor: Monitor,
    /// Whether nothing is to run.
    pub paused: bool,
    /// What is known of the publishing systems.
    pub source: Source,
    /// Where the categories begin.
    pub thresholds: Thresholds,
    /// What of a patient may be stored.
    pub privacy: Privacy,
    /// How archive segments are written.
    pub compression: ArchiveCompression,
    /// How long anomalies are kept since they were stored.
    pub anomalies_retention: SignedDuration,
    /// How long the archive is kept.
    pub archive_retention: SignedDuration,
    /// The thresholds' profile.
    pub profile: Profile,
    /// The simulated patients; none where the manifest wants none.
    pub simulated: Option<bpmonitor_simulation::Settings>,
    /// The manifest with its defaults.
    pub resource: BpMonitor,
    /// The same, as JSON.
    pub json: String,
}

impl Default for Settings {
    fn default() -> Self {
        let year = SignedDuration::from_hours(24 * 365);
        Self {
            monitor: Monitor::default(),
            paused: false,
            source: Source::default(),
            thresholds: Thresholds::default(),
            privacy: Privacy::default(),
            compression: ArchiveCompression::default(),
            anomalies_retention: year,
            archive_retention: year,
            profile: Profile::default(),
            simulated: None,
            resource: BpMonitor::new("", BpMonitorSpec::default()),
            json: String::new(),
        }
    }
}

/// Reads a manifest from a file.
///
/// # Errors
///
/// The file cannot be read, or [`parse`] fails.
pub fn read(path: &Path) -> Result<Settings, SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::unreadable("", path, error))?;
    parse(&text, &path.display().to_string())
}

/// Reads a manifest; `name` says where it is from.
///
/// # Errors
///
/// It has mistakes; all are in the error, one a line.
pub fn parse(text: &str, name: &str) -> Result<Settings, SettingsError> {
    let monitor = read_manifest(text).map_err(|errors| mistakes(name, &errors))?;
    let thresholds =
        Thresholds::resolve(&monitor.spec.thresholds).map_err(|errors| mistakes(name, &errors))?;
    let simulated =
        simulated(&monitor).map_err(|error| mistakes(name, &[format!("spec.patients.locale: {error}")]))?;
    settings(monitor, thresholds, simulated).map_err(|error| mistakes(name, &[error]))
}

/// The simulated patients that a manifest asks for.
fn simulated(monitor: &BpMonitor) -> Result<Option<bpmonitor_simulation::Settings>, UnknownLocale> {
    let Patients { count, seed, locale, mix, history } = &monitor.spec.patients;
    let simulated = bpmonitor_simulation::Settings {
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

fn mistakes(name: &str, errors: &[impl Display]) -> SettingsError {
    let mistakes = errors.iter().map(ToString::to_string).collect();
    SettingsError::Manifest { name: name.to_owned(), mistakes }
}

fn settings(
    resource: BpMonitor,
    thresholds: Thresholds,
    simulated: Option<bpmonitor_simulation::Settings>,
) -> Result<Settings, String> {
    let spec = &resource.spec;
    let json = serde_json::to_string(&resource).map_err(|error| error.to_string())?;
    Ok(Settings {
        monitor: Monitor {
            name: resource.metadata.name.clone().unwrap_or_default().into(),
            namespace: resource.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()).into(),
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
        compression: spec.archive.compression,
        anomalies_retention: duration(
            "spec.elasticsearch.index.retention",
            &spec.elasticsearch.index.retention,
        )?,
        archive_retention: duration("spec.archive.retention", &spec.archive.retention)?,
        profile: spec.thresholds.profile,
        simulated,
        json,
        resource,
    })
}

fn duration(path: &str, text: &HumanDuration) -> Result<SignedDuration, String> {
    let duration = text.to_std().and_then(|duration| SignedDuration::try_from(duration).ok());
    duration.ok_or_else(|| format!("{path}: {} is not a duration such as 24h or 365d", text.as_str()))
}
