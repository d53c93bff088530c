//! Readings of a ward as they are stored, beside the process that stores them.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::archive;
use super::database::Database;
use super::{Segment, WardDirectory, WardError};
use crate::PortError;

/// How many rows are read at once.
const ROWS: i64 = 1000;

/// Reads what is stored in a ward, from where it was left.
#[derive(Debug)]
pub struct Tail {
    directory: WardDirectory,
    database: Database,
    seq: i64,
    /// Bytes read of each segment.
    segments: HashMap<String, u64>,
}

/// A line of a segment.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    reading: Option<&'a RawValue>,
}

impl Tail {
    /// Begins with everything that is stored (`all`), or with what comes from now on.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], or what reading fails with.
    pub fn new(directory: &WardDirectory, all: bool) -> Result<Self, WardError> {
        let database = directory.reader()?;
        let mut tail = Self { directory: directory.clone(), database, seq: 0, segments: HashMap::new() };
        if !all {
            tail.seq = tail.database.last_seq()?;
            let segments = tail.database.segments()?;
            tail.segments = segments.into_iter().map(|segment| (segment.name, segment.bytes)).collect();
        }
        Ok(tail)
    }

    /// Hands over each document, as JSON, that was stored since the last call.
    ///
    /// # Errors
    ///
    /// What reading fails with, or `visit`.
    pub fn read<E: From<PortError>>(
        &mut self,
        mut visit: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let documents = self.database.documents(self.seq, ROWS)?;
            let Some((last, _)) = documents.last() else { break };
            self.seq = *last;
            for (_, document) in &documents {
                visit(document)?;
            }
        }
        for segment in self.database.segments()? {
            let from = self.segments.get(&segment.name).copied().unwrap_or(0);
            if from < segment.bytes {
                self.read_segment(&segment, from, &mut visit)?;
                self.segments.insert(segment.name, segment.bytes);
            }
        }
        Ok(())
    }

    fn read_segment<E: From<PortError>>(
        &self,
        segment: &Segment,
        from: u64,
        visit: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut lines = archive::read(&self.directory.archive(), segment, from)?;
        let failed = || PortError::io(format!("reading the archive segment {}", segment.name));
        let mut text = String::new();
        while lines.read_line(&mut text).map_err(failed())? > 0 {
            let line = serde_json::from_str::<Line<'_>>(&text);
            if let Some(reading) = line.ok().and_then(|line| line.reading) {
                visit(reading.get())?;
            }
            text.clear();
        }
        Ok(())
    }
}
