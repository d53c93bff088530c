//! Who may ask: on a loopback address whoever names it so, elsewhere whoever has the ward's token.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use bpmonitor_pipeline::embedded::WardDirectory;

use super::error::ApiError;
use super::token::Token;

/// What a browser sends about where a request comes from. <https://www.w3.org/TR/fetch-metadata/>
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// How long a browser keeps the token: 30 days.
const COOKIE_SECONDS: u32 = 30 * 24 * 60 * 60;
/// What whoever shows no token is told.
const TOKEN_NEEDED: &str = "open the address that bpmonitor printed when it started, with ?token= and the token behind it \
     (page.token in the ward's data directory holds it), or send it as Authorization: Bearer";
/// The same for a person: one page in both languages, with nothing to be loaded.
const TOKEN_PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>bp-monitor</title>
<style>
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
body { max-width: 36rem; margin: 10vh auto; padding: 0 1rem }
input, button { font: inherit; padding: .3rem .6rem }
</style>
<h1>bp-monitor</h1>
<form action="/" method="get">
<p>This page asks for the ward’s token. Please open the address that bpmonitor printed when it started, or give the token here; it is in
<code>page.token</code> in the ward’s data directory.</p>
<p lang="fr">Cette page demande le jeton du service. Ouvrez l’adresse que bpmonitor a affichée au démarrage, ou saisissez le jeton ici ; il se
trouve dans <code>page.token</code>, dans le répertoire des données du service.</p>
<p><label>Token · <span lang="fr">Jeton</span> <input name="token" type="password" autocomplete="off" required></label>
<button>OK</button></p>
</form>
</html>
"#;

/// What a request has to show.
pub(super) struct Guard {
    address: SocketAddr,
    /// None on a loopback address.
    secret: Option<Secret>,
}

/// The token, and where it is.
struct Secret {
    token: Token,
    path: PathBuf,
    /// The cookie that carries it. Cookies know no ports, and so the name says whose it is.
    cookie: String,
}

impl Guard {
    pub(super) fn new(address: SocketAddr, directory: &WardDirectory) -> Result<Self> {
        if address.ip().is_loopback() {
            return Ok(Self { address, secret: None });
        }
        tracing::warn!(
            "the page is open to the network under {address}, over plain HTTP: whoever has the token can read it and give it files; put a proxy with TLS before it"
        );
        let secret = Secret::of(address, directory.path().join("page.token"))?;
        Ok(Self { address, secret: Some(secret) })
    }

    /// Where a person on this machine opens the page; the token itself is only for their eyes, not for a log.
    pub(super) fn place(&self, is_for_eyes: bool) -> String {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::from([127, 0, 0, 1]));
        }
        match &self.secret {
            None => format!("http://{address}/"),
            Some(secret) if is_for_eyes => format!(
                "http://{address}/?token={} (or this machine's name in place of the address)",
                secret.token.as_str()
            ),
            Some(secret) => format!(
                "http://{address}/ (or this machine's name in place of the address), with ?token= and what is in {}",
                secret.path.display()
            ),
        }
    }
}

impl Secret {
    fn of(address: SocketAddr, path: PathBuf) -> Result<Self> {
        let token = Token::in_file(&path).with_context(|| format!("the page's token, {}", path.display()))?;
        Ok(Self { token, path, cookie: format!("bpmonitor_token_{}", address.port()) })
    }

    /// Whether a request carries the token.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let bearer = texts(headers, header::AUTHORIZATION).filter_map(bearer);
        let cookies = texts(headers, header::COOKIE)
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().strip_prefix(&self.cookie)?.strip_prefix('='));
        bearer.chain(cookies).any(|given| self.token.is(given))
    }

    /// Whether the page is opened with the token in its address.
    fn is_in(&self, uri: &Uri) -> bool {
        uri.path() == "/" && token_in_query(uri).is_some_and(|given| self.token.is(given))
    }

    /// Takes the token out of the address, where it would stay in histories.
    fn to_cookie(&self) -> Response {
        let (name, token) = (&self.cookie, self.token.as_str());
        let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={COOKIE_SECONDS}");
        let fields = [(header::SET_COOKIE, cookie.as_str()), (header::CACHE_CONTROL, "no-store")];
        (fields, Redirect::to("/")).into_response()
    }
}

/// Lets a request through, or says what is missing.
pub(super) async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if is_foreign(request.method(), headers) {
        return foreign_site().into_response();
    }
    match &guard.secret {
        None if is_for_loopback(headers) => next.run(request).await,
        None => foreign_host().into_response(),
        Some(secret) if secret.is_in(request.uri()) => secret.to_cookie(),
        Some(secret) if secret.is_shown(headers) => next.run(request).await,
        Some(_) => token_needed(headers),
    }
}

fn foreign_site() -> ApiError {
    let message = "another site asked for this: open the page by its own address";
    ApiError::new(StatusCode::FORBIDDEN, "foreign_site", message)
}

fn foreign_host() -> ApiError {
    let message =
        "this page is for this machine only: open it as http://127.0.0.1, or start it with another --listen";
    ApiError::new(StatusCode::FORBIDDEN, "foreign_host", message)
}

