//! A bulk: documents and what is to be done with them, as Elasticsearch reads them.

use std::io;

use bytes::Bytes;

use crate::AnomalyWrite;

/// Writes a document's JSON. It may have line ends between its values.
pub type Render = fn(&AnomalyWrite, &mut Vec<u8>) -> io::Result<()>;

/// Writes [`crate::Document`], the whole of it.
///
/// # Errors
///
/// The serializer's.
pub fn whole_document(write: &AnomalyWrite, text: &mut Vec<u8>) -> io::Result<()> {
    Ok(serde_json::to_writer(text, &write.document)?)
}

/// A document in a bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Which of the writes.
    pub(super) write: usize,
    /// Where its text ends.
    end: usize,
    /// How many documents had been accepted when it was first refused without it being known why.
    pub(super) doubted_at: Option<u64>,
}

/// A bulk.
#[derive(Debug, Default)]
pub(super) struct Bulk {
    pub(super) text: Bytes,
    pub(super) pieces: Vec<Piece>,
}

/// A bulk in the making.
#[derive(Debug)]
pub(super) struct Builder {
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

impl Builder {
    /// An empty one, in a buffer that may have been used before.
    pub(super) fn new(mut text: Vec<u8>) -> Self {
        text.clear();
        Self { text, pieces: Vec::new() }
    }

    /// Adds a document, and gives the length of its text; leaves everything as it was where it cannot be rendered.
    pub(super) fn add(&mut self, number: usize, write: &AnomalyWrite, render: Render) -> io::Result<usize> {
        let start = self.text.len();
        let rendered = self.line(write, render);
        if rendered.is_err() {
            self.text.truncate(start);
        }
        let length = rendered?;
        self.pieces.push(Piece { write: number, end: self.text.len(), doubted_at: None });
        Ok(length)
    }

    fn line(&mut self, write: &AnomalyWrite, render: Render) -> io::Result<usize> {
        let mut id = [0; 32];
        hex::encode_to_slice(write.id.0, &mut id).map_err(io::Error::other)?;
        self.text.extend_from_slice(br#"{"index":{"_id":""#);
        self.text.extend_from_slice(&id);
        self.text.extend_from_slice(br#"","version":"#);
        serde_json::to_writer(&mut self.text, &write.version)?;
        self.text.extend_from_slice(b",\"version_type\":\"external_gte\"}}\n");
        let start = self.text.len();
        render(write, &mut self.text)?;
        // A line end would end the document. In JSON it can only stand between values, where a space says the same.
        for byte in self.text.iter_mut().skip(start).filter(|byte| **byte == b'\n') {
            *byte = b' ';
        }
        self.text.push(b'\n');
        Ok(self.text.len() - start)
    }

    /// Takes back what was added last.
    pub(super) fn take_back(&mut self) {
        self.pieces.pop();
        self.text.truncate(self.pieces.last().map_or(0, |piece| piece.end));
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn documents(&self) -> usize {
        self.pieces.len()
    }

    /// The bulk; the buffer where there is nothing in it.
    pub(super) fn finish(self) -> Result<Bulk, Vec<u8>> {
        if self.pieces.is_empty() {
            return Err(self.text);
        }
        Ok(Bulk { text: self.text.into(), pieces: self.pieces })
    }
}

impl Bulk {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Takes the second half off.
    pub(super) fn split(&mut self) -> Self {
        let half = self.pieces.len().div_ceil(2);
        let mut pieces = self.pieces.split_off(half);
        let at = self.pieces.last().map_or(0, |piece| piece.end);
        for piece in &mut pieces {
            piece.end -= at;
        }
        Self { text: self.text.split_off(at), pieces }
    }

    /// Keeps the documents for which `keep` gives a piece.
    pub(super) fn keep(&mut self, mut keep: impl FnMut(usize, Piece) -> Option<Piece>) {
        let (mut text, mut pieces, mut start) = (Vec::new(), Vec::new(), 0);
        for (place, piece) in self.pieces.iter().enumerate() {
            if let Some(kept) = keep(place, *piece) {
                text.extend_from_slice(self.text.get(start..piece.end).unwrap_or_default());
                pieces.push(Piece { end: text.len(), ..kept });
            }
            start = piece.end;
        }
        *self = Self { text: text.into(), pieces };
    }

    /// Its buffer, to be used again; a new one where something still holds it, or where it has grown beyond `most` bytes.
    pub(super) fn into_buffer(self, most: usize) -> Vec<u8> {
        if !self.text.is_unique() {
            return Vec::new();
        }
        let buffer = Vec::from(self.text);
        if buffer.capacity() > most { Vec::new() } else { buffer }
    }
}

#[cfg(test)]
mod tests {
    use bpmonitor_clinical::{DocumentId, Version};

    use super::*;
    use crate::EntryPlace;

    fn write(id: u8) -> AnomalyWrite {
        AnomalyWrite {
            entry: EntryPlace::default(),
            id: DocumentId([id; 16]),
            version: Version(i64::from(id)),
            document: Box::default(),
        }
    }

    fn three() -> Bulk {
        let mut builder = Builder::new(vec![7; 100]);
        for id in 1..=3 {
            builder
                .add(id.into(), &write(id), |write, text| {
                    text.extend_from_slice(format!("{{\"n\":\n{}}}", write.version.0).as_bytes());
                    Ok(())
                })
                .unwrap();
        }
        builder.finish().unwrap()
    }

    fn sources(bulk: &Bulk) -> Vec<&str> {
        let text = std::str::from_utf8(&bulk.text).unwrap();
        assert_eq!(text.lines().count(), 2 * bulk.pieces.len());
        text.lines().skip(1).step_by(2).collect()
    }

    #[test]
    fn a_bulk_has_two_lines_a_document() {
        let bulk = three();
        let first = "{\"index\":{\"_id\":\"01010101010101010101010101010101\",\"version\":1,\"version_type\":\"external_gte\"}}\n";
        assert!(bulk.text.starts_with(first.as_bytes()));
        assert_eq!(sources(&bulk), ["{\"n\": 1}", "{\"n\": 2}", "{\"n\": 3}"]);
    }

    #[test]
    fn what_cannot_be_rendered_leaves_nothing() {
        let mut builder = Builder::new(Vec::new());
        let fail: Render = |_, text| {
            text.push(b'{');
            Err(io::Error::other("no"))
        };
        builder.add(0, &write(1), whole_document).unwrap();
        let before = builder.bytes();
        builder.add(1, &write(2), fail).unwrap_err();
        assert_eq!((builder.bytes(), builder.documents()), (before, 1));
        builder.take_back();
        assert_eq!((builder.bytes(), builder.documents()), (0, 0));
    }

    #[test]
    fn bulks_are_split_and_thinned() {
        let mut bulk = three();
        let mut rest = bulk.split();
        assert_eq!((sources(&bulk), sources(&rest)), (vec!["{\"n\": 1}", "{\"n\": 2}"], vec!["{\"n\": 3}"]));
        bulk.keep(|place, piece| (place == 1).then_some(piece));
        assert_eq!((sources(&bulk), bulk.pieces[0].write), (vec!["{\"n\": 2}"], 2));
        rest.keep(|_, piece| Some(piece));
        assert_eq!(sources(&rest), ["{\"n\": 3}"]);
    }
}
