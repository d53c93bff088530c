//! `bpmonitor-producer`: simulated patients, or FHIR files, into Kafka.

mod cli;
mod run;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.logs.init();
    run::run(&cli).unwrap_or_else(|failure| {
        eprintln!("bpmonitor-producer: {failure}");
        failure.exit_code()
    })
}
