//! The command line: every command with its flags.

use std::path::PathBuf;
use std::time::Duration;

use bpmonitor_crds::HumanDuration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

#[cfg(feature = "cluster")]
use bpmonitor_settings::KeyArgs;

#[cfg(feature = "cluster")]
use crate::cluster::kibana::KibanaCommand;
#[cfg(feature = "cluster")]
use crate::cluster::{CheckArgs, KafkaWardArgs, PrepareArgs};

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
    /// Simulates the manifest's patients, or reads FHIR files; classifies each blood pressure, stores anomalies in a database,
    /// archives the normal ones, keeps everything that could not be read with its reason, and shows all of it on a live page. A
    /// kill at any moment loses and doubles nothing: run it again.
    Run(RunArgs),
    /// Print the Observations of a manifest's simulated patients, one a line
    ///
    /// The same manifest and --start print the same bytes. It prints as fast as it is read; `run` publishes them when they are due.
    Simulate(SimulateArgs),
    /// Classify FHIR from files or standard input, one line out per entry
    Classify(ClassifyArgs),
    /// Read FHIR files into a ward, running or not; each file once, and on from where it was
    Import(Box<ImportArgs>),
    /// Show readings as they are classified
    Tail(Box<TailArgs>),
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
    /// Check a ward in Kafka and Elasticsearch: is it all there, and does an observation travel end to end
    ///
    /// One line a check, each with what to do where it fails: Kafka, its topics and this user's rights, the classifier, Elasticsearch,
    /// its index, aliases and mapping, and the key's privileges; Kibana and the dashboards too, where its URL is known. Then it publishes an Observation of a patient who is none
    /// (Patient/bpmonitor-check), waits for its document, and withdraws it. The exit code is 0 where nothing failed.
    #[cfg(feature = "cluster")]
    Check(Box<CheckArgs>),
    /// Make what a ward needs in Kafka and Elasticsearch, where no operator does
    ///
    /// Topics, the index with its template and aliases, and, where asked for, an API key for the classifier. What is there already
    /// stays; what differs and can be changed without harm is changed, and said. Needs the rights of an administrator.
    #[cfg(feature = "cluster")]
    Prepare(Box<PrepareArgs>),
    /// Dashboards and alert rules in Kibana, where no operator writes them
    #[cfg(feature = "cluster")]
    #[command(subcommand)]
    Kibana(KibanaCommand),
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
    /// FHIR files to read in place of simulated patients: Observations, Bundles, NDJSON, mixed. Ends with them, without a page
    #[arg(long, value_name = "FILES", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// Stay at the end of the files: read what is appended to them, with the page, until interrupted
    #[arg(long, requires = "input")]
    pub(crate) follow: bool,
    /// Where the page is. Any address but this machine's own asks whoever opens it for the token in the data directory's page.token
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", env = "BPMONITOR_LISTEN")]
    pub(crate) listen: String,
    /// Stop after this time: 30s, 10m, 8h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// When a new ward's history ends, as in 2026-01-01T00:00:00Z; now unless given. Live readings begin there, or now where that
    /// is more than ten minutes ago
    #[arg(long, value_name = "TIME", conflicts_with = "input")]
    pub(crate) start: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// The `BpMonitor` manifest
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// When the history ends and the live readings begin, as in 2026-01-01T00:00:00Z; now unless given
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<Timestamp>,
    /// How many Observations to print; the whole history unless given
    #[arg(long, value_name = "NUMBER")]
    pub(crate) count: Option<u64>,
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
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) ward: KafkaWardArgs,
    /// FHIR files: Observations, Bundles, NDJSON, mixed
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The ward's data directory, or the address of a running ward's page
    #[cfg(not(feature = "cluster"))]
    #[arg(long, value_name = "DIR|URL", required = true)]
    pub(crate) into: Option<String>,
    /// The ward's data directory, the address of a running ward's page, or Kafka: kafka://HOST:PORT[/TOPIC]
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "DIR|URL", required_unless_present_any = ["kafka", "bootstrap_servers"])]
    pub(crate) into: Option<String>,
    /// The `BpMonitor` manifest; not needed where the directory holds a ward already
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The ward's token, where its page asks for one
    #[arg(long, value_name = "TOKEN", env = "BPMONITOR_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
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
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) ward: KafkaWardArgs,
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
    /// The manifest of a ward in Kafka: names, servers, thresholds
    #[cfg(feature = "cluster")]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) key: KeyArgs,
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
    List(Box<ListArgs>),
    /// Print the original of one Rejection as it was received, an entry of a Bundle with what it needs of it. It may name a
    /// patient
    Show(Box<ShowArgs>),
    /// Read all of them again, after a fix of the manifest or of this program
    Replay(Box<ReplayArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) ward: KafkaWardArgs,
    /// What to print; a table on a terminal and JSON in a pipe unless given
    #[arg(short, long)]
    pub(crate) output: Option<RowOutput>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// The manifest of a ward in Kafka
    #[cfg(feature = "cluster")]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) ward: KafkaWardArgs,
    /// Its number in `rejected list`; of a ward in Kafka also its key there
    pub(crate) letter: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// The manifest of a ward in Kafka
    #[cfg(feature = "cluster")]
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[cfg(feature = "cluster")]
    #[command(flatten)]
    pub(crate) ward: KafkaWardArgs,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// A changed manifest; the ward's own unless given
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
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

/// A length of time as manifests write it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a whole number above 0 and a unit (s, m, h or d), as in 30s".to_owned();
    HumanDuration::new(text).to_std().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}
