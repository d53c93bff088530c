//! `bpmonitor-classifier`: reads FHIR blood pressures from Kafka, classifies them, and stores the results.

use std::process::ExitCode;

use bpmonitor_classifier::{Cli, Failed, Options, run};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.logs.init();
    match run(&cli, Options::default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", in_one_line(&error));
            ExitCode::from(if matches!(error, Failed::Settings(_)) { 2 } else { 1 })
        }
    }
}

/// An error with everything that led to it.
fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
