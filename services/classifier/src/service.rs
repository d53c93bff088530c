//! The classifier's run: from settings to a pipeline, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use bpmonitor_clinical::PseudonymKey;
use bpmonitor_crds::ArchiveCompression;
use bpmonitor_pipeline::cluster::Condition;
use bpmonitor_pipeline::cluster::archive::{ArchiveStore, Compression, DirectorySettings, S3SetupError};
use bpmonitor_pipeline::cluster::elasticsearch::{
    BulkSettings, ConnectError, ElasticsearchConnection, ElasticsearchStore,
};
use bpmonitor_pipeline::cluster::kafka::{
    Consumer, DeadLetterTopic, KafkaConnection, KafkaSetupError, Subscription,
};
use bpmonitor_pipeline::{Classifier, Committed, Origins, PortError, Sinks, Tally};
use bpmonitor_settings::manifest::{self, Settings};
use bpmonitor_settings::service::{Service, bind};
use bpmonitor_settings::{ArchiveTarget, SettingsError, Topics, shutdown};
use jiff::Timestamp;
use prometheus_client::registry::Registry;
use tokio::runtime::Builder;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Cli;
use crate::bulks::Bulks;
use crate::metrics::Metrics;
use crate::probes::Probes;

/// How often gauges are brought up to date.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long leaving the group may take.
const LEAVE_LIMIT: Duration = Duration::from_secs(8);

/// What a program that wires the classifier may change beside its settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// How documents are sent to Elasticsearch.
    pub bulk: BulkSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bulk: BulkSettings {
                mappings: Some(bpmonitor_crds::index::mappings()),
                ..BulkSettings::default()
            },
        }
    }
}

