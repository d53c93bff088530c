//! What the API server cannot check: thresholds with their profile, names of people, topics that are another's.

use std::fmt::Display;

use bpmonitor_clinical::Thresholds;
use bpmonitor_crds::names::Names;
use bpmonitor_crds::{BpMonitor, S3Archive};
use bpmonitor_settings::Topics;
use bpmonitor_simulation::Locale;
use kube::ResourceExt;

use super::secrets;
use crate::dereference::Found;
use crate::finding::{Finding, Looked};

/// The topics of a monitor.
pub(super) fn topics(monitor: &BpMonitor) -> Topics {
    let (namespace, name) = (monitor.namespace().unwrap_or_default(), monitor.name_any());
    let names = Names::new(&namespace, &name);
    let observations = match monitor.spec.kafka.topic.name.as_str() {
        "" => names.observations(),
        given => given.to_owned(),
    };
    Topics { observations, rejected: names.rejected(), state: names.state(), group: names.group() }
}

/// What concerns neither Kafka nor Elasticsearch alone.
pub(super) fn check(monitor: &BpMonitor, found: &Found) -> Looked<()> {
    Thresholds::resolve(&monitor.spec.thresholds).map_err(|errors| thresholds(&errors))?;
    check_locale(monitor)?;
    match &monitor.spec.archive.s3 {
        Some(s3) => check_s3(s3, found),
        None => Ok(()),
    }
}

fn thresholds(errors: &[impl Display]) -> Finding {
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    let message = format!("{}: change one of the two, or the profile", errors.join("; "));
    Finding::no("InvalidThresholds", message)
}

/// Names are simulated in the languages that there are.
fn check_locale(monitor: &BpMonitor) -> Looked<()> {
    let parsed = monitor.spec.patients.locale.parse::<Locale>();
    let invalid = |error| Finding::no("InvalidSpec", format!("spec.patients.locale: {error}"));
    parsed.map(drop).map_err(invalid)
}

fn check_s3(s3: &S3Archive, found: &Found) -> Looked<()> {
    if let Some(ca) = &s3.ca_secret_ref {
        secrets::entry(&found.secrets, &ca.name, &ca.key, "spec.archive.s3.caSecretRef")?;
    }
    let Some(keys) = &s3.credentials_secret_ref else { return Ok(()) };
    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        secrets::entry(&found.secrets, &keys.name, key, "spec.archive.s3.credentialsSecretRef")?;
    }
    Ok(())
}
