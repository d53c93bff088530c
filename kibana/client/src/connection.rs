//! How Kibana is reached: URL, certificate authorities, authentication, space.

use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};
use url::Url;

use crate::KibanaError;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Without this header Kibana refuses whatever changes something.
const XSRF: HeaderName = HeaderName::from_static("kbn-xsrf");

/// How Kibana is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its URL, with the base path where it has one; `http` for a laboratory only.
    pub url: String,
    /// The certificate authorities to trust, in PEM; the built-in ones where none is given.
    pub ca: Option<Vec<u8>>,
    /// As whom.
    pub authentication: Authentication,
}

/// As whom a client comes. Its debug form shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// As nobody: for a laboratory only.
    None,
    /// With an API key in its encoded form.
    ApiKey(String),
    /// With a user name and a password.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Authentication {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "None",
            Self::ApiKey(_) => "ApiKey(..)",
            Self::Password { .. } => "Password(..)",
        })
    }
}

/// A client of one Kibana.
#[derive(Clone, Debug)]
pub struct Kibana {
    pub(crate) client: Client,
    pub(crate) base: String,
    authentication: Authentication,
}

impl Kibana {
    /// A client. Whether Kibana is there is not looked at.
    ///
    /// # Errors
    ///
    /// A URL that is none, certificates that are none, a key or password that fits into no header.
    pub fn new(connection: &Connection) -> Result<Self, KibanaError> {
        let url = Url::parse(&connection.url).ok().filter(Url::has_host);
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        let url =
            url.ok_or_else(|| KibanaError::unusable("its URL is not one: it looks like https://host:5601"))?;
        let mut headers = HeaderMap::from_iter([(XSRF, HeaderValue::from_static("bpmonitor"))]);
        if let Authentication::ApiKey(key) = &connection.authentication {
            let value = HeaderValue::from_str(&format!("ApiKey {key}"));
            let mut value = value
                .map_err(|_| KibanaError::unusable("the API key is not one: give it in its encoded form"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // Whoever redirects elsewhere gets no password.
        let mut builder =
            Client::builder().default_headers(headers).redirect(Policy::none()).no_proxy().timeout(TIMEOUT);
        if let Some(pem) = &connection.ca {
            let certificates = Certificate::from_pem_bundle(pem).ok().filter(|found| !found.is_empty());
            let certificates = certificates
                .ok_or_else(|| KibanaError::unusable("its certificate authorities are not in PEM"))?;
            builder = builder.tls_built_in_root_certs(false);
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let client = builder
            .build()
            .map_err(|_| KibanaError::unusable("its certificate authorities cannot be used"))?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, base, authentication: connection.authentication.clone() })
    }

    /// Whether rules may be made: Kibana makes each rule an API key of the user's, and a key cannot make one.
    pub const fn may_make_rules(&self) -> bool {
        !matches!(self.authentication, Authentication::ApiKey(_))
    }

    pub(crate) fn authenticated(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.authentication {
            Authentication::Password { username, password } => request.basic_auth(username, Some(password)),
            Authentication::None | Authentication::ApiKey(_) => request,
        }
    }
}
