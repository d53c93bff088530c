//! The live page: a small HTTP server with the page's files and its JSON API (docs/api.md).

mod answers;
mod api;
mod assets;
mod error;
mod events;
mod guard;
mod imports;
mod token;

use std::io::{self, ErrorKind, IoSlice, IsTerminal, Write};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use bpmonitor_clinical::Thresholds;
use bpmonitor_pipeline::embedded::{EmbeddedStore, WardDirectory};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::failure::bad_usage;
use crate::live::Status;
use answers::Answers;
use guard::Guard;
pub(crate) use imports::{Import, ImportState, Sweep, sweep};

/// How long connections may take to end once the ward stops.
const GRACE: Duration = Duration::from_secs(2);
/// How many connections are open at the same time, well below how many files a process may have open; further ones wait.
const CONNECTIONS: u32 = 256;
/// How many of them may be streams of events, which do not end by themselves.
const STREAMS: usize = 64;
/// How long a client may take to send the head of a request, or have none to send.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection stays on which nothing moves, neither to nor from the client.
const QUIET: Duration = Duration::from_secs(120);
/// How long to wait after a connection could not be taken, as where all file descriptors are in use.
const PAUSE: Duration = Duration::from_secs(1);

/// What the page is made of: of scripts and connections only its own.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What all requests share.
pub(crate) struct Page {
    /// What of the ward does not change while it runs.
    pub(crate) ward: Value,
    pub(crate) thresholds: Thresholds,
    pub(crate) status: Arc<Status>,
    pub(crate) store: EmbeddedStore,
    pub(crate) stop: CancellationToken,
    answers: Arc<Answers>,
    /// A turn for each stream of events.
    streams: Arc<Semaphore>,
}

impl Page {
    pub(crate) fn new(
        ward: Value,
        thresholds: Thresholds,
        status: Arc<Status>,
        store: EmbeddedStore,
        stop: CancellationToken,
    ) -> Self {
        let answers = Arc::new(Answers::new(store.directory().clone(), Arc::clone(&status)));
        let streams = Arc::new(Semaphore::new(STREAMS));
        Self { ward, thresholds, status, store, stop, answers, streams }
    }
}

/// A page that nobody can open yet.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the address.
pub(crate) async fn bind(listen: &str) -> Result<Bound> {
    let wrong = |error: io::Error| match error.kind() {
        ErrorKind::AddrInUse => bad_usage(format!(
            "{listen} is taken by another program: stop that, or name another address with --listen, such as 127.0.0.1:0 for any free port"
        )),
        _ => bad_usage(format!(
            "listening on {listen}: {error}; name an address and a port, as in --listen 127.0.0.1:8080"
        )),
    };
    let listener = TcpListener::bind(listen).await.map_err(wrong)?;
    let address = listener.local_addr().context("reading the page's address")?;
    Ok(Bound { listener, address })
}

impl Bound {
    /// Settles who may ask: on an address that others reach, whoever has the token that `directory` keeps.
    pub(crate) fn guarded(self, directory: &WardDirectory) -> Result<Guarded> {
        let guard = Guard::new(self.address, directory)?;
        Ok(Guarded { listener: self.listener, guard })
    }
}

/// A page that is to be opened.
pub(crate) struct Guarded {
    listener: TcpListener,
    guard: Guard,
}

impl Guarded {
    /// Prints where the page is.
    pub(crate) fn announce(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "the page: {}", self.guard.place(io::stdout().is_terminal()))?;
        writeln!(out, "  {}", crate::NOTICE)?;
        out.flush()
    }

    /// Answers requests until the ward stops, and a little longer for those under way.
    pub(crate) async fn serve(self, page: Page) -> Result<()> {
        let stop = page.stop.clone();
        let app = TowerToHyperService::new(router(Arc::new(page), Arc::new(self.guard)));
        let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
        while let Some(taken) = stop.run_until_cancelled(take(&self.listener, &places)).await {
            let (stream, place) = taken?;
            tokio::spawn(converse(stream, app.clone(), stop.clone(), place));
        }
        drop(self.listener);
        // All places are free once all connections have ended; those that take longer end with the process.
        let _ = timeout(GRACE, places.acquire_many(CONNECTIONS)).await;
        Ok(())
    }
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
    let mut connection = pin!(http.serve_connection(TokioIo::new(Watched::new(stream)), app));
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

/// A connection that fails when nothing moved on it for too long.
struct Watched<S> {
    stream: S,
    quiet: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    fn new(stream: S) -> Self {
        Self { stream, quiet: Box::pin(sleep(QUIET)) }
    }

    fn watch<T>(&mut self, moved: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.quiet.as_mut().reset(Instant::now() + QUIET);
            return moved;
        }
        self.quiet.as_mut().poll(context).map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(read, context)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.watch(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn router(page: Arc<Page>, guard: Arc<Guard>) -> Router {
    let api = Router::new()
        .route("/ward", get(api::ward))
        .route("/overview", get(api::overview))
        .route("/patients", get(api::patients))
        .route("/patients/{patient}/readings", get(api::patient_readings))
        .route("/rejections", get(api::rejections))
        .route("/status", get(api::status))
        .route("/events", get(events::events))
        .route("/imports/{digest}", get(imports::state).put(imports::put).layer(DefaultBodyLimit::disable()))
        .fallback(error::no_such_answer)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(map_response(error::as_documented))
        .layer(map_response(uncached))
        .with_state(page);
    Router::new()
        .nest("/api/v1", api)
        .fallback_service(get(assets::asset).fallback(error::no_such_method))
        .layer(from_fn_with_state(guard, guard::check))
        .layer(map_response(hardened))
}

async fn uncached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn hardened(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
