//! Segments as lines.

use std::io::{self, BufRead, Read};

use super::name::Stage;
use crate::PortError;
use crate::segments::Compression;

/// Hands over each whole line, without its end. What a kill left unfinished at the end of an open segment is no line; anywhere
/// else it is damage.
pub(super) fn lines(
    bytes: impl BufRead,
    (compression, stage): (Compression, Stage),
    damaged: impl Fn(&io::Error) -> PortError,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let mut pieces = Pieces { bytes: Some(bytes), compression };
    let mut piece = Vec::new();
    loop {
        match pieces.next(&mut piece) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(_) if stage == Stage::Open => return Ok(()),
            Err(error) => return Err(damaged(&error)),
        }
        for line in piece.strip_suffix(b"\n").unwrap_or(&piece).split(|byte| *byte == b'\n') {
            visit(line)?;
        }
    }
}

/// The smallest parts that are there as a whole or not: zstd's frames, or lines.
struct Pieces<R> {
    bytes: Option<R>,
    compression: Compression,
}

impl<R: BufRead> Pieces<R> {
    fn next(&mut self, piece: &mut Vec<u8>) -> io::Result<bool> {
        piece.clear();
        let Some(mut bytes) = self.bytes.take() else { return Ok(false) };
        if bytes.fill_buf()?.is_empty() {
            return Ok(false);
        }
        if self.compression == Compression::Zstd {
            let mut frame = zstd::Decoder::with_buffer(bytes)?.single_frame();
            frame.read_to_end(piece)?;
            self.bytes = Some(frame.finish());
        } else {
            bytes.read_until(b'\n', piece)?;
            self.bytes = Some(bytes);
        }
        if piece.ends_with(b"\n") { Ok(true) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
