//! The live page: a small HTTP server with the page's files and its JSON API (docs/api.md).

mod answers;
mod api;
mod assets;
mod error;
mod events;
mod guard;
mod imports;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::get;
use bpmonitor_clinical::Thresholds;
use bpmonitor_pipeline::embedded::EmbeddedStore;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::bad_usage;
use crate::live::Status;
use answers::Answers;
use guard::Guard;
pub(crate) use imports::{Import, ImportState, Sweep, sweep};

/// How long connections may take to end once the ward stops.
const GRACE: Duration = Duration::from_secs(2);

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
        Self { ward, thresholds, status, store, stop, answers }
    }
}

/// A page that nobody can open yet.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Takes the address.
pub(crate) async fn bind(listen: &str) -> Result<Bound> {
    let wrong = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => bad_usage(format!(
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
    /// Answers requests until the ward stops, and a little longer for those under way. Prints where the page is.
    pub(crate) async fn serve(self, page: Page) -> Result<()> {
        let guard = Guard::new(self.address, page.store.directory())?;
        println!("the page: {}", guard.url());
        println!("  {}", crate::NOTICE);
        let stop = page.stop.clone();
        let app = router(Arc::new(page), Arc::new(guard));
        let stopped = stop.clone();
        let serving = axum::serve(self.listener, app)
            .with_graceful_shutdown(async move { stopped.cancelled().await })
            .into_future();
        tokio::select! {
            served = serving => served.context("serving the page"),
            () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
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
        .layer(map_response(uncached))
        .with_state(page);
    Router::new()
        .nest("/api/v1", api)
        .fallback(assets::asset)
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
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
