//! What is wrong with settings, in words for whoever gave them.

use std::path::Path;

/// Settings that cannot be used. Each says what to change; all are mistakes of usage (exit code 2). None shows a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file that was named cannot be read.
    #[error("reading {file}: {error}")]
    Unreadable {
        /// The file, with the flag that names it.
        file: String,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A manifest with mistakes, all of which are named, one a line.
    #[error("{name} has {} {}:{}", mistakes.len(), if mistakes.len() == 1 { "mistake" } else { "mistakes" }, lines(mistakes))]
    Manifest {
        /// Where the manifest is from.
        name: String,
        /// The mistakes.
        mistakes: Vec<String>,
    },
    /// Something that is needed is nowhere given.
    #[error("{0}")]
    Missing(String),
    /// Two settings that exclude each other.
    #[error("{0}")]
    Contradiction(String),
    /// A value that cannot be.
    #[error("{0}")]
    Malformed(String),
    /// The manifest's Secrets and clusters are resolved by the operator, and here is none.
    #[error("{0}")]
    Unresolved(String),
    /// There is no key to make pseudonyms with, or it is damaged.
    #[error("PseudonymKeyMissing: {0}")]
    PseudonymKeyMissing(String),
    /// The address for probes and metrics cannot be had.
    #[error("listening on {address}: {error}: choose another address with --listen")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// What the operating system says.
        error: std::io::Error,
    },
}

impl SettingsError {
    /// A file that cannot be read; `flag` says what it was given as.
    pub(crate) fn unreadable(flag: &str, path: &Path, error: std::io::Error) -> Self {
        let separator = if flag.is_empty() { "" } else { " " };
        Self::Unreadable { file: format!("{flag}{separator}{}", path.display()), error }
    }
}

fn lines(mistakes: &[String]) -> String {
    mistakes.iter().flat_map(|mistake| ["\n  ", mistake]).collect()
}
