//! Measures `bpmonitor` beside what it is compared with, in one run: `bpmonitor-bench BPMONITOR`.
//!
//! Exits with 1 where a figure misses what the project promises.

mod classify;
mod corpus;
mod live;
mod memory;
mod process;
mod run;

use std::env;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

/// A figure, and whether it is what the project promises.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) promised: &'static str,
    pub(crate) kept: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["simd-json", file] => classify::parse_with_simd_json(file).map(|()| true),
        [bpmonitor] => measure(Path::new(bpmonitor)),
        _ => Err(anyhow::anyhow!("usage: bpmonitor-bench BPMONITOR, the path of a release build")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bpmonitor-bench: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn measure(bpmonitor: &Path) -> Result<bool> {
    // Beside the program, on a disk: where temporary files are kept in memory, nothing would be synced.
    let program = env::current_exe()?;
    let beside = program.parent().context("where this program lies")?;
    let directory = tempfile::tempdir_in(beside).context("making a directory for the corpus")?;
    let file = directory.path().join("observations.ndjson");
    let corpus = corpus::Corpus::write(&file)?;
    println!(
        "{} observations of {} bytes on average",
        corpus.observations,
        corpus.bytes / corpus.observations
    );
    let mut kept = true;
    let mut print = |figures: Vec<Figure>| {
        for Figure { name, value, promised, kept: one_kept } in figures {
            println!("{name:<58}{value:>16}   {promised:<22}{}", if one_kept { "kept" } else { "MISSED" });
            kept &= one_kept;
        }
        // Nobody loses a figure if standard output is gone.
        let _ = std::io::stdout().flush();
    };
    print(classify::measure(bpmonitor, &file, &corpus)?);
    print(run::measure(bpmonitor, &file, &corpus, directory.path())?);
    print(live::measure(bpmonitor, directory.path())?);
    print(memory::measure(bpmonitor, &file, &corpus)?);
    Ok(kept)
}
