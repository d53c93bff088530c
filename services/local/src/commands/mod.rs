//! What each command does, one file a command.

mod archive;
mod classify;
mod erase;
pub(crate) mod import;
mod pseudonym;
pub(crate) mod rejected;
mod run;
mod simulate;
pub(crate) mod tail;

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
        Command::Rejected(RejectedCommand::Show(args)) => rejected::show(&args),
        Command::Rejected(RejectedCommand::Replay(args)) => rejected::replay(&args),
        Command::Pseudonym(args) => pseudonym::pseudonym(&args),
        Command::Erase(args) => erase::erase(&args),
        #[cfg(feature = "cluster")]
        Command::Check(args) => crate::cluster::check::check(&args),
        #[cfg(feature = "cluster")]
        Command::Prepare(args) => crate::cluster::prepare::prepare(&args),
        #[cfg(feature = "cluster")]
        Command::Kibana(command) => crate::cluster::kibana::kibana(&command),
        Command::Completions { shell } => {
            // Into memory first: the generator takes a closed pipe for a reason to panic.
            let mut completions = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "bpmonitor", &mut completions);
            Ok(io::stdout().lock().write_all(&completions)?)
        }
    }
}

/// Refuses a manifest beside a ward in a directory, which has its own.
#[cfg(feature = "cluster")]
fn refuse_manifest(file: Option<&std::path::Path>) -> Result<()> {
    if file.is_some() {
        let advice =
            "a manifest is for a ward in Kafka: give --kafka or --bootstrap-servers too, or remove -f";
        return Err(crate::failure::bad_usage(advice));
    }
    Ok(())
}

/// What was asked for; else what suits standard output.
pub(crate) fn row_output(asked: Option<RowOutput>) -> RowOutput {
    asked.unwrap_or_else(|| if io::stdout().is_terminal() { RowOutput::Table } else { RowOutput::Json })
}
