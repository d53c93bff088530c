//! `classify` on a stream of 10 GB: memory.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::corpus::Corpus;
use crate::{Figure, process};

/// How long the stream is, in bytes.
const STREAM: u64 = 10_000_000_000;
/// What is promised, in bytes.
const PROMISED: u64 = 64 * 1024 * 1024;

/// Measures the filter on the corpus, over and over.
pub(crate) fn measure(bpmonitor: &Path, file: &Path, corpus: &Corpus) -> Result<Vec<Figure>> {
    let bytes = fs::read(file)?;
    let mut command = Command::new(bpmonitor);
    command.args(["classify", "-o", "summary"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let took = process::finish(command.spawn()?, Instant::now(), |child| {
        let mut input = child.stdin.take().context("the filter has no standard input")?;
        for _ in 0..STREAM.div_ceil(corpus.bytes) {
            input.write_all(&bytes)?;
        }
        Ok(())
    })?;
    Ok(vec![Figure {
        name: "classify, a stream of 10 GB, peak memory",
        value: format!("{} MB", took.memory / 1024 / 1024),
        promised: "below 64 MB",
        kept: took.memory < PROMISED,
    }])
}
