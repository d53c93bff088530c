//! `bpmonitor`: the user's command.

mod cli;
mod clock;
mod commands;
mod failure;
mod inputs;
mod live;
mod manifest;
mod page;
mod progress;
mod pump;
mod remote;
mod rows;
mod status;
mod summary;
mod ward;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

/// What this is not.
const NOTICE: &str = "Decision support on a stream. It is not a medical device.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    match commands::execute(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
