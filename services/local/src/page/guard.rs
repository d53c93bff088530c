//! Who may ask: on a loopback address whoever names it so, elsewhere whoever has the ward's token.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use bpmonitor_pipeline::embedded::WardDirectory;

use super::error::ApiError;
use super::token::Token;

/// The cookie that carries the token.
const COOKIE: &str = "bpmonitor_token";

/// What a request has to show.
pub(super) struct Guard {
    address: SocketAddr,
    /// None on a loopback address.
    token: Option<Token>,
}

impl Guard {
    pub(super) fn new(address: SocketAddr, directory: &WardDirectory) -> Result<Self> {
        if address.ip().is_loopback() {
            return Ok(Self { address, token: None });
        }
        tracing::warn!(
            "the page is open to the network under {address}, over plain HTTP: whoever has the token can read it; put a proxy with TLS before it"
        );
        let path = directory.path().join("page.token");
        let token = Token::in_file(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { address, token: Some(token) })
    }

    /// Where a person on this machine opens the page.
    pub(super) fn url(&self) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::from([127, 0, 0, 1]));
        }
        match &self.token {
            None => format!("http://{address}/"),
            Some(token) => format!(
                "http://{address}/?token={} (or this machine's name in place of the address)",
                token.as_str()
            ),
        }
    }
}

/// Lets a request through, or says what is missing.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match &guard.token {
        None if is_for_loopback(request.headers()) => next.run(request).await,
        None => ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_host",
            "this page is for this machine only: open it as http://127.0.0.1, or start it with another --listen",
        )
        .into_response(),
        Some(token) if shows(token, request.headers()) => next.run(request).await,
        Some(token) => match token_in_query(request.uri()) {
            Some(given) if request.uri().path() == "/" && token.is(given) => with_cookie(token),
            _ => ApiError::new(
                StatusCode::UNAUTHORIZED,
                "token_needed",
                "open the address that bpmonitor printed when it started, with its ?token=, or send it as Authorization: Bearer",
            )
            .into_response(),
        },
    }
}

/// Whether the host that a request names is this machine: another site's page would name its own.
fn is_for_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn shows(token: &Token, headers: &HeaderMap) -> bool {
    let texts = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let bearer = texts(header::AUTHORIZATION).filter_map(|value| value.strip_prefix("Bearer "));
    let cookies = texts(header::COOKIE)
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    bearer.chain(cookies).any(|given| token.is(given))
}

fn token_in_query(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Takes the token out of the address, where it would stay in histories.
fn with_cookie(token: &Token) -> Response {
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000", token.as_str());
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_loopback_page_is_only_this_machines() {
        for (host, is_for_us) in [
            ("127.0.0.1:8080", true),
            ("127.0.0.1", true),
            ("localhost:8080", true),
            ("LocalHost", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("ward.example:8080", false),
            ("localhost.example", false),
            ("127.0.0.1.example:80", false),
            ("192.168.0.7:8080", false),
            ("", false),
        ] {
            assert_eq!(is_for_loopback(&with(header::HOST, host)), is_for_us, "{host}");
        }
        assert!(!is_for_loopback(&HeaderMap::new()));
    }

    #[test]
    fn a_token_is_shown_as_bearer_or_as_cookie() {
        let directory = tempfile::tempdir().unwrap();
        let token = Token::in_file(&directory.path().join("token")).unwrap();
        let secret = token.as_str();
        assert!(shows(&token, &with(header::AUTHORIZATION, &format!("Bearer {secret}"))));
        assert!(shows(&token, &with(header::COOKIE, &format!("a=b; {COOKIE}={secret}"))));
        assert!(!shows(&token, &with(header::AUTHORIZATION, &format!("Basic {secret}"))));
        assert!(!shows(&token, &with(header::COOKIE, &format!("{COOKIE}=0"))));
        assert!(!shows(&token, &HeaderMap::new()));
    }
}
