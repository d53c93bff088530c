//! Names that are given, or that follow from the manifest.

use bpmonitor_crds::names::Names;

use crate::SettingsError;
use crate::given::missing;
use crate::manifest::Settings;

/// A name that was given, or that follows from the manifest.
pub(crate) fn or_derived<'m>(
    flag: &str,
    given: Option<&String>,
    manifest: Option<&'m Settings>,
    derive: fn(&Names<'m>) -> String,
) -> Result<String, SettingsError> {
    match (given, manifest) {
        (Some(given), _) => Ok(given.clone()),
        (None, Some(Settings { monitor, .. })) => Ok(derive(&Names::new(&monitor.namespace, &monitor.name))),
        (None, None) => {
            Err(missing(format!("{flag} is not given: give it, or a manifest whose name it follows from")))
        }
    }
}
