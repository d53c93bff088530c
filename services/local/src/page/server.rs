//! The page's HTTP connections: so many at a time, none of them idle for ever.

use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::watched::Watched;

/// How long connections may take to end once the ward stops.
const GRACE: Duration = Duration::from_secs(2);
/// How many connections are open at the same time, well below how many files a process may have open; further ones wait.
const CONNECTIONS: u32 = 256;
/// How long a client may take to send the head of a request, or have none to send.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection stays on which nothing moves, neither to nor from the client.
const QUIET: Duration = Duration::from_secs(120);
/// How long to wait after a connection could not be taken, as where all file descriptors are in use.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers requests until `stop`, and a little longer for those under way.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) -> Result<()> {
    let app = TowerToHyperService::new(app);
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    while let Some(taken) = stop.run_until_cancelled(take(&listener, &places)).await {
        let (stream, place) = taken?;
        tokio::spawn(converse(stream, app.clone(), stop.clone(), place));
    }
    drop(listener);
    // All places are free once all connections have ended; those that take longer end with the process.
    let _ = timeout(GRACE, places.acquire_many(CONNECTIONS)).await;
    Ok(())
}

/// The next connection, once there is a place for it.
async fn take(listener: &TcpListener, places: &Arc<Semaphore>) -> Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.context("serving the page")?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, place)),
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!("taking a connection to the page, to be tried again: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

/// Whether a connection broke before it was taken.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// Answers the requests of one connection.
async fn converse(
    stream: TcpStream,
    app: TowerToHyperService<Router>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Watched::new(stream, QUIET)), app));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection to the page ended: {error}");
    }
}
