//! Certificates and keys in PEM: in a file, or given as they are.

use std::borrow::Cow;
use std::path::PathBuf;
use std::{fmt, fs, io};

/// Where certificates or a key are. Its debug form shows none.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In a file.
    File(PathBuf),
    /// As they are.
    Text(String),
}

impl Pem {
    /// The text as it is now.
    ///
    /// # Errors
    ///
    /// Its file cannot be read.
    pub fn read(&self) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::File(path) => fs::read(path).map(Cow::Owned),
            Self::Text(text) => Ok(Cow::Borrowed(text.as_bytes())),
        }
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// What an error calls it.
impl fmt::Display for Pem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => fmt::Display::fmt(&path.display(), formatter),
            Self::Text(_) => formatter.write_str("what was given"),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Text(_) => formatter.write_str("Text(..)"),
        }
    }
}
