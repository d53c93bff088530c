//! What the command line asks for, done.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use bpmonitor_pipeline::files::{NamedFileError, resolve};
use bpmonitor_producer::replay::{self, Files, Report};
use bpmonitor_producer::ward::{self, Ward};
use bpmonitor_producer::{Host, NewTopics, PublishError, Status, Target};
use bpmonitor_settings::manifest::{self, Settings};
use bpmonitor_settings::service::{self, Probe, Service};
use bpmonitor_settings::{SettingsError, shutdown};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;

/// The exit code of bad usage: a wrong manifest, an unreadable file.
const BAD_USAGE: u8 = 2;
/// The exit code where something failed, or was left out.
const FAILED: u8 = 1;

/// Why it ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Files(#[from] NamedFileError),
    #[error("{}", Chain(.0))]
    Publish(#[from] PublishError),
    #[error("starting the runtime: {0}")]
    Runtime(std::io::Error),
}

/// An error with what is behind it.
struct Chain<'e>(&'e PublishError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)?;
        let mut cause = std::error::Error::source(self.0);
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Settings(_)
            | Self::Files(_)
            | Self::Publish(PublishError::BadUsage(_) | PublishError::File(_)) => ExitCode::from(BAD_USAGE),
            Self::Publish(_) | Self::Runtime(_) => ExitCode::from(FAILED),
        }
    }
}

/// Does what the command line asks for.
pub(crate) fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    let manifest = cli.file.as_deref().map(manifest::read).transpose()?;
    let target = target(cli, manifest.as_ref())?;
    if cli.input.is_empty() {
        let Some(ward) = manifest.as_ref().and_then(|manifest| ward(cli, manifest)) else {
            return Ok(ExitCode::SUCCESS);
        };
        return simulate(&ward, &target, cli);
    }
    let files = Files {
        paths: resolve(&cli.input)?,
        source: manifest.map(|manifest| manifest.source).unwrap_or_default(),
        rate_per_second: cli.rate,
    };
    read_files(&files, &target)
}

fn target(cli: &Cli, manifest: Option<&Settings>) -> Result<Target, Failure> {
    let topic = cli.topics.observations(manifest)?;
    let state_topic = match (manifest, &cli.topics.state_topic) {
        (Some(_), _) => cli.topics.topics(manifest)?.state,
        (None, Some(state_topic)) if *state_topic == topic => {
            let both = format!("--topic and --state-topic are both {topic}: give each a topic of its own");
            return Err(PublishError::BadUsage(both).into());
        }
        (None, Some(state_topic)) => state_topic.clone(),
        (None, None) => {
            let missing = "--state-topic is not given: give it, or a manifest with -f whose name it follows from. It \
                           keeps how far the files were published";
            return Err(PublishError::BadUsage(missing.to_owned()).into());
        }
    };
    let connection = cli.kafka.connection(manifest)?;
    let create = cli.create_topics.then(|| new_topics(manifest));
    Ok(Target { connection, topic, state_topic, create })
}

/// Topics as the manifest wants them, or as a manifest that says nothing of them would.
fn new_topics(manifest: Option<&Settings>) -> NewTopics {
    let default = Settings::default();
    let topic = &manifest.unwrap_or(&default).resource.spec.kafka.topic;
    NewTopics {
        partitions: topic.partitions,
        replicas: topic.replicas,
        retention: topic.retention.to_std().unwrap_or_default(),
    }
}

/// The simulated ward; none, which is said, where nobody is to be simulated.
fn ward(cli: &Cli, manifest: &Settings) -> Option<Ward> {
    if manifest.paused {
        tracing::info!("spec.paused is true: nothing is published until it is false");
        return None;
    }
    let Some(mut settings) = manifest.simulated.clone() else {
        tracing::info!("spec.patients.count is 0: there is nobody to simulate");
        return None;
    };
    if let Some(interval) = cli.interval {
        settings.rate_per_second = 1.0 / interval.as_secs_f64();
    }
    Some(Ward { settings, start: cli.start, count: cli.count })
}

fn simulate(ward: &Ward, target: &Target, cli: &Cli) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let host = host(&runtime);
    let service = runtime.block_on(service::bind(cli.listen.listen))?;
    let serving = runtime.spawn(serve(service, &host));
    let ended = ward::publish(ward, target, &host);
    host.stop.cancel();
    // What fails in it is a probe's answer.
    let _ = runtime.block_on(serving);
    let ended = ended?;
    let published = ended.published;
    if ended.is_settled {
        tracing::info!(published, "done; the same command goes on from there");
    } else {
        tracing::warn!(
            published,
            "stopped before Kafka acknowledged everything; the same command looks what arrived and goes on from there"
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn read_files(files: &Files, target: &Target) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let report = replay::publish(files, target, &host(&runtime), &mut |_| {})?;
    tell(&report, files.paths.len());
    Ok(if report.too_large.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn tell(report: &Report, files: usize) {
    let Report { published, not_fhir, done_before, too_large, is_interrupted } = report;
    if *done_before > 0 {
        tracing::info!(
            files = done_before,
            "published to their end before; nothing of them is published twice"
        );
    }
    if *not_fhir > 0 {
        tracing::warn!(
            records = not_fhir,
            "are no FHIR; they were published too, for the classifier to reject with a reason"
        );
    }
    if !too_large.is_empty() {
        tracing::error!(
            records = too_large.len(),
            "were left out, each named above: they are larger than the topic takes"
        );
    }
    if *is_interrupted {
        tracing::info!(published, files, "interrupted; the same command goes on from there");
    } else {
        tracing::info!(published, files, "done");
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(Failure::Runtime)
}

/// What a publisher needs of this process, which signals end.
fn host(runtime: &Runtime) -> Host {
    let stop = CancellationToken::new();
    runtime.spawn(shutdown::cancel_on_signal(stop.clone()));
    Host { stop, status: Arc::new(Status::default()), runtime: runtime.handle().clone() }
}

fn serve(service: Service, host: &Host) -> impl Future<Output = ()> + use<> {
    let mut registry = Registry::default();
    host.status.register(&mut registry);
    service.serve(Probes(Arc::clone(&host.status)), registry, host.stop.clone())
}

struct Probes(Arc<Status>);

impl Probe for Probes {
    fn live(&self) -> Result<(), String> {
        self.0.live()
    }

    fn ready(&self) -> Result<(), String> {
        self.0.ready()
    }
}
