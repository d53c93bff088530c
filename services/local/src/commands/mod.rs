//! What each command does, one file a command.

mod archive;
mod classify;
mod erase;
mod import;
mod pseudonym;
mod rejected;
mod run;
mod simulate;
mod tail;

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use clap::CommandFactory;

use crate::cli::{ArchiveCommand, Cli, Command, RejectedCommand, RowOutput};

/// Does what the command line asks for.
pub(crate) fn execute(command: Command) -> Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Simulate(args) => simulate::simulate(&args),
        Command::Classify(args) => classify::classify(&args),
        Command::Import(args) => import::import(&args),
        Command::Tail(args) => tail::tail(&args),
        Command::Archive(ArchiveCommand::Export(args)) => archive::export(&args),
        Command::Rejected(RejectedCommand::List(args)) => rejected::list(&args),
        Command::Rejected(RejectedCommand::Show { number, data }) => rejected::show(number, &data),
        Command::Rejected(RejectedCommand::Replay { data, file }) => rejected::replay(&data, file.as_deref()),
        Command::Pseudonym(args) => pseudonym::pseudonym(&args),
        Command::Erase(args) => erase::erase(&args),
        Command::Completions { shell } => {
            // Into memory first: the generator takes a closed pipe for a reason to panic.
            let mut completions = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bpmonitor", &mut completions);
            Ok(io::stdout().lock().write_all(&completions)?)
        }
    }
}

/// What was asked for; else what suits standard output.
fn row_output(asked: Option<RowOutput>) -> RowOutput {
    asked.unwrap_or_else(|| if io::stdout().is_terminal() { RowOutput::Table } else { RowOutput::Json })
}
