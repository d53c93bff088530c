//! The simulated patients of a ward: begun, or gone on with.

use anyhow::{Context, Result};
use bpmonitor_pipeline::embedded::EmbeddedStore;
use bpmonitor_pipeline::{Checkpoint, Tallies, now};
use bpmonitor_simulation::{Position, Simulation};
use jiff::{SignedDuration, Timestamp};

use super::simulated::{NAME, position_of};
use crate::failure::bad_usage;

/// How far the clock may be behind where a history ends, for it to be waited for.
const CLOCK_MAY_BE_BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// The ward's simulated patients: from where they were left, or from the beginning.
pub(super) async fn simulation(
    start: Option<Timestamp>,
    wanted: &bpmonitor_simulation::Settings,
    store: &EmbeddedStore,
) -> Result<Simulation> {
    let Some(state) = store.named_position(NAME)? else {
        return begin(start, wanted, store).await;
    };
    let position: Position = serde_json::from_str(&state).context("reading where the simulation was left")?;
    if start.is_some_and(|start| start != position.start()) {
        return Err(bad_usage(format!(
            "this ward began at {}: leave --start out to go on with it, or name another directory with --data",
            position.start()
        )));
    }
    if position.is_in_history() && position.start().duration_since(now()) > CLOCK_MAY_BE_BEHIND {
        return Err(bad_usage(format!(
            "this ward's live readings begin at {}, which lies ahead of this machine's clock: set the clock right, or name another directory with --data",
            position.start()
        )));
    }
    let data = store.directory().path().display();
    Simulation::resume(wanted, &position)
        .map_err(|error| bad_usage(format!("{data}: {error}: name another directory with --data")))
}

/// A new simulation, whose beginning is durable before anything comes of it.
async fn begin(
    start: Option<Timestamp>,
    wanted: &bpmonitor_simulation::Settings,
    store: &EmbeddedStore,
) -> Result<Simulation> {
    let now = now();
    let start = start.unwrap_or(now);
    if start > now {
        return Err(bad_usage(
            "--start lies in the future: live readings begin there, so name a time that has come",
        ));
    }
    let simulation = Simulation::begin(wanted, start);
    store.clone().commit(position_of(&simulation), &Tallies::default()).await?;
    Ok(simulation)
}
