//! `bpmonitor archive export`: the normal readings as JSON lines.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::embedded::{self, WardDirectory};

use crate::cli::{ExportArgs, ExportBy};
use crate::{progress, summary};

/// Writes one file a patient or a day.
pub(super) fn export(args: &ExportArgs) -> Result<()> {
    let directory = WardDirectory::new(&args.data.data);
    let by = match args.by {
        ExportBy::Patient => embedded::ExportBy::Patient,
        ExportBy::Day => embedded::ExportBy::Day,
    };
    let bar = progress::bytes(directory.segments()?.iter().map(|segment| segment.bytes).sum());
    let exported = directory.export(by, &args.target, |segment| bar.inc(segment.bytes))?;
    bar.finish_and_clear();
    let (readings, files) = (summary::grouped(exported.readings), summary::grouped(exported.files));
    Ok(writeln!(io::stdout().lock(), "{readings} readings in {files} files in {}", args.target.display())?)
}
