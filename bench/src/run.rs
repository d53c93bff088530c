//! `run` from a file to durable: rate and memory.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::corpus::Corpus;
use crate::{Figure, process};

/// What is promised, in observations a second on two cores.
const PROMISED_RATE: f64 = 50_000.0;
/// What is promised, in bytes.
const PROMISED_MEMORY: u64 = 128 * 1024 * 1024;

const MANIFEST: &str = "apiVersion: bpmonitor.dev/v1alpha1
kind: BpMonitor
metadata: {name: bench}
spec:
  patients: {count: 0}
  rate: {perSecond: 1}
";

/// Measures a run over the corpus into a new directory.
pub(crate) fn measure(
    bpmonitor: &Path,
    file: &Path,
    corpus: &Corpus,
    directory: &Path,
) -> Result<Vec<Figure>> {
    let manifest = directory.join("bench.yaml");
    fs::write(&manifest, MANIFEST)?;
    let mut command = Command::new(bpmonitor);
    command.arg("run").arg("-f").arg(&manifest).arg("--input").arg(file);
    let took = process::run(command.arg("--data").arg(directory.join("ward")))?;
    #[expect(clippy::cast_precision_loss, reason = "a rate to three digits")]
    let rate = corpus.observations as f64 / took.time.as_secs_f64();
    Ok(vec![
        Figure {
            name: "run, file to durable, half anomalies",
            value: format!("{rate:.0} /s"),
            promised: "at least 50,000 /s",
            kept: rate >= PROMISED_RATE,
        },
        Figure {
            name: "run, peak memory",
            value: format!("{} MB", took.memory / 1024 / 1024),
            promised: "below 128 MB",
            kept: took.memory < PROMISED_MEMORY,
        },
    ])
}
