//! The command line: every command with its flags.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Monitors blood pressure on a stream of FHIR Observations: a whole ward in one process, and Unix filters.
///
/// Decision support on a stream. It is not a medical device.
#[derive(Debug, Parser)]
#[command(name = "bpmonitor", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a ward's whole pipeline in this process
    ///
    /// Reads FHIR files, classifies each blood pressure, stores anomalies in a database, archives the normal ones, and keeps
    /// everything that could not be read with its reason. A kill at any moment loses and doubles nothing: run it again.
    Run(RunArgs),
    /// Classify FHIR from files or standard input, one line out per entry
    Classify(ClassifyArgs),
    /// Read FHIR files into a ward, running or not; each file once, and on from where it was
    Import(ImportArgs),
    /// Show readings as they are classified
    Tail(TailArgs),
    /// The archive of normal readings
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// What could not be read, and why
    #[command(subcommand)]
    Rejected(RejectedCommand),
    /// Print a patient's pseudonym: the key in documents, alerts and `perPatient` thresholds
    Pseudonym(PseudonymArgs),
    /// Erase a patient from database and archive, and keep replays out
    Erase(EraseArgs),
    /// Print shell completions
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// Where the ward is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    /// The ward's data directory
    #[arg(long = "data", value_name = "DIR", default_value = "bpmonitor-data", env = "BPMONITOR_DATA")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The `BpMonitor` manifest, the same that `kubectl apply -f` takes
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// FHIR files to read: Observations, Bundles, NDJSON, mixed
    #[arg(long, value_name = "FILES", num_args = 1.., required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Go on reading what is appended to the files, and what `import` asks for, until interrupted
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClassifyOutput {
    /// One JSON object a line
    Json,
    /// Columns for people
    Table,
    /// Counts at the end only
    Summary,
}

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// A `BpMonitor` manifest, for its thresholds and source settings
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// What to print; a table on a terminal and JSON in a pipe unless given
    #[arg(short, long)]
    pub(crate) output: Option<ClassifyOutput>,
    /// Print pseudonyms in place of patients' identities, with the key of the ward in --data
    #[arg(long)]
    pub(crate) pseudonymise: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// FHIR files; `-` or none for standard input
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// FHIR files: Observations, Bundles, NDJSON, mixed
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The ward's data directory
    #[arg(long, value_name = "DIR")]
    pub(crate) into: PathBuf,
    /// The `BpMonitor` manifest; needed only where the directory holds no ward yet
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowOutput {
    /// One JSON object a line
    Json,
    /// Columns for people
    Table,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// Begin with everything that is stored, not only with what comes from now on
    #[arg(long)]
    pub(crate) all: bool,
    /// Print what there is and end
    #[arg(long)]
    pub(crate) once: bool,
    /// What to print; a table on a terminal and JSON in a pipe unless given
    #[arg(short, long)]
    pub(crate) output: Option<RowOutput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ArchiveCommand {
    /// Write the normal readings as JSON lines, each in its newest version
    Export(ExportArgs),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportBy {
    /// One file a patient
    Patient,
    /// One file a day (UTC) of measurement
    Day,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What makes one file
    #[arg(long, value_enum)]
    pub(crate) by: ExportBy,
    /// The directory to write into; it is made where there is none
    #[arg(value_name = "DIR")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RejectedCommand {
    /// List what could not be read: where it came from and why, never what it says
    List(ListArgs),
    /// Print the original of one Rejection as it was received, an entry of a Bundle with what it needs of it. It may name a
    /// patient
    Show {
        /// Its number in `rejected list`
        number: i64,
        #[command(flatten)]
        data: DataArgs,
    },
    /// Read all of them again, after a fix of the manifest or of this program
    Replay {
        #[command(flatten)]
        data: DataArgs,
        /// A changed manifest; the ward's own unless given
        #[arg(short = 'f', long = "file", value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What to print; a table on a terminal and JSON in a pipe unless given
    #[arg(short, long)]
    pub(crate) output: Option<RowOutput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// How a person names a patient.
#[derive(Debug, Args)]
pub(crate) struct PseudonymArgs {
    /// The patient: `42`, `Patient/42`, a URL, a URN, or `system|value` of an identifier
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// The patient: `42`, `Patient/42`, a URL, a URN, `system|value` of an identifier, or a pseudonym
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}
