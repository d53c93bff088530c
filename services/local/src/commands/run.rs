//! `bpmonitor run`: a ward's whole pipeline in this process.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::Tally;
use bpmonitor_pipeline::embedded::WardDirectory;
use bpmonitor_pipeline::files::Input;
use bpmonitor_settings::manifest::{self, Settings};

use crate::cli::RunArgs;
use crate::failure::bad_usage;
use crate::pump::Pumped;
use crate::ward::{self, Ward};
use crate::{inputs, live, progress, pump, summary};

/// Runs the ward live, or to the end of its files.
pub(super) fn run(args: &RunArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    if settings.paused {
        return Err(bad_usage("spec.paused is true: nothing runs until it is false"));
    }
    let is_live = args.follow || args.input.is_empty();
    if is_live { live::run(args, &settings) } else { read_to_the_end(args, &settings) }
}

fn read_to_the_end(args: &RunArgs, settings: &Settings) -> Result<()> {
    let paths = inputs::resolve(&args.input)?;
    let directory = WardDirectory::new(&args.data.data);
    let ward = Ward::open(&directory, settings)?;
    ward.store.retain(ward::retention(settings))?;
    let inputs: Vec<Input> = paths
        .iter()
        .map(|path| Ok(Input { position: ward.store.position(path)?, follow: false }))
        .collect::<Result<_>>()?;
    let bar = progress::bytes(unread_bytes(&inputs));
    let pumped = pump::files(&ward, inputs, &bar, args.duration)?;
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
    Ok(summary::write_where_to_look(out, directory, total)?)
}
