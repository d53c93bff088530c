//! The files that a person names on the command line.

use std::path::PathBuf;

use anyhow::Result;
use bpmonitor_pipeline::files;

use crate::failure::bad_usage;

/// The absolute paths of the files named, and of the FHIR files in directories named; each once, in order.
pub(crate) fn resolve(named: &[PathBuf]) -> Result<Vec<String>> {
    files::resolve(named).map_err(|error| bad_usage(error.to_string()))
}
