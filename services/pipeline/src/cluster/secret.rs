//! Secrets that a client needs: in a file, which may be renewed while it runs, or given as they are.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Where a secret is. Its debug form never shows it.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a file, read whenever it is needed: Kubernetes renews mounted Secrets in place. A line end behind it does not count.
    File(PathBuf),
    /// As it is.
    Value(String),
}

/// A secret's file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("reading {}", path.display())]
pub struct SecretError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    ///
    /// Its file cannot be read.
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::File(path) => {
                let text =
                    fs::read_to_string(path).map_err(|source| SecretError { path: path.clone(), source })?;
                Ok(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Value(_) => formatter.write_str("Value(..)"),
        }
    }
}
