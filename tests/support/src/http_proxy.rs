//! An HTTP proxy in front of a real Elasticsearch, which answers errors, delays, hangs, cuts, refuses, or lets half of a bulk through.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex as AsyncMutex, watch};

use crate::bulk;
use crate::gate::Gate;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It passes.
    #[default]
    None,
    /// It is answered with this status, and does not pass.
    Answer(u16),
    /// It passes after this time.
    Delay(Duration),
    /// It does not pass, and is never answered.
    Hang,
    /// It passes, and is never answered.
    HangAfter,
    /// Its connection is cut, and it does not pass.
    Cut,
    /// It passes, and its connection is cut in place of the answer.
    CutAfter,
    /// Every other item of a bulk passes, the first one among them; the others are answered with 429. Any other request passes.
    HalfOfBulk,
    /// It passes where its body has at most so many bytes, or else is answered with 413.
    Limit(usize),
}

/// A proxy in front of an HTTP server. Ends when dropped.
#[derive(Debug)]
pub struct HttpProxy {
    gate: Gate,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    /// What becomes of requests, and of how many.
    fault: Mutex<(Fault, usize)>,
    /// How many requests have arrived.
    arrived: watch::Sender<usize>,
}

impl HttpProxy {
    /// A proxy on a free port of this machine in front of `upstream` (`http://host:port`), which need not be there yet.
    pub fn start(upstream: &str) -> Self {
        let upstream = upstream.strip_prefix("http://").expect("the URL of a server without encryption");
        let shared = Arc::new(Shared {
            upstream: upstream.trim_end_matches('/').to_owned(),
            fault: Mutex::default(),
            arrived: watch::Sender::default(),
        });
        let serving = Arc::clone(&shared);
        let gate = Gate::open(move |client| serve(client, Arc::clone(&serving)));
        Self { gate, shared }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.gate.address())
    }

    /// Does this to every request from now on.
    pub fn set(&self, fault: Fault) {
        self.set_for(usize::MAX, fault);
    }

    /// Does this to the next `requests` requests, and lets those after them pass.
    pub fn set_for(&self, requests: usize, fault: Fault) {
        *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) = (fault, requests);
    }

    /// Refuses new connections, and cuts those there are.
    pub fn refuse(&self) {
        self.gate.close();
    }

    /// Takes connections again.
    pub fn accept(&self) {
        self.gate.reopen();
    }

    /// Cuts the connections that there are.
    pub fn cut(&self) {
        self.gate.cut();
    }

    /// How many requests have arrived.
    pub fn arrived(&self) -> usize {
        *self.shared.arrived.borrow()
    }

    /// Waits until `requests` more have arrived.
    pub async fn more(&self, requests: usize) {
        let mut arrived = self.shared.arrived.subscribe();
        let wanted = *arrived.borrow() + requests;
        arrived.wait_for(|arrived| *arrived >= wanted).await.expect("the proxy is there");
    }
}

impl Shared {
    /// Counts a request, and says what becomes of it.
    fn next(&self) -> Fault {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, left) = *fault;
        *fault = if left <= 1 { (Fault::None, usize::MAX) } else { (kind, left - 1) };
        drop(fault);
        self.arrived.send_modify(|arrived| *arrived += 1);
        kind
    }
}

type Upstream = AsyncMutex<Option<SendRequest<Body>>>;

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let upstream = Arc::new(Upstream::default());
    let service = service_fn(move |request| answer(request, Arc::clone(&shared), Arc::clone(&upstream)));
    // An error is what cuts the connection.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    upstream: Arc<Upstream>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    let forward = || forward(&shared.upstream, &upstream, &head, body.clone());
    match shared.next() {
        Fault::Answer(status) => Ok(error(status)),
        Fault::Limit(bytes) if body.len() > bytes => Ok(error(413)),
        Fault::Delay(time) => {
            tokio::time::sleep(time).await;
            forward().await
        }
        Fault::Hang => Ok(never().await),
        Fault::HangAfter => {
            forward().await?;
            Ok(never().await)
        }
        Fault::Cut => Err(cut()),
        Fault::CutAfter => {
            forward().await?;
            Err(cut())
        }
        Fault::HalfOfBulk if head.uri.path().ends_with("/_bulk") => {
            half(&shared.upstream, &upstream, head, &body).await
        }
        Fault::None | Fault::Limit(_) | Fault::HalfOfBulk => forward().await,
    }
}

async fn never() -> Response<Body> {
    match std::future::pending::<Infallible>().await {}
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the test")
}

/// An error as Elasticsearch says it.
fn error(status: u16) -> Response<Body> {
    let kind = bulk::kind_of(status);
    let body = serde_json::json!({"error": {"type": kind, "reason": "injected by a test"}, "status": status});
    json(status, body.to_string())
}

fn json(status: u16, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(body.into()).expect("a status and a header make a response")
}

/// Lets every other item through, and answers for all.
async fn half(
    upstream: &str,
    connection: &Upstream,
    mut head: Parts,
    body: &[u8],
) -> io::Result<Response<Body>> {
    // The answers are merged by place, which a filter would not keep.
    let query = head.uri.query().unwrap_or_default().to_owned();
    let kept: Vec<_> = query.split('&').filter(|part| !part.starts_with("filter_path=")).collect();
    let target = format!("{}?{}", head.uri.path(), kept.join("&"));
    head.uri = target.parse().map_err(io::Error::other)?;
    let passing = bulk::every_other(body);
    let answer = forward(upstream, connection, &head, passing.into()).await?;
    let status = answer.status().as_u16();
    let answer = to_bytes(answer.into_body(), usize::MAX).await.map_err(io::Error::other)?;
    if status != 200 {
        return Ok(json(status, answer));
    }
    Ok(json(200, bulk::merged(&answer, bulk::items(body))))
}

/// Sends a request on, over one connection for each of the client's; gives the whole answer.
async fn forward(
    upstream: &str,
    connection: &Upstream,
    head: &Parts,
    body: Bytes,
) -> io::Result<Response<Body>> {
    let mut connection = connection.lock().await;
    let mut sender = match connection.take() {
        Some(sender) if !sender.is_closed() => sender,
        _ => connect(upstream).await?,
    };
    let mut request = Request::builder().method(&head.method).uri(&head.uri);
    for (name, value) in &head.headers {
        if name != "content-length" && name != "transfer-encoding" {
            request = request.header(name, value);
        }
    }
    let request = request.body(Body::from(body)).map_err(io::Error::other)?;
    sender.ready().await.map_err(io::Error::other)?;
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = to_bytes(Body::new(body), usize::MAX).await.map_err(io::Error::other)?;
    *connection = Some(sender);
    Ok(Response::from_parts(head, body.into()))
}

async fn connect(upstream: &str) -> io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    Ok(sender)
}
