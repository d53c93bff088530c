//! The observations that `bpmonitor` is measured with, in a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use bpmonitor_bench::observations::{Mix, Observations};

/// How many observations there are.
const OBSERVATIONS: usize = 400_000;

/// What was written.
pub(crate) struct Corpus {
    pub(crate) observations: u64,
    pub(crate) bytes: u64,
}

impl Corpus {
    /// Writes the observations as NDJSON.
    pub(crate) fn write(path: &Path) -> Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        let (mut observations, mut bytes) = (0, 0);
        for observation in Observations::new(42, Mix::Ward).take(OBSERVATIONS) {
            observations += 1;
            bytes += observation.resource.len() as u64 + 1;
            writeln!(out, "{}", observation.resource)?;
        }
        out.into_inner()?.sync_all()?;
        Ok(Self { observations, bytes })
    }
}
