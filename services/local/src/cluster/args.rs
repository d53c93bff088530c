//! How a ward in Kafka and Elasticsearch is named, and what else its commands take.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use bpmonitor_settings::{ArchiveArgs, ElasticsearchArgs, KafkaArgs, KeyArgs, TopicArgs};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::kibana::KibanaArgs;
use crate::cli::{RowOutput, duration};
use crate::failure::bad_usage;

/// A ward in Kafka, for commands that take one in a directory too.
///
/// It is in Kafka where --kafka or --bootstrap-servers is given, or the latter's variable is set and no directory is given.
#[derive(Clone, Debug, Args)]
pub(crate) struct KafkaWardArgs {
    // Before the others, which take what they read out of the matches.
    #[command(flatten)]
    given: Given,
    /// The ward is in Kafka, not in a directory: at the servers that the manifest names. --bootstrap-servers, or its variable, says
    /// so too
    #[arg(long, help_heading = "Kafka")]
    kafka: bool,
    #[command(flatten)]
    pub(crate) connection: KafkaArgs,
    #[command(flatten)]
    pub(crate) topics: TopicArgs,
}

/// What stands on the command line itself, which is stronger than what the environment says.
#[derive(Clone, Debug)]
struct Given {
    has_directory: bool,
    has_servers: bool,
    /// A flag that is of no use but with Kafka.
    of_kafka: Option<String>,
}

impl KafkaWardArgs {
    /// Whether the ward is in Kafka.
    ///
    /// # Errors
    ///
    /// Both are named, or a flag is given that is of no use.
    pub(crate) fn is_meant(&self) -> Result<bool> {
        let is_named = self.kafka || self.given.has_servers;
        match (is_named, self.given.has_directory) {
            (true, true) => Err(bad_usage(
                "a data directory and Kafka are both given: remove --data (or --into), or --kafka and --bootstrap-servers",
            )),
            (true, false) => Ok(true),
            (false, false) if self.connection.bootstrap_servers.is_some() => Ok(true),
            (false, _) => match &self.given.of_kafka {
                Some(flag) => Err(bad_usage(format!(
                    "{flag} is for a ward in Kafka: give --kafka or --bootstrap-servers too, or remove it"
                ))),
                None => Ok(false),
            },
        }
    }
}

impl KafkaWardArgs {
    /// Whether the servers stand on the command line itself.
    pub(super) const fn has_servers(&self) -> bool {
        self.given.has_servers
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |id: &str| {
            matches!(matches.try_contains_id(id), Ok(true))
                && matches.value_source(id) == Some(ValueSource::CommandLine)
        };
        let flag = |argument: &clap::Arg| Some(format!("--{}", argument.get_long()?));
        let ours = TopicArgs::augment_args(KafkaArgs::augment_args(Command::new("kafka")));
        let of_kafka =
            ours.get_arguments().filter(|argument| is_given(argument.get_id().as_str())).find_map(flag);
        let of_kafka =
            of_kafka.or_else(|| is_given("pseudonym_key_file").then(|| "--pseudonym-key-file".to_owned()));
        Ok(Self {
            has_directory: is_given("data") || is_given("into"),
            has_servers: is_given("bootstrap_servers"),
            of_kafka,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        command
    }
}

/// What `check` takes.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The `BpMonitor` manifest: names, servers, thresholds
    #[arg(short = 'f', long = "file", value_name = "FILE", env = "BPMONITOR_FILE")]
    pub(crate) file: PathBuf,
    /// How long an observation may take from Kafka to Elasticsearch
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub(crate) wait: Duration,
    /// Publish no observation: only look
    #[arg(long)]
    pub(crate) no_observation: bool,
    /// Look at nothing but one observation's way: as a Kafka user who may only publish, with the classifier's API key
    #[arg(long, conflicts_with = "no_observation")]
    pub(crate) only_observation: bool,
    /// What to print; a table on a terminal and JSON in a pipe unless given
    #[arg(short, long)]
    pub(crate) output: Option<RowOutput>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) topics: TopicArgs,
    #[command(flatten)]
    pub(crate) elasticsearch: ElasticsearchArgs,
    #[command(flatten)]
    pub(crate) kibana: KibanaArgs,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

/// What `prepare` takes.
#[derive(Debug, Args)]
pub(crate) struct PrepareArgs {
    /// The `BpMonitor` manifest: names, partitions, shards, retention
    #[arg(short = 'f', long = "file", value_name = "FILE", env = "BPMONITOR_FILE")]
    pub(crate) file: PathBuf,
    /// Make an API key that may do what the classifier does and no more, and write it into this new file; `-` prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) topics: TopicArgs,
    #[command(flatten)]
    pub(crate) elasticsearch: ElasticsearchArgs,
}
