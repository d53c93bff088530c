//! The command line of `bpmonitor-operator`.

use std::time::Duration;

use bpmonitor_crds::HumanDuration;
use bpmonitor_settings::logs::LogArgs;
use bpmonitor_settings::service::ListenArgs;
use clap::{ArgAction, Parser};

use crate::context::Settings;
use crate::model::{Images, PullPolicy};

/// How often counts are read from the classifiers.
const COUNT_EVERY: Duration = Duration::from_secs(60);
/// How long a monitor that goes waits for what cannot be removed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a running pipeline of each `BpMonitor`, and keeps it so.
///
/// It reaches the API server as kubectl does: from within a cluster by its service account, else by KUBECONFIG. Every setting can be
/// a flag or an environment variable, in that order of strength.
#[derive(Clone, Debug, Parser)]
#[command(name = "bpmonitor-operator", version)]
pub struct Cli {
    /// The namespaces to see to, separated by commas; all unless given
    #[arg(long, value_name = "NAMESPACE,...", env = "BPMONITOR_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// The image of producers
    #[arg(long, value_name = "IMAGE", env = "BPMONITOR_PRODUCER_IMAGE", default_value = concat!("bpmonitor-producer:", env!("CARGO_PKG_VERSION")))]
    pub producer_image: String,
    /// The image of classifiers
    #[arg(long, value_name = "IMAGE", env = "BPMONITOR_CLASSIFIER_IMAGE", default_value = concat!("bpmonitor-classifier:", env!("CARGO_PKG_VERSION")))]
    pub classifier_image: String,
    /// When images are pulled
    #[arg(long, value_name = "POLICY", env = "BPMONITOR_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    pub image_pull_policy: PullPolicy,
    /// Let only one of several replicas do the work
    #[arg(long, value_name = "BOOL", env = "BPMONITOR_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub leader_election: bool,
    /// Do the work without asking whether another does: there must be one replica only
    #[arg(long)]
    pub no_leader_election: bool,
    /// How often everything is looked at, changed or not
    #[arg(long, value_name = "DURATION", env = "BPMONITOR_RESYNC", default_value = "5m", value_parser = duration)]
    pub resync: Duration,
    /// How many monitors are reconciled at the same time
    #[arg(long, value_name = "NUMBER", env = "BPMONITOR_CONCURRENCY", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Where probes and metrics are answered.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// How logs are written.
    #[command(flatten)]
    pub logs: LogArgs,
}

impl Cli {
    /// Whether replicas agree on who does the work.
    pub const fn elects(&self) -> bool {
        self.leader_election && !self.no_leader_election
    }

    /// What reconciles need to know.
    pub fn settings(&self) -> Settings {
        let given = self.namespaces.iter().map(|namespace| namespace.trim());
        let mut namespaces: Vec<_> =
            given.filter(|namespace| !namespace.is_empty()).map(str::to_owned).collect();
        namespaces.sort();
        namespaces.dedup();
        Settings {
            namespaces,
            images: Images {
                producer: self.producer_image.clone(),
                classifier: self.classifier_image.clone(),
                pull_policy: self.image_pull_policy,
            },
            resync: self.resync,
            concurrency: self.concurrency,
            count_every: COUNT_EVERY,
            patience: PATIENCE,
        }
    }
}

/// A length of time as manifests write it.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a whole number above 0 and a unit (s, m, h or d), as in 5m".to_owned();
    HumanDuration::new(text).to_std().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["bpmonitor-operator", "--namespaces", "b,a,b", "--leader-election=false"]);
        assert_eq!(cli.settings().namespaces, ["a", "b"]);
        assert!(!cli.elects());
        assert!(Cli::parse_from(["bpmonitor-operator"]).elects());
        assert!(!Cli::parse_from(["bpmonitor-operator", "--no-leader-election"]).elects());
    }
}
