//! Archive lines as they are written: JSON, by partition, made while a batch is classified.

use std::collections::BTreeMap;

use crate::{ArchiveLine, ArchiveLines, PortError};

/// The lines of a batch.
#[derive(Debug, Default)]
pub struct TextLines {
    partitions: BTreeMap<i32, Text>,
    /// Why a line could not be written.
    failed: Option<serde_json::Error>,
}

/// The lines of one partition.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
}

impl ArchiveLines for TextLines {
    fn push(&mut self, line: ArchiveLine) {
        let text = self.partitions.entry(line.partition).or_default();
        match serde_json::to_writer(&mut text.bytes, &line) {
            Ok(()) => text.bytes.push(b'\n'),
            Err(error) => self.failed = Some(error),
        }
        text.lines += 1;
    }
}

impl TextLines {
    /// All of them, unless one could not be written.
    pub(super) fn into_texts(self) -> Result<BTreeMap<i32, Text>, PortError> {
        match self.failed {
            None => Ok(self.partitions),
            Some(error) => Err(PortError::Damaged(format!(
                "an archive line cannot be written as JSON ({:?})",
                error.classify()
            ))),
        }
    }
}

impl Text {
    /// Adds what comes behind it.
    pub(super) fn append(&mut self, mut other: Self) {
        append(&mut self.bytes, &mut other.bytes);
        self.lines += other.lines;
    }
}

/// Moves bytes behind others: without copying where there are none.
pub(super) fn append(bytes: &mut Vec<u8>, more: &mut Vec<u8>) {
    if bytes.is_empty() {
        std::mem::swap(bytes, more);
    } else {
        bytes.append(more);
    }
}
