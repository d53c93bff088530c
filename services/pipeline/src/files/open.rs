//! One file being read.

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;

use super::{Chunks, FilePosition, Filled, Fingerprint};
use crate::{Extent, Message, Origin, PortError, Used};

/// How much of a file makes one batch, in bytes: what is made durable at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where to go on.
    pub position: FilePosition,
    /// Whether to wait for more at its end.
    pub follow: bool,
}

/// A file being read.
#[derive(Debug)]
pub(super) struct Open {
    input: Input,
    file: File,
    chunks: Chunks<File>,
    /// The length of a record that was passed over.
    passed_over: Option<Used>,
    /// How many bytes were offered and none of them used.
    refused: usize,
    /// How long the file was when its end was last read.
    length_at_end: u64,
    /// When it had been written to last then.
    modified_at_end: Option<SystemTime>,
    /// Whether another file has its name and nobody writes to this one any more.
    has_lost_its_name: bool,
}

impl Open {
    pub(super) fn new(mut input: Input) -> Result<Self, PortError> {
        let path = Arc::clone(&input.position.path);
        let what = || format!("reading {path}");
        let mut file = File::open(&*path).map_err(PortError::io(what()))?;
        if input.position.is_of_another(&mut file).map_err(PortError::io(what()))? {
            tracing::warn!(path = %path, "the file was replaced since it was last read; reading it from its beginning");
            input.position = FilePosition::start(Arc::clone(&path));
        }
        file.seek(SeekFrom::Start(input.position.offset)).map_err(PortError::io(what()))?;
        let reader = file.try_clone().map_err(PortError::io(what()))?;
        let chunks = Chunks::new(reader, BATCH_BYTES);
        Ok(Self {
            input,
            file,
            chunks,
            passed_over: None,
            refused: 0,
            length_at_end: 0,
            modified_at_end: None,
            has_lost_its_name: false,
        })
    }

    /// Opens a file that may be gone by now: then none.
    pub(super) fn if_there(input: Input) -> Result<Option<Self>, PortError> {
        match Self::new(input) {
            Err(PortError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.input.position.path
    }

    pub(super) const fn is_followed(&self) -> bool {
        self.input.follow
    }

    /// The next message; none where there is nothing more for now.
    pub(super) fn next_message(&mut self) -> Result<Option<Message>, PortError> {
        let path = Arc::clone(&self.input.position.path);
        let failed = || PortError::io(format!("reading {path}"));
        let metadata = self.file.metadata().map_err(failed())?;
        let extent = match self.chunks.fill().map_err(failed())? {
            Filled::TooLarge(record) => {
                let bytes = usize::try_from(record.bytes).unwrap_or(usize::MAX);
                self.passed_over = Some(Used { bytes, lines: record.lines });
                return Ok(Some(self.message(&metadata, record.beginning, Extent::TooLarge)));
            }
            Filled::Some => Extent::Partial,
            Filled::AtEnd => {
                self.length_at_end = metadata.len();
                self.modified_at_end = metadata.modified().ok();
                if self.ends_whole() { Extent::Whole } else { Extent::Partial }
            }
        };
        let rest = self.chunks.bytes();
        let offered_before = extent == Extent::Partial && rest.len() == self.refused;
        if rest.is_empty() || offered_before {
            return Ok(None);
        }
        Ok(Some(self.message(&metadata, rest.to_vec(), extent)))
    }

    /// Whether the rest, at the end of the file, is all there is. Somebody may be writing to a file that is followed: then it
    /// is only where it is JSON as it stands.
    fn ends_whole(&self) -> bool {
        !self.input.follow
            || self.has_lost_its_name
            || serde_json::from_slice::<serde::de::IgnoredAny>(self.chunks.bytes()).is_ok()
    }

    fn message(&self, metadata: &Metadata, bytes: Vec<u8>, extent: Extent) -> Message {
        let position = &self.input.position;
        let origin = Origin {
            topic: Arc::clone(&position.path),
            partition: 0,
            offset: position.offset,
            line: position.line + 1,
        };
        let modified = metadata.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        Message { origin, time: modified.unwrap_or(Timestamp::UNIX_EPOCH), bytes, extent, entry: None }
    }

    pub(super) fn accept(&mut self, used: Used) -> FilePosition {
        self.refused = if used.bytes == 0 { self.chunks.bytes().len() } else { 0 };
        let used = self.passed_over.take().unwrap_or_else(|| {
            self.chunks.consume(used.bytes);
            used
        });
        let position = &mut self.input.position;
        position.offset += used.bytes as u64;
        position.line += used.lines as u64;
        match Fingerprint::of(&mut self.file, position.offset) {
            Ok(fingerprint) => position.fingerprint = fingerprint,
            Err(error) => {
                tracing::warn!(path = %position.path, %error, "cannot tell this file from others");
            }
        }
        position.clone()
    }

    /// Whether there is something new to read: the file was written to, or another took its name.
    pub(super) fn has_changed(&self) -> bool {
        let (Ok(open), Ok(named)) = (self.file.metadata(), std::fs::metadata(&*self.input.position.path))
        else {
            return false;
        };
        self.was_written(&open) || is_other(&open, &named)
    }

    /// Goes on with a file that has changed.
    pub(super) fn taken_up_again(mut self) -> Result<Self, PortError> {
        let path = &*self.input.position.path;
        let (Ok(open), Ok(named)) = (self.file.metadata(), std::fs::metadata(path)) else { return Ok(self) };
        if !is_other(&open, &named) {
            // From the file and not from what was read ahead: it may have been written anew from its beginning.
            return Ok(Self::if_there(self.input.clone())?.unwrap_or(self));
        }
        self.has_lost_its_name = !self.was_written(&open);
        Ok(self)
    }

    /// The file that has the name of this one, once this one is read to its end.
    pub(super) fn successor(&self) -> Option<Input> {
        let path = &self.input.position.path;
        self.has_lost_its_name.then(|| {
            tracing::info!(path = %path, "the file was replaced; reading the new one from its beginning");
            Input { position: FilePosition::start(Arc::clone(path)), follow: self.input.follow }
        })
    }

    /// Whether it was written to since its end was last read.
    fn was_written(&self, now: &Metadata) -> bool {
        now.len() != self.length_at_end || now.modified().ok() != self.modified_at_end
    }
}

fn is_other(open: &Metadata, named: &Metadata) -> bool {
    (open.dev(), open.ino()) != (named.dev(), named.ino())
}
