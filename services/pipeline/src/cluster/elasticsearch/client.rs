//! A client that goes on with renewed secrets and certificate authorities.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::headers::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::{BuildError, SingleNodeConnectionPool, Transport, TransportBuilder};
use elasticsearch::http::{Method, Url};

use super::trouble::Trouble;
use super::{Authentication, ElasticsearchConnection};
use crate::cluster::SecretError;

/// What makes a connection to Elasticsearch impossible from the start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Its URL is none.
    #[error("Elasticsearch's URL is not one: it looks like https://host:9200")]
    Url,
    /// The certificate authorities cannot be read.
    #[error("reading the certificate authorities for Elasticsearch, {path}: give a file in PEM")]
    Ca {
        /// The file.
        path: String,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The API key or password cannot be read.
    #[error("the API key or password for Elasticsearch")]
    Secret(#[from] SecretError),
    /// The API key is none.
    #[error(
        "the API key for Elasticsearch is not one: give it in its encoded form, as Elasticsearch gives it"
    )]
    ApiKey,
    /// The client cannot be set up.
    #[error("setting up the client for Elasticsearch")]
    Client(#[source] elasticsearch::Error),
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// A client that goes on with renewed secrets and certificate authorities.
#[derive(Debug)]
pub(super) struct Client {
    connection: ElasticsearchConnection,
    current: Mutex<(Keys, Transport)>,
}

/// What may be renewed while it runs.
#[derive(PartialEq, Eq)]
struct Keys {
    secret: Option<String>,
    ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Keys(..)")
    }
}

impl Client {
    pub(super) fn new(connection: ElasticsearchConnection) -> Result<Self, ConnectError> {
        let keys = Keys::read(&connection)?;
        let transport = transport(&connection, &keys)?;
        Ok(Self { connection, current: Mutex::new((keys, transport)) })
    }

    /// Sends a request, `body` of type `content`.
    pub(super) async fn send(
        &self,
        method: Method,
        target: &str,
        content: &'static str,
        body: Option<Bytes>,
        timeout: Duration,
    ) -> Result<Answer, Trouble> {
        let transport = self.current().1.clone();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
        let sent = transport.send(method, target, headers, None::<&()>, body, Some(timeout)).await;
        let response = sent.map_err(|error| Trouble::of_error(&error))?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(|error| Trouble::of_error(&error))?;
        Ok(Answer { status, body })
    }

    /// Reads secrets and certificate authorities again; says whether there are new ones, which hold from now on.
    pub(super) fn renew(&self) -> Result<bool, ConnectError> {
        let keys = Keys::read(&self.connection)?;
        if keys == self.current().0 {
            return Ok(false);
        }
        let transport = transport(&self.connection, &keys)?;
        *self.current() = (keys, transport);
        Ok(true)
    }

    fn current(&self) -> MutexGuard<'_, (Keys, Transport)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn read(connection: &ElasticsearchConnection) -> Result<Self, ConnectError> {
        let secret = match &connection.authentication {
            Authentication::None => None,
            Authentication::ApiKey(secret) | Authentication::Password { password: secret, .. } => {
                Some(secret.read()?)
            }
        };
        let ca = match &connection.ca {
            None => None,
            Some(ca) => Some(ca.read().map_err(|error| ca_error(connection, error))?.into_owned()),
        };
        Ok(Self { secret, ca })
    }

    fn credentials(&self, connection: &ElasticsearchConnection) -> Result<Option<Credentials>, ConnectError> {
        let secret = self.secret.clone().unwrap_or_default();
        Ok(match &connection.authentication {
            Authentication::None => None,
            Authentication::Password { username, .. } => Some(Credentials::Basic(username.clone(), secret)),
            // Anything else would not fit into a header.
            Authentication::ApiKey(_) if !secret.bytes().all(|byte| byte.is_ascii_graphic()) => {
                return Err(ConnectError::ApiKey);
            }
            Authentication::ApiKey(_) => Some(Credentials::EncodedApiKey(secret)),
        })
    }
}

fn transport(connection: &ElasticsearchConnection, keys: &Keys) -> Result<Transport, ConnectError> {
    let url = Url::parse(&connection.url).map_err(|_| ConnectError::Url)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(ConnectError::Url);
    }
    // Answers are small: packing them costs more than it saves.
    let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url))
        .disable_proxy()
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(credentials) = keys.credentials(connection)? {
        builder = builder.auth(credentials);
    }
    if let Some(ca) = &keys.ca {
        let certificate = Certificate::from_pem(ca).map_err(|error| ca_error(connection, error))?;
        builder = builder.cert_validation(CertificateValidation::Full(certificate));
    }
    builder.build().map_err(|error: BuildError| ConnectError::Client(error.into()))
}

fn ca_error(
    connection: &ElasticsearchConnection,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ConnectError {
    let path = connection.ca.as_ref().map(ToString::to_string).unwrap_or_default();
    ConnectError::Ca { path, source: source.into() }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::other(error)
    }
}
