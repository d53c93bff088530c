//! `bpmonitor run`: a ward's whole pipeline in this process.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::WardDirectory;
use bpmonitor_pipeline::files::Input;

use crate::cli::RunArgs;
use crate::pump::Pumped;
use crate::ward::Ward;
use crate::{inputs, manifest, progress, pump, summary};

/// Runs the ward to the end of its files, or following them until interrupted.
pub(super) fn run(args: &RunArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    let paths = inputs::resolve(&args.input)?;
    let directory = WardDirectory::new(&args.data.data);
    let ward = Ward::open(&directory, &settings)?;
    ward.store.retain(settings.retention)?;
    let inputs: Vec<Input> = paths
        .iter()
        .map(|path| Ok(Input { position: ward.store.position(path)?, follow: args.follow }))
        .collect::<Result<_>>()?;
    let bar = progress::bytes(unread_bytes(&inputs));
    if args.follow {
        tracing::info!(
            monitor = %settings.monitor.name,
            files = inputs.len(),
            "following the files; Ctrl-C stops, nothing is lost by it"
        );
    }
    let pumped = pump::files(&ward, inputs, &bar)?;
    report(&mut io::stdout().lock(), &directory, &pumped, &ward.store.tally())
}

fn unread_bytes(inputs: &[Input]) -> u64 {
    let unread = |input: &Input| {
        let length = std::fs::metadata(&*input.position.path).map_or(0, |metadata| metadata.len());
        length.saturating_sub(input.position.offset)
    };
    inputs.iter().map(unread).sum()
}

fn report(out: &mut impl Write, directory: &WardDirectory, run: &Pumped, total: &Tally) -> Result<()> {
    let data = directory.path().display();
    match run {
        Pumped { tally, is_interrupted: false } if tally.entries() == 0 => {
            writeln!(out, "nothing new: every file was read to its end before")?;
        }
        Pumped { tally, .. } => summary::write(out, tally)?,
    }
    if run.is_interrupted {
        writeln!(out)?;
        writeln!(out, "interrupted: what is above is safe, and the same command goes on from there")?;
    }
    writeln!(out)?;
    writeln!(out, "in {data}: {} entries so far", summary::grouped(total.entries()))?;
    writeln!(out, "  what was stored       bpmonitor tail --data {data} --all --once")?;
    writeln!(out, "  normal, by patient    bpmonitor archive export --by patient --data {data} DIR")?;
    if total.rejected > 0 {
        writeln!(out, "  not readable, and why bpmonitor rejected list --data {data}")?;
    }
    Ok(())
}
