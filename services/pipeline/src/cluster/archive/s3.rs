//! How an S3-compatible object store is reached.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::{BackoffConfig, Certificate, ClientOptions, CredentialProvider, RetryConfig};

use crate::cluster::{SecretError, SecretSource};
use crate::segments::Compression;

/// How an S3-compatible object store is reached, and how segments are written to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket; it has to be there.
    pub bucket: String,
    /// What keys begin with, without a slash at either end; may be empty.
    pub prefix: String,
    /// The region; the environment's (`AWS_REGION`) where none is given, else us-east-1.
    pub region: Option<String>,
    /// The server's URL; Amazon's where none is given.
    pub endpoint: Option<String>,
    /// The key; where none is given, what Amazon's clients look for: the environment, a web identity, the machine's role.
    pub access_key: Option<AccessKey>,
    /// Certificate authorities to trust beside the system's, in PEM.
    pub ca: Option<PathBuf>,
    /// Whether plain HTTP is allowed: for a laboratory only.
    pub insecure: bool,
    /// How objects are written.
    pub compression: Compression,
    /// How long an object is kept; for ever where it is none.
    pub retention: Option<SignedDuration>,
    /// The longest that one append may take, repetitions included.
    pub limit: Duration,
}

/// A key of an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its identifier.
    pub id: SecretSource,
    /// Its secret part.
    pub secret: SecretSource,
    /// The session's token, for keys that are given for a session.
    pub token: Option<SecretSource>,
}

/// Why a client of an object store could not be made.
#[derive(Debug, thiserror::Error)]
pub enum S3SetupError {
    /// Plain HTTP is not allowed.
    #[error("the object store's endpoint is plain HTTP: use https, or say insecure: true in a laboratory")]
    Insecure,
    /// The certificate authorities' file cannot be read.
    #[error("reading {}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The settings do not fit together, or the certificate authorities are not in PEM.
    #[error("the settings for the object store cannot be used")]
    Settings(#[source] object_store::Error),
}

impl S3Settings {
    /// zstd, objects kept for ever, a minute at most for an append.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: String::new(),
            region: None,
            endpoint: None,
            access_key: None,
            ca: None,
            insecure: false,
            compression: Compression::Zstd,
            retention: None,
            limit: Duration::from_secs(60),
        }
    }

    pub(super) fn connect(&self) -> Result<AmazonS3, S3SetupError> {
        let is_plain =
            self.endpoint.as_ref().is_some_and(|url| url.to_ascii_lowercase().starts_with("http:"));
        if is_plain && !self.insecure {
            return Err(S3SetupError::Insecure);
        }
        let mut builder = match &self.access_key {
            Some(key) => AmazonS3Builder::new().with_credentials(Arc::new(Keys(key.clone()))),
            None => AmazonS3Builder::from_env(),
        };
        builder = builder.with_bucket_name(&self.bucket);
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        // The options replace those of the environment, which could allow plain HTTP.
        builder = builder.with_client_options(self.client_options()?).with_retry(self.retry());
        builder.build().map_err(S3SetupError::Settings)
    }

    fn client_options(&self) -> Result<ClientOptions, S3SetupError> {
        let mut options = ClientOptions::new()
            .with_allow_http(self.insecure)
            .with_connect_timeout(Duration::from_secs(5))
            .with_timeout(self.limit);
        if let Some(path) = &self.ca {
            let pem = fs::read(path).map_err(|source| S3SetupError::Ca { path: path.clone(), source })?;
            for certificate in Certificate::from_pem_bundle(&pem).map_err(S3SetupError::Settings)? {
                options = options.with_root_certificate(certificate);
            }
        }
        Ok(options)
    }

    /// A few repetitions bridge what is over in seconds; whoever appends repeats for as long as it takes.
    const fn retry(&self) -> RetryConfig {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        };
        RetryConfig { backoff, max_retries: 4, retry_timeout: self.limit }
    }
}

/// The key as its files say now: Kubernetes renews mounted Secrets in place.
#[derive(Debug)]
struct Keys(AccessKey);

impl Keys {
    fn read(&self) -> Result<AwsCredential, SecretError> {
        Ok(AwsCredential {
            key_id: self.0.id.read()?,
            secret_key: self.0.secret.read()?,
            token: self.0.token.as_ref().map(SecretSource::read).transpose()?,
        })
    }
}

type Given<'a> = Pin<Box<dyn Future<Output = object_store::Result<Arc<AwsCredential>>> + Send + 'a>>;

impl CredentialProvider for Keys {
    type Credential = AwsCredential;

    fn get_credential<'a, 'b>(&'a self) -> Given<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let failed = |error| object_store::Error::Generic { store: "S3", source: Box::new(error) };
        Box::pin(async move { self.read().map(Arc::new).map_err(failed) })
    }
}
