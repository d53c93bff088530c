//! Files and secrets as they are given: files must be readable, secrets are in files or in the environment.

use std::env;
use std::fmt::{self, Display};
use std::fs::File;
use std::path::{Path, PathBuf};

use bpmonitor_pipeline::cluster::SecretSource;
use url::Url;

use crate::SettingsError;

/// A secret in an environment variable, if there is one. A line end behind it does not count.
pub(crate) fn secret_in(variable: &str) -> Option<SecretSource> {
    let value = env::var(variable).ok()?;
    let value = value.trim_end_matches(['\r', '\n']);
    (!value.is_empty()).then(|| SecretSource::Value(value.to_owned()))
}

/// A secret's file, which is stronger, or its value from the environment.
pub(crate) fn secret(
    flag: &str,
    file: Option<&PathBuf>,
    value: Option<&SecretSource>,
) -> Result<Option<SecretSource>, SettingsError> {
    match readable(flag, file)? {
        Some(file) => Ok(Some(SecretSource::File(file))),
        None => Ok(value.cloned()),
    }
}

/// A file that was given, once it is known that it can be read.
pub(crate) fn readable(flag: &str, file: Option<&PathBuf>) -> Result<Option<PathBuf>, SettingsError> {
    file.map(|path| check(flag, path).map(|()| path.clone())).transpose()
}

fn check(flag: &str, path: &Path) -> Result<(), SettingsError> {
    let unreadable = |error| SettingsError::unreadable(flag, path, error);
    let metadata = File::open(path).and_then(|file| file.metadata()).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(())
}

/// Refuses two settings that exclude each other: the first pair of which both are given, with what to do about it.
pub(crate) fn exclude(pairs: &[(bool, bool, &str)]) -> Result<(), SettingsError> {
    match pairs.iter().find(|(one, other, _)| *one && *other) {
        Some((_, _, what)) => Err(SettingsError::Contradiction((*what).to_owned())),
        None => Ok(()),
    }
}

/// What is given nowhere.
pub(crate) fn missing(what: impl Into<String>) -> SettingsError {
    SettingsError::Missing(what.into())
}

/// What only the operator can resolve.
pub(crate) fn unresolved(what: impl Into<String>) -> SettingsError {
    SettingsError::Unresolved(what.into())
}

/// An HTTP URL without credentials in it, so that it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl(String);

impl HttpUrl {
    /// Whether what is sent there is not encrypted.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.starts_with("http:")
    }
}

impl Display for HttpUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Reads an HTTP URL; `name` says where it is from. A mistake is told without the text, which may hold a password.
pub(crate) fn http_url(name: &str, text: &str) -> Result<HttpUrl, SettingsError> {
    let wrong = |what| SettingsError::Malformed(format!("{name} {what}"));
    let not_one = || wrong("must be an https URL with a host, as in https://search.example:9200");
    let url = Url::parse(text).map_err(|_| not_one())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user name or a password, which would be shown: give them apart"));
    }
    let is_http = matches!(url.scheme(), "http" | "https");
    if !is_http || !url.has_host() || url.query().is_some() || url.fragment().is_some() {
        return Err(not_one());
    }
    Ok(HttpUrl(url.as_str().trim_end_matches('/').to_owned()))
}
