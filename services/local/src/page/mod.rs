//! The live page: a small HTTP server with the page's files and its JSON API (docs/api.md).

mod answers;
mod api;
mod assets;
mod error;
mod events;
mod guard;
mod imports;
mod server;
mod token;
mod watched;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use bpmonitor_clinical::Thresholds;
use bpmonitor_pipeline::embedded::{EmbeddedStore, WardDirectory};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::failure::bad_usage;
use crate::status::Status;
use answers::Answers;
use guard::Guard;
pub(crate) use imports::{Import, ImportState, Sweep, sweep};

/// How many of them may be streams of events, which do not end by themselves.
const STREAMS: usize = 64;

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
    /// Held by whoever puts a file that was given where the ward reads it.
    placing: Mutex<()>,
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
        Self { ward, thresholds, status, store, stop, answers, streams, placing: Mutex::new(()) }
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
        server::serve(self.listener, router(Arc::new(page), Arc::new(self.guard)), stop).await
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
