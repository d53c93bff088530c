//! A running ward behind its page's address: files given to it over HTTP (docs/api.md).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bpmonitor_pipeline::Tally;
use indicatif::ProgressBar;
use serde_json::Value;
use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, RequestBuilder, SendBody};

use crate::failure::bad_usage;
use crate::page::{Import, ImportState};

/// How long to wait for the ward to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for the beginning of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often to ask how far an import is.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How often to say that the ward is still reading.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// How often a file is given to a ward that does not know it any more, as after a kill.
const TIMES_GIVEN: usize = 3;

/// A running ward.
pub(crate) struct Remote {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Remote {
    /// The ward at this address; none where it is the name of a directory.
    pub(crate) fn at(address: &str, token: Option<&str>) -> Result<Option<Self>> {
        let Some((base, query)) = split(address)? else { return Ok(None) };
        let in_query = query.split('&').find_map(|pair| pair.strip_prefix("token="));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Patients' data go to the ward and nowhere else, whatever the environment says.
            .proxy(None)
            .timeout_recv_body(Some(ANSWER_TIMEOUT))
            // The ward closes idle connections: one that is kept may be gone by the next request.
            .max_idle_connections(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .build();
        Ok(Some(Self { agent: config.into(), base, token: token.or(in_query).map(str::to_owned) }))
    }

    /// Has the ward read a file; what became of its entries. The same content is read once, however often it is given.
    pub(crate) fn import(&self, path: &Path, bar: &ProgressBar) -> Result<Tally> {
        let digest = digest(path).with_context(|| format!("reading {}", path.display()))?;
        let url = self.url(&digest, path);
        for _ in 0..TIMES_GIVEN {
            if let Some(tally) = self.until_read(&url, path, bar)? {
                return Ok(tally);
            }
            self.give(&url, path, bar)?;
        }
        if let Some(tally) = self.until_read(&url, path, bar)? {
            return Ok(tally);
        }
        Err(anyhow::anyhow!(
            "{} took {} and does not know it any more: its log says why",
            self.base,
            path.display()
        ))
    }

    /// Waits until the ward has read a file; none where it has lost it.
    fn until_read(&self, url: &str, path: &Path, bar: &ProgressBar) -> Result<Option<Tally>> {
        let mut said = Instant::now();
        loop {
            let Some(Import { state, tally }) = self.ask(url)? else { return Ok(None) };
            if state == ImportState::Done {
                return Ok(Some(tally));
            }
            let entries = tally.entries();
            bar.set_message(format!("the ward is reading it, {entries} entries so far"));
            if said.elapsed() > SAY_EVERY {
                tracing::info!(entries, "the ward is reading {}", path.display());
                said = Instant::now();
            }
            std::thread::park_timeout(ASK_EVERY);
        }
    }

    fn url(&self, digest: &str, path: &Path) -> String {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        format!("{}/api/v1/imports/{digest}?name={}", self.base, encoded(&name))
    }

    fn ask(&self, url: &str) -> Result<Option<Import>> {
        let answer = self.with_token(self.agent.get(url)).call().with_context(|| self.unreachable())?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.import_of(answer).map(Some)
    }

    fn give(&self, url: &str, path: &Path, bar: &ProgressBar) -> Result<()> {
        let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
        let mut reader = bar.wrap_read(file);
        let request = self.agent.put(url).header("content-type", "application/fhir+json");
        let answer = self
            .with_token(request)
            .send(SendBody::from_reader(&mut reader))
            .with_context(|| self.unreachable())?;
        self.import_of(answer).map(drop)
    }

    fn with_token<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn import_of(&self, mut answer: Response<Body>) -> Result<Import> {
        let status = answer.status();
        let body = answer.body_mut().read_to_string().with_context(|| self.unreachable())?;
        if status.is_success() {
            return serde_json::from_str(&body)
                .with_context(|| format!("{} answers, but is no ward's page", self.base));
        }
        let error: Value = serde_json::from_str(&body).unwrap_or_default();
        let message = error["error"]["message"].as_str().unwrap_or("this is no ward's page");
        let text = format!("{}: {message}", self.base);
        Err(if status.is_client_error() { bad_usage(text) } else { anyhow::anyhow!(text) })
    }

    fn unreachable(&self) -> String {
        format!("asking the ward at {} (does `bpmonitor run` serve its page there?)", self.base)
    }
}

/// Origin and query of a ward's address; none where it is the name of a directory.
fn split(address: &str) -> Result<Option<(String, &str)>> {
    let wrong = |what: &str| Err(bad_usage(format!("{address}: {what}")));
    let Some((scheme, rest)) = address.split_once("://") else {
        let is_host_and_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if is_host_and_port && !Path::new(address).exists() {
            return wrong("write a running ward's address as http://HOST:PORT");
        }
        return Ok(None);
    };
    if scheme.eq_ignore_ascii_case("https") {
        return wrong(
            "https is not spoken here: name the ward's own address, http://HOST:PORT, from a machine that may see it",
        );
    }
    if cfg!(not(feature = "cluster")) && scheme.eq_ignore_ascii_case("kafka") {
        return wrong("this bpmonitor was built without Kafka: build it with `--features cluster`");
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return wrong("files go into a directory, or to a running ward's address, http://HOST:PORT");
    }
    let (origin, query) = rest.split_once('?').unwrap_or((rest, ""));
    let origin = origin.trim_end_matches('/');
    if origin.is_empty() || origin.contains(['/', '#']) || query.contains('#') {
        return wrong("write no more than the ward's address, http://HOST:PORT");
    }
    Ok(Some((format!("http://{origin}"), query)))
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut part = vec![0; 256 * 1024];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&part[..read]),
        }
    }
}

/// Percent-encodes what a query cannot carry as it is. RFC 3986
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_carry_the_token() {
        let remote = |address| Remote::at(address, None).unwrap();
        assert!(remote("target/ward").is_none());
        for wrong in [
            "https://ward.example",
            "kafka://b:9092",
            "http://",
            "http://a/b",
            "http://a/#x",
            "127.0.0.1:8080",
        ] {
            assert!(Remote::at(wrong, None).is_err(), "{wrong}");
        }
        assert_eq!(remote("HTTP://ward.example/").unwrap().base, "http://ward.example");
        let with_token = remote("http://ward.example:8080/?token=abc").unwrap();
        assert_eq!(
            (with_token.base.as_str(), with_token.token.as_deref()),
            ("http://ward.example:8080", Some("abc"))
        );
        assert_eq!(remote("http://ward.example/").unwrap().base, "http://ward.example");
    }

    #[test]
    fn a_name_goes_through_a_query() {
        assert_eq!(encoded("a b&c.é"), "a%20b%26c.%C3%A9");
    }
}
