//! Where normal readings are archived, how and for how long: flags, environment, manifest.

use std::env;
use std::path::PathBuf;

use bpmonitor_crds::{ArchiveCompression, ArchiveStore, HumanDuration, S3Archive};
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::archive::{AccessKey, Compression, S3Settings};
use clap::{Args, ValueEnum};
use jiff::SignedDuration;

use crate::SettingsError;
use crate::given::{exclude, http_url, missing, readable, secret, secret_in, unresolved};
use crate::manifest::Settings;

/// Where normal readings are archived, how and for how long.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Archive")]
pub struct ArchiveArgs {
    /// A directory, or a bucket of an S3 object store with what its objects' keys begin with; the manifest's spec.archive.s3 unless
    /// given
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", env = "BPMONITOR_ARCHIVE", value_parser = place)]
    pub archive: Option<ArchivePlace>,
    /// How it is written; as the manifest says unless given, else zstd
    #[arg(long, value_name = "COMPRESSION", env = "BPMONITOR_ARCHIVE_COMPRESSION")]
    pub archive_compression: Option<CompressionArg>,
    /// How long it is kept, as in 365d; as the manifest says unless given, else 365d
    #[arg(long, value_name = "DURATION", env = "BPMONITOR_ARCHIVE_RETENTION", value_parser = duration)]
    pub archive_retention: Option<SignedDuration>,
    /// URL of the object store, where it is not Amazon's
    #[arg(long, value_name = "URL", env = "BPMONITOR_S3_ENDPOINT", hide_env_values = true)]
    pub s3_endpoint: Option<String>,
    /// Region of the bucket; `AWS_REGION` of the environment unless given here or in the manifest
    #[arg(long, value_name = "REGION", env = "BPMONITOR_S3_REGION")]
    pub s3_region: Option<String>,
    /// The certificate authorities to trust at the endpoint, in PEM; the built-in ones unless given
    #[arg(long, value_name = "FILE", env = "BPMONITOR_S3_CA")]
    pub s3_ca: Option<PathBuf>,
    /// Let the endpoint be without encryption (http), for a laboratory only
    #[arg(long, env = "BPMONITOR_S3_INSECURE", value_parser = clap::builder::BoolishValueParser::new())]
    pub s3_insecure: bool,
    /// The access key's id, in a file; `AWS_ACCESS_KEY_ID` of the environment unless given, else the pod's identity
    #[arg(long, value_name = "FILE", env = "BPMONITOR_S3_ACCESS_KEY_ID_FILE")]
    pub s3_access_key_id_file: Option<PathBuf>,
    /// The access key's secret, in a file; `AWS_SECRET_ACCESS_KEY` of the environment unless given
    #[arg(long, value_name = "FILE", env = "BPMONITOR_S3_SECRET_ACCESS_KEY_FILE")]
    pub s3_secret_access_key_file: Option<PathBuf>,
    /// What AWS' own variables say.
    #[arg(skip = AwsEnvironment::read())]
    pub aws: AwsEnvironment,
}

/// What the environment says in the variables that AWS' own tools take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsEnvironment {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: Option<SecretSource>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<SecretSource>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<SecretSource>,
}

impl AwsEnvironment {
    fn read() -> Self {
        let text = |variable| env::var(variable).ok().filter(|text| !text.is_empty());
        Self {
            region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
            access_key_id: secret_in("AWS_ACCESS_KEY_ID"),
            secret_access_key: secret_in("AWS_SECRET_ACCESS_KEY"),
            session_token: secret_in("AWS_SESSION_TOKEN"),
        }
    }
}

/// Where an archive is to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchivePlace {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket, with what its objects' keys begin with.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What keys begin with, without a slash at its ends; may be empty.
        prefix: String,
    },
}

/// How archive segments are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompressionArg {
    /// In zstd frames
    Zstd,
    /// As they are
    None,
}

/// Where normal readings are archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveTarget {
    /// In a directory, which need not be there yet.
    Directory(PathBuf),
    /// In a bucket of an S3 object store.
    S3(Box<S3Settings>),
}

impl From<S3Settings> for ArchiveTarget {
    fn from(settings: S3Settings) -> Self {
        Self::S3(Box::new(settings))
    }
}

