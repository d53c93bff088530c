//! How Elasticsearch is reached: URL, certificate authorities, authentication.

use crate::cluster::{Pem, SecretSource};

/// How Elasticsearch is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticsearchConnection {
    /// Its URL, `https://host:9200`; `http` for a laboratory only.
    pub url: String,
    /// The certificate authorities to trust, in PEM; the built-in ones where none is given.
    pub ca: Option<Pem>,
    /// As whom.
    pub authentication: Authentication,
}

/// As whom a client comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// As nobody: for a laboratory only.
    None,
    /// With an API key in its encoded form.
    ApiKey(SecretSource),
    /// With a user name and a password.
    Password {
        /// The user name.
        username: String,
        /// The password.
        password: SecretSource,
    },
}