fn token_needed(headers: &HeaderMap) -> Response {
    let fields = [(header::WWW_AUTHENTICATE, "Bearer"), (header::CACHE_CONTROL, "no-store")];
    if texts(headers, header::ACCEPT).any(|kinds| kinds.contains("text/html")) {
        return (StatusCode::UNAUTHORIZED, fields, Html(TOKEN_PAGE)).into_response();
    }
    (fields, ApiError::new(StatusCode::UNAUTHORIZED, "token_needed", TOKEN_NEEDED)).into_response()
}

fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
}

/// Whether a browser asks on behalf of another site's page; a person who follows a link from there is no foreigner.
fn is_foreign(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name, text: &str| texts(headers, name).any(|given| given.eq_ignore_ascii_case(text));
    let only_looks = matches!(*method, Method::GET | Method::HEAD);
    let follows_a_link = only_looks && says(SEC_FETCH_MODE, "navigate") && says(SEC_FETCH_DEST, "document");
    let is_cross_site = says(SEC_FETCH_SITE, "cross-site") && !follows_a_link;
    is_cross_site || (!only_looks && !is_from_itself(headers))
}

/// Whether the origin that a request names, if any, is the host that it asks.
fn is_from_itself(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    headers.get_all(header::ORIGIN).into_iter().all(|origin| {
        let Some((scheme, name)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let default_port = if scheme == "https" { ":443" } else { ":80" };
        name.eq_ignore_ascii_case(host.strip_suffix(default_port).unwrap_or(host))
    })
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

/// The token of `Bearer TOKEN`, however the scheme is spelt. <https://www.rfc-editor.org/rfc/rfc9110#section-11.1>
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn token_in_query(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
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
    fn a_token_is_shown_as_bearer_or_as_cookie_of_this_port() {
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([192, 0, 2, 1], 8080));
        let secret = Secret::of(address, directory.path().join("page.token")).unwrap();
        let token = secret.token.as_str();
        for (name, value, is_shown) in [
            (header::AUTHORIZATION, format!("Bearer {token}"), true),
            (header::AUTHORIZATION, format!("bEARER  {token}"), true),
            (header::AUTHORIZATION, format!("Basic {token}"), false),
            (header::AUTHORIZATION, format!("Bearer{token}"), false),
            (header::COOKIE, format!("a=b; bpmonitor_token_8080={token}"), true),
            (header::COOKIE, format!("bpmonitor_token_80={token}"), false),
            (header::COOKIE, "bpmonitor_token_8080=0".to_owned(), false),
        ] {
            assert_eq!(secret.is_shown(&with(name, &value)), is_shown, "{value}");
        }
        assert!(!secret.is_shown(&HeaderMap::new()));
    }

    #[test]
    fn the_token_is_printed_for_eyes_only() {
        let directory = tempfile::tempdir().unwrap();
        let ward = WardDirectory::new(directory.path());
        let guard = Guard::new(SocketAddr::from(([0, 0, 0, 0], 8080)), &ward).unwrap();
        let token = std::fs::read_to_string(directory.path().join("page.token")).unwrap();
        let (shown, logged) = (guard.place(true), guard.place(false));
        assert!(shown.starts_with(&format!("http://127.0.0.1:8080/?token={} ", token.trim())), "{shown}");
        assert!(logged.starts_with("http://127.0.0.1:8080/ ") && logged.ends_with("page.token"), "{logged}");
        assert!(!logged.contains(token.trim()));
    }

    #[test]
    fn another_sites_page_may_not_ask() {
        for (method, site, origin, is_foreign_to_us) in [
            (Method::GET, "", "", false),
            (Method::GET, "none", "", false),
            (Method::GET, "same-origin", "http://ward.example:8080", false),
            (Method::GET, "cross-site", "", true),
            (Method::PUT, "", "", false),
            (Method::PUT, "", "http://Ward.example:8080", false),
            (Method::PUT, "", "http://ward.example", true),
            (Method::PUT, "", "http://evil.example:8080", true),
            (Method::PUT, "same-site", "http://ward.example:8081", true),
            (Method::PUT, "", "null", true),
            (Method::OPTIONS, "", "http://evil.example", true),
        ] {
            let mut headers = with(header::HOST, "ward.example:8080");
            for (name, value) in [(SEC_FETCH_SITE, site), (header::ORIGIN, origin)] {
                if !value.is_empty() {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            assert_eq!(is_foreign(&method, &headers), is_foreign_to_us, "{method} {site} {origin}");
        }
        let mut followed = with(SEC_FETCH_SITE, "cross-site");
        followed.insert(SEC_FETCH_MODE, "navigate".parse().unwrap());
        assert!(is_foreign(&Method::GET, &followed), "into a frame");
        followed.insert(SEC_FETCH_DEST, "document".parse().unwrap());
        assert!(!is_foreign(&Method::GET, &followed) && is_foreign(&Method::PUT, &followed));
        let mut headers = with(header::HOST, "ward.example:443");
        headers.insert(header::ORIGIN, "https://ward.example".parse().unwrap());
        assert!(!is_foreign(&Method::PUT, &headers));
    }
}
