//! `bpmonitor-operator`: makes a running pipeline of each `BpMonitor`, and keeps it so.

use std::process::ExitCode;

use bpmonitor_operator::{Cli, run};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.logs.init();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
