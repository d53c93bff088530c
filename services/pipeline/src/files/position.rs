//! How far a file was read, and how to tell that it is still the same file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// How much of a file's beginning tells it from another, in bytes.
const HEAD_BYTES: u64 = 4096;

/// The beginning of a file, as a hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many bytes the hash is of.
    pub length: u64,
    /// SHA-256 of them.
    pub hash: Vec<u8>,
}

impl Fingerprint {
    /// Takes the fingerprint of at most the first `length` bytes of a file, and leaves it where it stood.
    ///
    /// # Errors
    ///
    /// What reading the file fails with.
    pub fn of(file: &mut File, length: u64) -> io::Result<Self> {
        let stood = file.stream_position()?;
        file.seek(SeekFrom::Start(0))?;
        let mut head = Vec::new();
        file.by_ref().take(length.min(HEAD_BYTES)).read_to_end(&mut head)?;
        file.seek(SeekFrom::Start(stood))?;
        Ok(Self { length: head.len() as u64, hash: Sha256::digest(&head).to_vec() })
    }
}

impl Fingerprint {
    /// Whether a longer beginning would tell no more.
    pub const fn is_full(&self) -> bool {
        self.length >= HEAD_BYTES
    }
}

/// Up to where a file was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePosition {
    /// The file's absolute path.
    pub path: Arc<str>,
    /// Bytes used.
    pub offset: u64,
    /// Line ends used.
    pub line: u64,
    /// The beginning of the file they are from.
    pub head: Fingerprint,
}

impl FilePosition {
    /// The beginning of a file.
    pub fn start(path: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), offset: 0, line: 0, head: Fingerprint::default() }
    }
}
