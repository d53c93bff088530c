//! `bpmonitor simulate`: the Observations of a manifest's simulated patients, as FHIR.

use std::io::{self, BufWriter, Write};

use anyhow::Result;
use bpmonitor_settings::manifest;
use bpmonitor_simulation::Simulation;
use jiff::Timestamp;

use crate::cli::SimulateArgs;
use crate::failure::bad_usage;

/// How many Observations are made at once.
const BATCH: u64 = 1024;

/// Prints the Observations, one a line, without waiting until they are due.
pub(super) fn simulate(args: &SimulateArgs) -> Result<()> {
    let settings = manifest::read(&args.file)?;
    let wanted = settings
        .simulated
        .as_ref()
        .ok_or_else(|| bad_usage("spec.patients.count is 0: there is nobody to simulate"))?;
    let mut simulation = Simulation::begin(wanted, args.start.unwrap_or_else(Timestamp::now));
    let mut left = args.count.unwrap_or(simulation.history().total);
    let mut out = BufWriter::new(io::stdout().lock());
    while left > 0 {
        let observations = simulation.take(Timestamp::MAX, usize::try_from(left.min(BATCH))?);
        if observations.is_empty() {
            out.flush()?;
            return Err(bad_usage(
                "no further Observation is ever due: raise spec.rate.perSecond, or name an earlier --start",
            ));
        }
        left -= observations.len() as u64;
        for observation in observations {
            out.write_all(&observation.json)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}
