//! A server that answers as Kibana does to the calls that the product makes, and keeps what it is given. Strict: what Kibana refuses, or
//! takes and then does not show, it refuses.

mod answers;
mod multipart;
mod saved_objects;
mod state;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use answers::{Answered, answer, refuse};
pub use state::State;

/// The user whom it knows.
pub const USER: &str = "elastic";
/// The user's password.
pub const PASSWORD: &str = "a password for tests";
/// The API key that it knows, encoded.
pub const API_KEY: &str = "a-key-for-tests";

/// The longest body.
const MOST_BYTES: usize = 10 * 1024 * 1024;

/// A Kibana on a free port of this machine. Ends when dropped.
#[derive(Debug)]
pub struct FakeKibana {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _stop: oneshot::Sender<()>,
}

impl FakeKibana {
    /// One that is up, of an index with this mapping.
    pub fn start(mapping: Value) -> Self {
        let state = Arc::new(Mutex::new(State::new(mapping)));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&state);
        thread::spawn(move || serve(listener, serving, stopped));
        Self { address, state, _stop: stop }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it knows, to look at or to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In a runtime of its own, so that it answers while a test blocks.
fn serve(listener: TcpListener, state: Arc<Mutex<State>>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let handler = move |request: Request| handle(Arc::clone(&state), request);
        let server = axum::serve(listener, Router::new().fallback(handler));
        tokio::select! {
            ended = async { server.await } => ended.expect("it serves"),
            _ = stopped => {}
        }
    });
}

async fn handle(state: Arc<Mutex<State>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES).await.unwrap_or_default();
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = answered(&mut state, &parts.method, &target, &parts.headers, &body);
    answer(status, &body)
}

fn answered(state: &mut State, method: &Method, target: &str, headers: &HeaderMap, body: &[u8]) -> Answered {
    let user = user(headers);
    if target == "/api/status" {
        return status(state, user.is_some());
    }
    if state.is_starting {
        return refuse(503, "Kibana server is not ready yet");
    }
    let Some(user) = user else { return refuse(401, "Unauthorized") };
    if method != Method::GET && !headers.contains_key("kbn-xsrf") {
        return refuse(400, "Request must contain a kbn-xsrf header.");
    }
    if state.forbids {
        return refuse(403, "Forbidden");
    }
    let (space, path) = match target.strip_prefix("/s/").and_then(|rest| rest.split_once('/')) {
        Some((space, path)) => (space.to_owned(), format!("/{path}")),
        None => (String::new(), target.to_owned()),
    };
    if !state.spaces.contains(&space) {
        return refuse(404, "Not Found");
    }
    if method != Method::GET && !path.starts_with("/api/saved_objects/_bulk_get") {
        state.writes += 1;
    }
    route(state, method, &space, &path, headers, (user, body))
}

fn route(
    state: &mut State,
    method: &Method,
    space: &str,
    path: &str,
    headers: &HeaderMap,
    (user, body): (User, &[u8]),
) -> Answered {
    if path == "/api/saved_objects/_import?overwrite=true" {
        return match multipart::file(headers, body) {
            Ok(ndjson) => saved_objects::import(state, space, &ndjson),
            Err(why) => refuse(400, why),
        };
    }
    let json = if body.is_empty() { Value::Null } else { serde_json::from_slice(body).unwrap_or_default() };
    if !body.is_empty() && headers.get("content-type").is_none_or(|kind| kind != "application/json") {
        return refuse(415, "Unsupported Media Type");
    }
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["api", "saved_objects", "_bulk_get"]) => saved_objects::bulk_get(state, space, &json),
        ("DELETE", ["api", "saved_objects", kind, id]) => state.remove(space, kind, id),
        ("GET", ["api", "spaces", "space", id]) => {
            found(state.spaces.contains(*id).then(|| json!({"id": id})))
        }
        ("POST", ["api", "spaces", "space"]) => state.make_space(&json),
        ("POST", ["api", "actions", "connector", id]) => state.make_connector(space, id, &json),
        ("PUT", ["api", "actions", "connector", id]) => state.update_connector(space, id, &json),
        ("GET", ["api", "actions", "connector", id]) => found(state.get(space, "connector", id)),
        ("DELETE", ["api", "actions", "connector", id]) => state.remove(space, "connector", id),
        ("POST", ["api", "alerting", "rule", _]) if user == User::Key => {
            refuse(400, "Error creating rule: could not create API key")
        }
        ("POST", ["api", "alerting", "rule", id]) => state.make_rule(space, id, &json),
        ("PUT", ["api", "alerting", "rule", id]) => state.update_rule(space, id, &json),
        ("GET", ["api", "alerting", "rule", id]) => found(state.get(space, "alert-rule", id)),
        ("DELETE", ["api", "alerting", "rule", id]) => state.remove(space, "alert-rule", id),
        _ => refuse(404, "Not Found"),
    }
}

fn found(value: Option<Value>) -> Answered {
    value.map_or_else(|| refuse(404, "Not Found"), |value| (200, value))
}

/// Whoever is not known hears how it is and no more.
fn status(state: &State, is_known: bool) -> Answered {
    let (status, level) = if state.is_starting { (503, "unavailable") } else { (200, "available") };
    let mut body = json!({"status": {"overall": {"level": level}}});
    if is_known {
        body["name"] = json!("kibana");
        body["version"] = json!({"number": "9.1.0"});
    }
    (status, body)
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Person,
    Key,
}

fn user(headers: &HeaderMap) -> Option<User> {
    let given = headers.get("authorization")?.to_str().ok()?;
    if given == format!("ApiKey {API_KEY}") {
        return Some(User::Key);
    }
    (given == basic()).then_some(User::Person)
}

/// `Basic` with user and password in base64.
fn basic() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{USER}:{PASSWORD}").into_bytes();
    let mut encoded = String::from("Basic ");
    for chunk in text.chunks(3) {
        let bytes = [0, 1, 2].map(|place| chunk.get(place).copied().unwrap_or_default());
        let number = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            encoded.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_in_base64() {
        assert_eq!(basic(), "Basic ZWxhc3RpYzphIHBhc3N3b3JkIGZvciB0ZXN0cw==");
    }
}
