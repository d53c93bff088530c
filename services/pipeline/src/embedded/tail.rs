//! Readings of a ward as they are stored, beside the process that stores them.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::archive;
use super::database::Database;
use super::lines::{self, LineError};
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
            let from = self.bytes_read_of(&segment);
            if from < segment.bytes {
                self.read_segment(&segment, from, &mut visit)?;
                self.segments.insert(segment.name, segment.bytes);
            }
        }
        Ok(())
    }

    /// How much was read of a segment. One that was written anew without a patient has nothing new, and gets nothing more.
    fn bytes_read_of(&self, segment: &Segment) -> u64 {
        let is_read_under = |name: &String| archive::first_name(name) == archive::first_name(&segment.name);
        match self.segments.get(&segment.name) {
            Some(bytes) => *bytes,
            None if self.segments.keys().any(is_read_under) => segment.bytes,
            None => 0,
        }
    }

    fn read_segment<E: From<PortError>>(
        &self,
        segment: &Segment,
        from: u64,
        visit: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        lines::for_each(&self.directory.archive(), segment, from, |text| {
            let line: Line<'_> = serde_json::from_str(text)?;
            line.reading.map_or(Ok(()), |reading| visit(reading.get())).map_err(LineError::Other)
        })
    }
}
