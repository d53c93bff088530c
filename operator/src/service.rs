//! The operator as a service: reaches the API server, seeks to lead, works until it is told to end.

use std::time::Duration;

use bpmonitor_settings::service::bind;
use bpmonitor_settings::{SettingsError, shutdown};
use kube::config::InferConfigError;
use kube::{Client, Config};
use kube_lease_manager::LeaseManagerError;
use prometheus_client::registry::Registry;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::cli::Cli;
use crate::controller::Operator;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use crate::probes::Probes;

/// How long the API server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long it may be silent; a watch is renewed before that.
const READ_LIMIT: Duration = Duration::from_secs(310);
/// How long to wait between tries to reach it.
const RETRY: Duration = Duration::from_secs(2);

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Its settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It is not known how to reach the API server.
    #[error(
        "neither a service account nor a kubeconfig says how to reach the API server: give KUBECONFIG: {0}"
    )]
    Config(#[from] InferConfigError),
    /// No client for the API server could be made.
    #[error("setting up the client for the API server: {0}")]
    Client(#[source] Box<kube::Error>),
    /// The Lease cannot be had.
    #[error("seeking the Lease: {0}")]
    Lease(#[from] LeaseManagerError),
    /// Another replica leads.
    #[error(
        "the Lease was lost, or could not be seen for as long as it is held: another replica may do the work now, so this one ends"
    )]
    LostLease,
    /// No runtime could be started.
    #[error("starting the runtime: {0}")]
    Runtime(#[source] std::io::Error),
}

/// Works until SIGTERM or SIGINT.
///
/// # Errors
///
/// Settings that cannot be used, no way to the API server, or a Lease that was lost.
pub fn run(cli: &Cli) -> Result<(), Failed> {
    let runtime = Builder::new_multi_thread().enable_all().build().map_err(Failed::Runtime)?;
    let result = runtime.block_on(serve(cli));
    // What hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn serve(cli: &Cli) -> Result<(), Failed> {
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            shutdown::signal().await;
            tracing::info!("stopping: what was begun is finished first");
            stop.cancel();
        }
    });
    let service = bind(cli.listen.listen).await?;
    tracing::info!(address = %service.address(), "probes and metrics are answered");
    let mut registry = Registry::default();
    let metrics = Metrics::new(&mut registry);
    let probes = Probes::default();
    let answers = tokio::spawn(service.serve(probes.clone(), registry, stop.clone()));
    let result = work(cli, &probes, &metrics, &stop).await;
    stop.cancel();
    let _ = answers.await;
    result
}

async fn work(cli: &Cli, probes: &Probes, metrics: &Metrics, stop: &CancellationToken) -> Result<(), Failed> {
    let client = connect().await?;
    let operator = Operator::new(client.clone(), cli.settings(), metrics.clone(), probes.clone());
    if !cli.elects() {
        metrics.lead(true);
        operator.run(stop).await;
        return Ok(());
    }
    let Some(leadership) = seek(client, stop).await else { return Ok(()) };
    lead(operator, leadership, probes, metrics, stop).await
}

/// A client that does not try again by itself for minutes: each monitor has a backoff of its own.
async fn connect() -> Result<Client, Failed> {
    let mut config = Config::infer().await?;
    config.connect_timeout = Some(CONNECT_LIMIT);
    config.read_timeout = Some(READ_LIMIT);
    config.default_retry = false;
    Client::try_from(config).map_err(|error| Failed::Client(Box::new(error)))
}

/// Seeks the Lease; none where the operator is told to end before it can even ask for it.
async fn seek(client: Client, stop: &CancellationToken) -> Option<Leadership> {
    loop {
        match stop.run_until_cancelled(Leadership::seek(client.clone())).await? {
            Ok(leadership) => return Some(leadership),
            Err(error) => {
                tracing::warn!("seeking the Lease, to be tried again: {error}");
                stop.run_until_cancelled(tokio::time::sleep(RETRY)).await?;
            }
        }
    }
}

async fn lead(
    operator: Operator,
    mut leadership: Leadership,
    probes: &Probes,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> Result<(), Failed> {
    probes.stands_by();
    tracing::info!("standing by for the Lease");
    if stop.run_until_cancelled(leadership.won()).await != Some(true) {
        leadership.give_back().await;
        return if stop.is_cancelled() { Ok(()) } else { Err(Failed::LostLease) };
    }
    metrics.lead(true);
    tracing::info!("leading");
    let is_lost = tokio::select! {
        () = operator.run(stop) => false,
        () = leadership.lost() => true,
    };
    metrics.lead(false);
    if is_lost {
        return Err(Failed::LostLease);
    }
    leadership.give_back().await;
    Ok(())
}
