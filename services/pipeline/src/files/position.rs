//! How far a file was read, and how to tell that it is still the same file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// How much of the beginning and of the end of what was read tells a file from another, in bytes each.
const TOLD_BY_BYTES: u64 = 4096;

/// What tells a file from another that takes its place: a hash of the first and the last bytes that were read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(pub Vec<u8>);

impl Fingerprint {
    /// Takes the fingerprint of a file that was read up to `offset`, and leaves it where it stood.
    ///
    /// # Errors
    ///
    /// What reading the file fails with.
    pub fn of(file: &mut File, offset: u64) -> io::Result<Self> {
        let stood = file.stream_position()?;
        let mut hash = Sha256::new();
        for start in [0, offset.saturating_sub(TOLD_BY_BYTES)] {
            let mut part = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            file.by_ref().take((offset - start).min(TOLD_BY_BYTES)).read_to_end(&mut part)?;
            hash.update(&part);
        }
        file.seek(SeekFrom::Start(stood))?;
        Ok(Self(hash.finalize().to_vec()))
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
    /// What they are of.
    pub fingerprint: Fingerprint,
}

impl FilePosition {
    /// The beginning of a file.
    pub fn start(path: impl Into<Arc<str>>) -> Self {
        Self { path: path.into(), offset: 0, line: 0, fingerprint: Fingerprint::default() }
    }

    /// Whether `file` is another one than what was read up to here.
    ///
    /// # Errors
    ///
    /// What reading the file fails with.
    pub(super) fn is_of_another(&self, file: &mut File) -> io::Result<bool> {
        if self.offset == 0 {
            return Ok(false);
        }
        let shrank = file.metadata()?.len() < self.offset;
        Ok(shrank || Fingerprint::of(file, self.offset)? != self.fingerprint)
    }

    /// Whether this is the end of the file that has this path now.
    ///
    /// # Errors
    ///
    /// What reading the file fails with.
    pub fn is_all(&self) -> io::Result<bool> {
        let mut file = File::open(&*self.path)?;
        Ok(file.metadata()?.len() == self.offset && !self.is_of_another(&mut file)?)
    }
}
