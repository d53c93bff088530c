//! `bpmonitor pseudonym`: a patient's key, for `perPatient` thresholds and for searching.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::embedded::WardDirectory;

use crate::cli::PseudonymArgs;
use crate::ward;

/// Prints the patient as the ward stores them.
pub(super) fn pseudonym(args: &PseudonymArgs) -> Result<()> {
    let directory = WardDirectory::new(&args.data.data);
    Ok(writeln!(io::stdout().lock(), "{}", ward::patient_id(&directory, &args.id)?)?)
}
