//! A running ward behind its page's address: files given to it over HTTP (docs/api.md).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bpmonitor_pipeline::Tally;
use indicatif::ProgressBar;
use serde_json::Value;
use sha2::{Digest, Sha256};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body, SendBody};

use crate::failure::bad_usage;
use crate::page::{Import, ImportState};

/// How long to wait for the ward to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for the beginning of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often to ask how far an import is.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// A running ward.
pub(crate) struct Remote {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Remote {
    /// The ward at this address; none where it is not one.
    pub(crate) fn at(address: &str, token: Option<&str>) -> Result<Option<Self>> {
        if address.starts_with("https://") {
            return Err(bad_usage(
                "https is not spoken here: name the ward's own address, http://HOST:PORT, from a machine that may see it",
            ));
        }
        if !address.starts_with("http://") {
            return Ok(None);
        }
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let in_query = query.split('&').find_map(|pair| pair.strip_prefix("token="));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .build();
        Ok(Some(Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
            token: token.or(in_query).map(str::to_owned),
        }))
    }

    /// Has the ward read a file; what became of its entries. The same content is read once, however often it is given.
    pub(crate) fn import(&self, path: &Path, bar: &ProgressBar) -> Result<Tally> {
        let digest = digest(path).with_context(|| format!("reading {}", path.display()))?;
        let url = self.url(&digest, path);
        loop {
            match self.ask(&url)? {
                Some(Import { state: ImportState::Done, tally }) => return Ok(tally),
                Some(Import { state: ImportState::Reading, .. }) => std::thread::park_timeout(ASK_EVERY),
                None => self.give(&url, path, bar)?,
            }
        }
    }

    fn url(&self, digest: &str, path: &Path) -> String {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        format!("{}/api/v1/imports/{digest}?name={}", self.base, encoded(&name))
    }

    fn ask(&self, url: &str) -> Result<Option<Import>> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.call().with_context(|| self.unreachable())?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.import_of(answer).map(Some)
    }

    fn give(&self, url: &str, path: &Path, bar: &ProgressBar) -> Result<()> {
        let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
        let mut reader = bar.wrap_read(file);
        let mut request = self.agent.put(url).header("content-type", "application/fhir+json");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send(SendBody::from_reader(&mut reader)).with_context(|| self.unreachable())?;
        self.import_of(answer).map(drop)
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
        assert!(Remote::at("https://ward.example", None).is_err());
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
