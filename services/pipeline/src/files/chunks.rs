//! A reader in chunks that end anywhere, growing only for a record that does not fit.

use std::io::{self, Read};

use bpmonitor_clinical::MAX_RECORD_BYTES;

/// What a [`Chunks::fill`] led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Filled {
    /// There are bytes to be read, and more may follow.
    Some,
    /// The bytes, possibly none, are all there are for now.
    AtEnd,
    /// The record that came next is larger than the limit, and was passed over.
    TooLarge(PassedOver),
}

/// A record that was passed over.
#[derive(Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// How it begins.
    pub beginning: Vec<u8>,
    /// Its length with the line end, in bytes.
    pub bytes: u64,
    /// Line ends in it.
    pub lines: usize,
}

/// Reads in chunks and keeps what was not used.
#[derive(Debug)]
pub struct Chunks<R> {
    reader: R,
    buffer: Vec<u8>,
    chunk: usize,
    wanted: usize,
    most: usize,
}

impl<R: Read> Chunks<R> {
    /// Reads `reader` from where it stands, `chunk` bytes at a time, records up to [`MAX_RECORD_BYTES`].
    pub const fn new(reader: R, chunk: usize) -> Self {
        Self::with_limit(reader, chunk, MAX_RECORD_BYTES)
    }

    /// Reads `reader` with another limit on a record's size, in bytes.
    pub const fn with_limit(reader: R, chunk: usize, most: usize) -> Self {
        Self { reader, buffer: Vec::new(), chunk, wanted: chunk, most }
    }

    /// What was read and not yet used.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads on: once, or where a record did not fit, until the buffer is full or ends with a line.
    ///
    /// # Errors
    ///
    /// The reader's.
    pub fn fill(&mut self) -> io::Result<Filled> {
        if self.buffer.len() >= self.most {
            return self.pass_over().map(Filled::TooLarge);
        }
        if self.buffer.len() >= self.wanted {
            self.wanted = (self.buffer.len() * 2).min(self.most);
        }
        let is_grown = self.wanted > self.chunk;
        loop {
            let read = self.read_up_to(self.wanted)?;
            if read == 0 {
                return Ok(Filled::AtEnd);
            }
            // A record that did not fit is looked at again once there is much more of it, or the writer seems to pause.
            if !is_grown || self.buffer.len() >= self.wanted || self.buffer.ends_with(b"\n") {
                return Ok(Filled::Some);
            }
        }
    }

    /// Says how many bytes from the beginning were used.
    pub fn consume(&mut self, used: usize) {
        if used == 0 {
            return;
        }
        self.buffer.drain(..used.min(self.buffer.len()));
        self.wanted = self.chunk;
        self.buffer.shrink_to(self.wanted);
    }

    fn read_up_to(&mut self, length: usize) -> io::Result<usize> {
        let before = self.buffer.len();
        self.buffer.resize(length.max(before), 0);
        let result = read_once(&mut self.reader, &mut self.buffer[before..]);
        self.buffer.truncate(before + *result.as_ref().unwrap_or(&0));
        result
    }

    /// Passes over a record that is too large: to the end of its line, or where it spans lines, of the line that closes it.
    fn pass_over(&mut self) -> io::Result<PassedOver> {
        let beginning = self.buffer[..self.buffer.len().min(self.chunk)].to_vec();
        let mut end = RecordEnd { closing: !beginning.contains(&b'\n'), at_line_start: false, lines: 0 };
        let mut bytes = 0;
        loop {
            if let Some(length) = self.buffer.iter().position(|byte| end.is_after(*byte)) {
                self.consume(length + 1);
                bytes += length as u64 + 1;
                return Ok(PassedOver { beginning, bytes, lines: end.lines });
            }
            bytes += self.buffer.len() as u64;
            self.buffer.clear();
            if self.read_up_to(self.chunk)? == 0 {
                self.consume(1);
                return Ok(PassedOver { beginning, bytes, lines: end.lines });
            }
        }
    }
}

/// Finds the line end that ends a record.
struct RecordEnd {
    /// Whether the next line end is the one.
    closing: bool,
    at_line_start: bool,
    lines: usize,
}

impl RecordEnd {
    /// Whether the record ends with `byte`, the next one of it.
    fn is_after(&mut self, byte: u8) -> bool {
        self.closing |= self.at_line_start && matches!(byte, b'}' | b']');
        self.at_line_start = byte == b'\n';
        self.lines += usize::from(self.at_line_start);
        self.at_line_start && self.closing
    }
}

fn read_once(reader: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK_BYTES: usize = 64 * 1024;

    /// Fills until a record is passed over; nothing is ever used.
    fn passed_over(input: &[u8], limit: usize) -> (PassedOver, Vec<u8>) {
        let mut chunks = Chunks::with_limit(input, CHUNK_BYTES, limit);
        loop {
            match chunks.fill().unwrap() {
                Filled::TooLarge(record) => {
                    while chunks.fill().unwrap() == Filled::Some {}
                    return (record, chunks.bytes().to_vec());
                }
                Filled::Some => {}
                Filled::AtEnd => panic!("the record fits"),
            }
        }
    }

    #[test]
    fn a_line_that_is_too_large_ends_with_its_line() {
        let mut input = vec![b'x'; 3 * CHUNK_BYTES];
        input.extend_from_slice(b"\nnext\n");
        let (record, rest) = passed_over(&input, 2 * CHUNK_BYTES);
        assert_eq!((record.bytes, record.lines), (3 * CHUNK_BYTES as u64 + 1, 1));
        assert_eq!(rest, b"next\n");
    }

    #[test]
    fn a_document_that_is_too_large_ends_where_it_closes() {
        let mut input = b"{\n".to_vec();
        input.extend(b" \"a\": 1,\n".repeat(CHUNK_BYTES / 4));
        input.extend_from_slice(b"}\nnext\n");
        let length = input.len() as u64 - 5;
        let (record, rest) = passed_over(&input, CHUNK_BYTES);
        assert_eq!((record.bytes, record.lines), (length, CHUNK_BYTES / 4 + 2));
        assert_eq!(rest, b"next\n");
    }

    #[test]
    fn a_record_that_fits_is_kept_whole() {
        let input = vec![b'x'; 5 * CHUNK_BYTES];
        let mut chunks = Chunks::new(input.as_slice(), CHUNK_BYTES);
        while chunks.fill().unwrap() == Filled::Some {}
        assert_eq!(chunks.bytes(), input);
    }
}
