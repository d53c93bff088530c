//! `classify` on one core, file to summary, beside simd-json parsing the same bytes into borrowed values.
//!
//! Ours counts from the start of the process to its end, reading the file included; simd-json's the parsing alone, so
//! that the comparison leans towards simd-json.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::corpus::Corpus;
use crate::{Figure, process};

/// How often each is measured, in turns.
const ROUNDS: usize = 7;

/// Measures both in turns.
pub(crate) fn measure(bpmonitor: &Path, file: &Path, corpus: &Corpus) -> Result<Vec<Figure>> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let classify = &mut process::on_one_core(bpmonitor);
        ours.push(process::run(classify.args(["classify", "-o", "summary"]).arg(file))?.time);
        theirs.push(simd_json(file)?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    Ok(vec![
        Figure {
            name: "classify, one core, file to summary",
            value: rate(corpus, ours),
            promised: "",
            kept: true,
        },
        Figure {
            name: "simd-json, one core, the same bytes to borrowed values",
            value: rate(corpus, theirs),
            promised: "",
            kept: true,
        },
        Figure {
            name: "classify : simd-json",
            value: format!("{ratio:.2}"),
            promised: "at least 1",
            kept: ratio >= 1.0,
        },
    ])
}

#[expect(clippy::cast_precision_loss, reason = "a rate to three digits")]
fn rate(corpus: &Corpus, time: Duration) -> String {
    format!("{:.0} MB/s", corpus.bytes as f64 / time.as_secs_f64() / 1e6)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn simd_json(file: &Path) -> Result<Duration> {
    let mut command: Command = process::on_one_core(&env::current_exe()?);
    let output = command.arg("simd-json").arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(Duration::from_nanos(text.trim().parse().context("what the simd-json process printed")?))
}

/// Parses a file line by line with simd-json, and prints how many nanoseconds that took, the best of three.
pub(crate) fn parse_with_simd_json(file: &str) -> Result<()> {
    let original = fs::read(file)?;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        // simd-json writes into what it parses.
        let mut bytes = original.clone();
        let start = Instant::now();
        for line in bytes.split_mut(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            std::hint::black_box(&simd_json::to_borrowed_value(line)?);
        }
        best = best.min(start.elapsed());
    }
    println!("{}", best.as_nanos());
    Ok(())
}
