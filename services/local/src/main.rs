//! `bpmonitor`: the user's command.

mod cli;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod failure;
mod inputs;
mod live;
mod page;
mod progress;
mod pump;
mod remote;
mod rows;
mod status;
mod summary;
mod ward;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

/// What this is not.
const NOTICE: &str = "Decision support on a stream. It is not a medical device.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    bpmonitor_settings::logs::init(false);
    match commands::execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
