//! The HTTP server for probes and metrics: `/live` (also called `/health`), `/ready`, `/metrics`.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::SettingsError;

/// What `/metrics` answers with. <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long a request may take from connection to answer.
const WITHIN: Duration = Duration::from_secs(10);
/// How long requests under way may take once the service stops.
const GRACE: Duration = Duration::from_secs(1);
/// How many connections are open at the same time, well below how many files a process may have open; further ones wait.
const CONNECTIONS: u32 = 64;
/// How long to wait after a connection could not be taken, as where all file descriptors are in use.
const PAUSE: Duration = Duration::from_secs(1);

/// Where probes and metrics are answered.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListenArgs {
    /// Where /live (or /health), /ready and /metrics are answered, over plain HTTP; nothing there tells of a patient
    #[arg(long, value_name = "ADDRESS:PORT", env = "BPMONITOR_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
}

/// Whether a service works. What is said is for people and machines without a right to see patients: it holds nothing of a payload.
pub trait Probe: Send + Sync + 'static {
    /// Whether it runs at all; Kubernetes starts it anew where it does not.
    ///
    /// # Errors
    ///
    /// Why not, in one line.
    fn live(&self) -> Result<(), String>;

    /// Whether it does its work now.
    ///
    /// # Errors
    ///
    /// Why not, in one line.
    fn ready(&self) -> Result<(), String>;
}

/// A service's answers, to be given once it runs.
#[derive(Debug)]
pub struct Service {
    listener: TcpListener,
    address: SocketAddr,
}

struct Answers<P> {
    probe: P,
    registry: Registry,
}

/// Takes the address.
///
/// # Errors
///
/// [`SettingsError::Listen`]: it cannot be had.
pub async fn bind(address: SocketAddr) -> Result<Service, SettingsError> {
    let failed = |error| SettingsError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Service { listener, address })
}

impl Service {
    /// Where it listens; the port is known here where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`, and a little longer those who asked before.
    pub async fn serve(self, probe: impl Probe, registry: Registry, stop: CancellationToken) {
        let app = TowerToHyperService::new(app(probe, registry));
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        while let Some(Some((stream, place))) = stop.run_until_cancelled(take(&self.listener, &places)).await
        {
            tokio::spawn(converse(stream, app.clone(), stop.clone(), place));
        }
        drop(self.listener);
        // All places are free once all connections have ended; those that take longer end with the process.
        let _ = timeout(GRACE, places.acquire_many(CONNECTIONS)).await;
    }
}

fn app<P: Probe>(probe: P, registry: Registry) -> Router {
    Router::new()
        .route("/live", get(live::<P>))
        .route("/health", get(live::<P>))
        .route("/ready", get(ready::<P>))
        .route("/metrics", get(metrics::<P>))
        .with_state(Arc::new(Answers { probe, registry }))
}

async fn live<P: Probe>(State(answers): State<Arc<Answers<P>>>) -> Response {
    answer(answers.probe.live())
}

async fn ready<P: Probe>(State(answers): State<Arc<Answers<P>>>) -> Response {
    answer(answers.probe.ready())
}

async fn metrics<P: Probe>(State(answers): State<Arc<Answers<P>>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &answers.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "a metric cannot be written\n").into_response(),
    }
}

fn answer(state: Result<(), String>) -> Response {
    match state {
        Ok(()) => "ok\n".into_response(),
        Err(why) => {
            let line = why.replace(['\r', '\n'], " ");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{line}\n")).into_response()
        }
    }
}

/// The next connection, once there is a place for it; none where places are no longer given.
async fn take(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, place)),
            Err(error) => {
                tracing::debug!("taking a connection for probes and metrics, to be tried again: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Answers the one request of a connection.
async fn converse(
    stream: TcpStream,
    app: TowerToHyperService<Router>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).keep_alive(false);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), app));
    let answered = timeout(WITHIN, async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    });
    if !matches!(answered.await, Ok(Ok(()))) {
        tracing::debug!("a connection for probes and metrics ended early");
    }
}
