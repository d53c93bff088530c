//! What archive segments have in common: JSON lines, plain or in zstd frames, in files that are their owner's alone to read.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// From which length on a segment is closed, in bytes.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// The fastest of its ordinary levels: packing costs no more than classifying what is packed.
pub(crate) const ZSTD_LEVEL: i32 = 1;

/// How segments are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// JSON lines as they are (`.jsonl`).
    None,
    /// zstd frames (`.jsonl.zst`), readable with `zstdcat`.
    #[default]
    Zstd,
}

impl Compression {
    /// How the segment of this name is written; none where the name is no segment's.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, suffix) = name.split_once('.')?;
        match suffix {
            "jsonl" => Some(Self::None),
            "jsonl.zst" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// How names of segments end.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::None => ".jsonl",
            Self::Zstd => ".jsonl.zst",
        }
    }

    /// Lines as one append writes them: as they are, or one frame with a checksum.
    pub(crate) fn encode(self, lines: &[u8]) -> io::Result<Cow<'_, [u8]>> {
        match self {
            Self::None => Ok(Cow::Borrowed(lines)),
            Self::Zstd => {
                let mut frame = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
                frame.include_checksum(true)?;
                frame.compress(lines).map(Cow::Owned)
            }
        }
    }
}

/// Makes a file that must not be there yet, for its owner alone to read.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
