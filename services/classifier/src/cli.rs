//! The command line of `bpmonitor-classifier`.

use std::path::PathBuf;
use std::time::Duration;

use bpmonitor_crds::HumanDuration;
use bpmonitor_settings::logs::LogArgs;
use bpmonitor_settings::service::ListenArgs;
use bpmonitor_settings::{ArchiveArgs, ElasticsearchArgs, KafkaArgs, KeyArgs, TopicArgs};
use clap::Parser;

/// Classifies FHIR blood pressures from a Kafka topic: anomalies go to Elasticsearch, normal readings to the archive, and what cannot
/// be read, with its reason, to a dead-letter topic.
///
/// An offset is committed only when everything up to it is durable, and every write can be repeated: a kill at any moment loses and
/// doubles nothing. Start as many as the topic has partitions; they share the work.
///
/// Every setting can be a flag, an environment variable or, where it has a place there, in the manifest, in that order of
/// strength. Decision support on a stream. It is not a medical device.
#[derive(Debug, Parser)]
#[command(name = "bpmonitor-classifier", version)]
pub struct Cli {
    /// The `BpMonitor` manifest: thresholds, source, privacy, names
    #[arg(short = 'f', long = "file", value_name = "FILE", env = "BPMONITOR_FILE")]
    pub file: PathBuf,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Which topics.
    #[command(flatten)]
    pub topics: TopicArgs,
    /// How Elasticsearch is reached.
    #[command(flatten)]
    pub elasticsearch: ElasticsearchArgs,
    /// Where the archive is.
    #[command(flatten)]
    pub archive: ArchiveArgs,
    /// The key of pseudonyms.
    #[command(flatten)]
    pub key: KeyArgs,
    /// Where probes and metrics are answered.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// How logs are written.
    #[command(flatten)]
    pub logs: LogArgs,
    /// After which silence the group takes this replica for dead and gives its partitions to another
    #[arg(long, value_name = "DURATION", default_value = "45s", env = "BPMONITOR_SESSION_TIMEOUT", value_parser = duration)]
    pub session_timeout: Duration,
    /// How long to finish what was begun after SIGTERM; what is not finished by then is done by whoever goes on
    #[arg(long, value_name = "DURATION", default_value = "20s", env = "BPMONITOR_DRAIN", value_parser = duration)]
    pub drain: Duration,
}

/// A length of time as manifests write it.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a whole number above 0 and a unit (s, m, h or d), as in 30s".to_owned();
    HumanDuration::new(text).to_std().filter(|duration| !duration.is_zero()).ok_or_else(wrong)
}
