//! The command line of `bpmonitor-producer`.

use std::path::PathBuf;
use std::time::Duration;

use bpmonitor_settings::logs::LogArgs;
use bpmonitor_settings::service::ListenArgs;
use bpmonitor_settings::{KafkaArgs, TopicArgs};
use clap::Parser;
use jiff::Timestamp;

/// Publishes FHIR blood-pressure Observations to Kafka: the simulated patients of a manifest, or FHIR files.
///
/// Simulated patients: first their history, as fast as Kafka takes it, then each Observation when it is due, at spec.rate. Files: each
/// record once, as it was received. Records are keyed by their patient, so that those of one patient stay in order.
///
/// How far it has come is kept in the state topic: after a stop, and after a kill at any moment, the same command goes on from there,
/// leaves nothing out and repeats nothing. While Kafka is away it waits; up to ten minutes are then made up for.
///
/// Every setting can be a flag, an environment variable or, where it has a place there, in the manifest, in that order of
/// strength. The simulated patients are made up. It is not a medical device.
#[derive(Debug, Parser)]
#[command(name = "bpmonitor-producer", version)]
#[command(mut_arg("rejected_topic", |arg| arg.hide(true)), mut_arg("group", |arg| arg.hide(true)))]
pub(crate) struct Cli {
    /// The `BpMonitor` manifest, the same that `kubectl apply -f` takes: patients, rate, names
    #[arg(
        short = 'f',
        long = "file",
        value_name = "FILE",
        env = "BPMONITOR_FILE",
        required_unless_present = "input"
    )]
    pub(crate) file: Option<PathBuf>,
    /// FHIR files to publish in place of simulated patients: Observations, Bundles, NDJSON, mixed; directories are taken apart. Ends with
    /// them, and answers no probes
    #[arg(long, value_name = "FILES", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// The most records of the files a second, as in 0.5 or 2000; as fast as Kafka takes them unless given
    #[arg(long, value_name = "NUMBER", requires = "input", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// End after this many Observations
    #[arg(long, value_name = "NUMBER", conflicts_with = "input")]
    pub(crate) count: Option<u64>,
    /// Publish one Observation in each such time, as in 200ms or 5s, in place of spec.rate
    #[arg(long, value_name = "DURATION", conflicts_with = "input", value_parser = interval)]
    pub(crate) interval: Option<Duration>,
    /// When a new ward's history ends, as in 2026-01-01T00:00:00Z; now unless given. Live readings begin there, or now where that
    /// is more than ten minutes ago
    #[arg(long, value_name = "TIME", conflicts_with = "input")]
    pub(crate) start: Option<Timestamp>,
    /// Make topics that are missing, as the manifest's spec.kafka.topic says. In a cluster the operator makes them
    #[arg(long, env = "BPMONITOR_CREATE_TOPICS", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) create_topics: bool,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) topics: TopicArgs,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

/// A number of records a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "must be a number above 0, as in 0.5 or 2000".to_owned())
}

/// A length of time between two Observations.
fn interval(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a number above 0 and a unit (us, ms, s, m or h), as in 200ms or 5s".to_owned();
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * unit).ok().filter(|interval| !interval.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_interval_is_a_number_and_a_unit() {
        for (text, milliseconds) in
            [("200ms", 200), ("5s", 5_000), ("0.5s", 500), ("1m", 60_000), ("1h", 3_600_000)]
        {
            assert_eq!(interval(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "0s", "-1s", "1d", "1.2.3s", "5 s"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