impl ArchiveArgs {
    /// Where normal readings are archived. What the manifest says of how its bucket is reached counts only for its own bucket.
    ///
    /// # Errors
    ///
    /// It is given nowhere, a file cannot be read, two settings exclude each other, an endpoint is not encrypted, or the manifest
    /// leaves to the operator what no flag gives.
    pub fn target(&self, manifest: Option<&Settings>) -> Result<ArchiveTarget, SettingsError> {
        self.check()?;
        match &self.archive {
            Some(ArchivePlace::Directory(directory)) => {
                self.refuse_s3_flags()?;
                Ok(ArchiveTarget::Directory(directory.clone()))
            }
            Some(ArchivePlace::Bucket { bucket, prefix }) => {
                self.s3(bucket.clone(), prefix.clone(), manifest, None).map(ArchiveTarget::from)
            }
            None => {
                let (bucket, prefix, s3) = manifests_bucket(manifest)?;
                self.s3(bucket, prefix, manifest, Some(s3)).map(ArchiveTarget::from)
            }
        }
    }

    /// How archive segments are written.
    pub fn compression(&self, manifest: Option<&Settings>) -> ArchiveCompression {
        match self.archive_compression {
            Some(CompressionArg::Zstd) => ArchiveCompression::Zstd,
            Some(CompressionArg::None) => ArchiveCompression::None,
            None => manifest.map(|settings| settings.compression).unwrap_or_default(),
        }
    }

    /// How long the archive is kept.
    pub fn retention(&self, manifest: Option<&Settings>) -> SignedDuration {
        let otherwise =
            || manifest.map_or_else(|| Settings::default().archive_retention, |its| its.archive_retention);
        self.archive_retention.unwrap_or_else(otherwise)
    }

    /// Refuses flags that exclude each other.
    fn check(&self) -> Result<(), SettingsError> {
        let (id, secret) = (self.s3_access_key_id_file.is_some(), self.s3_secret_access_key_file.is_some());
        exclude(&[
            (
                self.s3_insecure,
                self.s3_ca.is_some(),
                "--s3-insecure is for an endpoint without encryption, so --s3-ca has nothing to check: remove one of them",
            ),
            (id, !secret, "--s3-access-key-id-file needs its secret: give --s3-secret-access-key-file"),
            (secret, !id, "--s3-secret-access-key-file needs its id: give --s3-access-key-id-file"),
        ])
    }