/// Why the classifier ended.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Its settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No client for Kafka could be made.
    #[error(transparent)]
    Kafka(#[from] KafkaSetupError),
    /// No client for Elasticsearch could be made.
    #[error(transparent)]
    Elasticsearch(#[from] ConnectError),
    /// No client for the object store could be made.
    #[error(transparent)]
    ObjectStore(#[from] S3SetupError),
    /// The archive could not be opened, or something failed that trying again does not mend.
    #[error(transparent)]
    Port(#[from] PortError),
    /// No runtime could be started.
    #[error("starting the runtime")]
    Runtime(#[source] std::io::Error),
}

/// All settings, found to be usable.
struct Setup {
    settings: Settings,
    topics: Topics,
    kafka: KafkaConnection,
    elasticsearch: ElasticsearchConnection,
    alias: String,
    archive: ArchiveTarget,
    key: PseudonymKey,
}

/// Classifies until SIGTERM or SIGINT.
///
/// # Errors
///
/// Settings that cannot be used, or a failure that trying again does not mend. Everything committed is safe.
pub fn run(cli: &Cli, options: Options) -> Result<(), Failed> {
    let setup = Setup::new(cli)?;
    // What takes long is done on threads of its own. For the rest, one thread that is woken is cheaper than several that wake each other.
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Failed::Runtime)?;
    let result = runtime.block_on(serve(cli, setup, options));
    // What hangs in a library must not keep the process, not even while it is cleaned up.
    std::mem::forget(runtime);
    result
}

impl Setup {
    fn new(cli: &Cli) -> Result<Self, Failed> {
        let settings = manifest::read(&cli.file)?;
        let given = Some(&settings);
        Ok(Self {
            topics: cli.topics.topics(given)?,
            kafka: cli.kafka.connection(given)?,
            elasticsearch: cli.elasticsearch.connection(given)?,
            alias: cli.elasticsearch.alias(given)?,
            archive: cli.archive.target(given)?,
            key: cli.key.key()?,
            settings,
        })
    }

    fn classifier(&self) -> Classifier {
        let Settings { source, thresholds, privacy, monitor, .. } = self.settings.clone();
        let erased = std::collections::HashSet::new();
        Classifier {
            source,
            thresholds,
            key: self.key.clone(),
            privacy,
            monitor,
            origins: Origins::Kafka,
            erased,
        }
    }

    fn archive(&self, cli: &Cli) -> Result<ArchiveStore, Failed> {
        match &self.archive {
            ArchiveTarget::Directory(directory) => {
                let given = Some(&self.settings);
                let compression = match cli.archive.compression(given) {
                    ArchiveCompression::Zstd => Compression::Zstd,
                    ArchiveCompression::None => Compression::None,
                };
                let retention = Some(cli.archive.retention(given));
                let settings =
                    DirectorySettings { compression, retention, ..DirectorySettings::new(directory) };
                Ok(ArchiveStore::directory(settings)?)
            }
            ArchiveTarget::S3(settings) => Ok(ArchiveStore::s3(settings)?),
        }
    }
}

async fn serve(cli: &Cli, setup: Setup, options: Options) -> Result<(), Failed> {
    let stop = CancellationToken::new();
    tokio::spawn(shutdown::cancel_on_signal(stop.clone()));
    let service = bind(cli.listen.listen).await?;
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);

    let subscription = Subscription {
        topic: setup.topics.observations.clone(),
        group: setup.topics.group.clone(),
        session_timeout: cli.session_timeout,
    };
    let elasticsearch = Condition::new("elasticsearch");
    let anomalies = ElasticsearchStore::new(
        setup.elasticsearch.clone(),
        &setup.alias,
        options.bulk,
        elasticsearch.clone(),
    )?;
    registry.register_collector(Box::new(Bulks(anomalies.statistics())));
    let dead_letters = DeadLetterTopic::new(&setup.kafka, &setup.topics.rejected)?;
    let archive = setup.archive(cli)?;
    let consumer = Arc::new(Consumer::start(&setup.kafka, &subscription)?);
    let durable = metrics.clone();
    let committer = consumer
        .committer(archive, move |written| durable.durable(Timestamp::now().as_millisecond(), written));

    let conditions = vec![
        consumer.condition().clone(),
        elasticsearch,
        committer.condition().clone(),
        dead_letters.condition().clone(),
    ];
    let probes = Probes { consumer: Arc::clone(&consumer), conditions };
    let watch = watch(service, probes, registry, metrics.clone(), stop.clone());
    let watch = tokio::spawn(watch);

    let sinks = Sinks { anomalies, archive: committer.clone(), dead_letters, checkpoint: committer };
    let counting = metrics.clone();
    let count = move |batch: Committed<'_>| counting.batch(batch.tally, batch.bytes);
    // A task of its own: where a client's call hangs in it, the limit still holds.
    let pipeline = tokio::spawn(bpmonitor_pipeline::run(
        consumer.source(),
        setup.classifier(),
        sinks,
        stop.clone(),
        count,
    ));
    let result = tokio::select! {
        result = pipeline => result.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())),
        () = drained(&stop, cli.drain) => {
            tracing::warn!("what was begun could not be finished in time; whoever goes on does it again, and nothing is lost");
            Ok(Tally::default())
        }
    };
    stop.cancel();
    // The group learns at once that the partitions are free.
    let leaving = tokio::task::spawn_blocking(move || consumer.leave());
    if timeout(LEAVE_LIMIT, leaving).await.is_err() {
        tracing::warn!(
            "Kafka did not let this replica leave its group in time; it will be missed after the session timeout"
        );
    }
    let _ = watch.await;
    result?;
    Ok(())
}

/// Ends some time after it was asked to stop.
async fn drained(stop: &CancellationToken, limit: Duration) {
    stop.cancelled().await;
    sleep(limit).await;
}

/// Answers probes and keeps gauges up to date, until `stop`.
async fn watch(
    service: Service,
    probes: Probes,
    registry: Registry,
    metrics: Metrics,
    stop: CancellationToken,
) {
    tracing::info!(address = %service.address(), "probes and metrics are answered");
    let looking = probes.clone();
    let look = async {
        let mut every = interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let Probes { consumer, conditions } = &looking;
            metrics.look(consumer.lag(), consumer.partitions(), conditions);
        }
    };
    tokio::select! {
        () = service.serve(probes, registry, stop) => {}
        () = look => {}
    }
}