    /// Flags for a bucket beside a directory say that one of the two is not meant.
    fn refuse_s3_flags(&self) -> Result<(), SettingsError> {
        let given = [
            ("--s3-endpoint", self.s3_endpoint.is_some()),
            ("--s3-region", self.s3_region.is_some()),
            ("--s3-ca", self.s3_ca.is_some()),
            ("--s3-insecure", self.s3_insecure),
            ("--s3-access-key-id-file", self.s3_access_key_id_file.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(SettingsError::Contradiction(format!(
                "{flag} is for an archive in a bucket, and --archive names a directory: remove {flag}, or give --archive s3://BUCKET/PREFIX"
            ))),
            None => Ok(()),
        }
    }

    /// A bucket; `theirs` is how the manifest reaches it, where it is the manifest's.
    fn s3(
        &self,
        bucket: String,
        prefix: String,
        manifest: Option<&Settings>,
        theirs: Option<&S3Archive>,
    ) -> Result<S3Settings, SettingsError> {
        let (endpoint, insecure) = self.endpoint(theirs)?;
        let ca = readable("--s3-ca", self.s3_ca.as_ref())?;
        if ca.is_none() && !insecure && theirs.is_some_and(|s3| s3.ca_secret_ref.is_some()) {
            return Err(unresolved(
                "the manifest's spec.archive.s3.caSecretRef names a Secret, which the operator reads: outside of a cluster give --s3-ca",
            ));
        }
        let access_key = self.access_key()?;
        if access_key.is_none() && theirs.is_some_and(|s3| s3.credentials_secret_ref.is_some()) {
            return Err(unresolved(
                "the manifest's spec.archive.s3.credentialsSecretRef names a Secret, which the operator reads: outside of a cluster give --s3-access-key-id-file and --s3-secret-access-key-file, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
            ));
        }
        let region = theirs.map(|s3| s3.region.clone()).filter(|region| !region.is_empty());
        Ok(S3Settings {
            prefix,
            region: self.s3_region.clone().or(region).or_else(|| self.aws.region.clone()),
            endpoint,
            access_key,
            ca,
            insecure,
            compression: match self.compression(manifest) {
                ArchiveCompression::Zstd => Compression::Zstd,
                ArchiveCompression::None => Compression::None,
            },
            retention: Some(self.retention(manifest)),
            ..S3Settings::new(bucket)
        })
    }

    /// The object store's URL, where it is not Amazon's, and whether it is without encryption.
    fn endpoint(&self, theirs: Option<&S3Archive>) -> Result<(Option<String>, bool), SettingsError> {
        let (name, endpoint, their_insecure) = match (&self.s3_endpoint, theirs) {
            (Some(endpoint), _) => ("--s3-endpoint", endpoint, false),
            (None, Some(S3Archive { endpoint: Some(endpoint), insecure, .. })) => {
                ("the manifest's spec.archive.s3.endpoint", endpoint, *insecure)
            }
            _ => return Ok((None, false)),
        };
        let url = http_url(name, endpoint)?;
        if url.is_plain() && !self.s3_insecure && !their_insecure {
            return Err(SettingsError::Contradiction(format!(
                "{url} is not encrypted: use https, or, in a laboratory, give --s3-insecure"
            )));
        }
        if url.is_plain() && self.s3_ca.is_some() {
            return Err(SettingsError::Contradiction(format!(
                "{url} is not encrypted, so --s3-ca has nothing to check: use https, or remove it"
            )));
        }
        Ok((Some(url.to_string()), url.is_plain()))
    }

    fn access_key(&self) -> Result<Option<AccessKey>, SettingsError> {
        let aws = &self.aws;
        let id_file = self.s3_access_key_id_file.as_ref();
        let id = secret("--s3-access-key-id-file", id_file, aws.access_key_id.as_ref())?;
        let secret_file = self.s3_secret_access_key_file.as_ref();
        let key = secret("--s3-secret-access-key-file", secret_file, aws.secret_access_key.as_ref())?;
        match (id, key) {
            (Some(id), Some(secret)) => {
                // A session's token belongs to the key beside it, not to one from a file.
                let token = aws.session_token.clone().filter(|_| id_file.is_none());
                Ok(Some(AccessKey { id, secret, token }))
            }
            (None, None) => Ok(None),
            _ => Err(SettingsError::Contradiction(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both in the environment, or neither"
                    .to_owned(),
            )),
        }
    }
}

/// The manifest's bucket, what keys begin with there, and how it is reached.
fn manifests_bucket(manifest: Option<&Settings>) -> Result<(String, String, &S3Archive), SettingsError> {
    let none = "no archive is given: give --archive DIR or --archive s3://BUCKET/PREFIX, or a manifest with spec.archive.s3";
    let settings = manifest.ok_or_else(|| missing(none))?;
    let ArchiveStore::S3(s3) = settings.resource.spec.archive.store() else {
        return Err(unresolved(
            "the manifest's archive is a volume, which the operator mounts: outside of a cluster give --archive DIR",
        ));
    };
    let prefix = match s3.prefix.trim_matches('/') {
        "" => format!("{}/{}", settings.monitor.namespace, settings.monitor.name),
        prefix => prefix.to_owned(),
    };
    Ok((s3.bucket.clone(), prefix, s3))
}

/// A directory, or `s3://BUCKET/PREFIX`.
fn place(text: &str) -> Result<ArchivePlace, String> {
    let Some(object) = text.strip_prefix("s3://") else {
        if text.is_empty() || text.contains("://") {
            return Err("must be a directory or s3://BUCKET/PREFIX".to_owned());
        }
        return Ok(ArchivePlace::Directory(text.into()));
    };
    let (bucket, prefix) = object.split_once('/').unwrap_or((object, ""));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_plain) {
        return Err("must name a bucket of 3 to 63 lower-case letters, digits, dots and hyphens".to_owned());
    }
    Ok(ArchivePlace::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
}

/// A length of time as manifests write it.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = HumanDuration::new(text).to_std().and_then(|duration| duration.try_into().ok());
    duration.ok_or_else(|| "must be a whole number above 0 and a unit (s, m, h or d), as in 365d".to_owned())
}
