//! The archive as JSON lines: one file a patient or a day, each reading in its newest version.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufRead, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::archive;
use super::{Segment, WardDirectory, WardError};
use crate::PortError;

/// What makes one exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportBy {
    /// A patient.
    Patient,
    /// A day (UTC) of the effective time.
    Day,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files written.
    pub files: u64,
    /// Readings in them.
    pub readings: u64,
}

/// A line of a segment.
#[derive(Deserialize)]
struct Line<'a> {
    id: &'a str,
    version: i64,
    #[serde(borrow)]
    reading: Option<&'a RawValue>,
}

/// What an export is sorted by.
#[derive(Deserialize)]
struct Keys<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: &'a str,
    patient_id: &'a str,
}

/// A database on disk that sorts what does not fit in memory. Removed when it is dropped.
struct Sorter {
    connection: Connection,
    by: ExportBy,
}

impl WardDirectory {
    /// Writes the archive's readings into `target`, one file a patient or a day, in order of time. `progress` is told of each
    /// segment read.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], a damaged segment, or what reading and writing fails with.
    pub fn export(
        &self,
        by: ExportBy,
        target: &Path,
        mut progress: impl FnMut(&Segment),
    ) -> Result<Exported, WardError> {
        let segments = self.segments()?;
        let what = format!("creating {}", target.display());
        DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(PortError::io(what))?;
        let sorter = Sorter::new(target, by)?;
        for segment in &segments {
            sorter.add_segment(&self.archive(), segment)?;
            progress(segment);
        }
        Ok(sorter.write_files(target)?)
    }
}

impl Sorter {
    fn new(target: &Path, by: ExportBy) -> Result<Self, PortError> {
        // A database without a name is a temporary one: SQLite keeps it on disk as it grows, and removes it.
        let failed = || PortError::database(format!("sorting for {}", target.display()));
        let connection = Connection::open("").map_err(failed())?;
        let schema = "PRAGMA journal_mode = OFF; PRAGMA cache_size = -16384; PRAGMA synchronous = OFF;
             CREATE TABLE readings (id TEXT PRIMARY KEY, version INTEGER, part TEXT, time TEXT, reading TEXT) WITHOUT ROWID;
             BEGIN;";
        connection.execute_batch(schema).map_err(failed())?;
        Ok(Self { connection, by })
    }

    fn add_segment(&self, directory: &Path, segment: &Segment) -> Result<(), PortError> {
        let damaged = |line: u64, error: &dyn std::fmt::Display| {
            PortError::Damaged(format!(
                "line {line} of the archive segment {} is damaged ({error}): put the file back from a copy",
                directory.join(&segment.name).display()
            ))
        };
        let mut lines = archive::read(directory, segment, 0)?;
        let mut text = String::new();
        for number in 1.. {
            text.clear();
            match lines.read_line(&mut text) {
                Ok(0) if number > segment.lines => return Ok(()),
                Ok(0) => return Err(damaged(number, &"the file ends before it")),
                Ok(_) => {}
                Err(error) => return Err(damaged(number, &error)),
            }
            let line: Line<'_> =
                serde_json::from_str(&text).map_err(|error| damaged(number, &error.classify_text()))?;
            self.add(&line).map_err(|error| damaged(number, &error))?;
        }
        Ok(())
    }

    fn add(&self, line: &Line<'_>) -> Result<(), PortError> {
        let keys = line.reading.map(|reading| serde_json::from_str::<Keys<'_>>(reading.get())).transpose();
        let keys = keys.map_err(|error| PortError::Damaged(error.classify_text().to_owned()))?;
        let part = keys.as_ref().map(|keys| match self.by {
            ExportBy::Patient => file_name(keys.patient_id),
            ExportBy::Day => keys.timestamp.chars().take(10).collect(),
        });
        let sql = "INSERT INTO readings VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET
             version = excluded.version, part = excluded.part, time = excluded.time, reading = excluded.reading
             WHERE excluded.version >= version";
        let row = params![
            line.id,
            line.version,
            part,
            keys.map(|keys| keys.timestamp),
            line.reading.map(RawValue::get)
        ];
        let done = self.connection.prepare_cached(sql).and_then(|mut insert| insert.execute(row));
        done.map(drop).map_err(PortError::database("sorting the archive"))
    }

    fn write_files(&self, target: &Path) -> Result<Exported, PortError> {
        let failed = || PortError::database("reading the sorted archive");
        let sql = "SELECT part, reading FROM readings WHERE reading IS NOT NULL ORDER BY part, time, id";
        let mut select = self.connection.prepare(sql).map_err(failed())?;
        let mut rows = select.query([]).map_err(failed())?;
        let mut exported = Exported::default();
        let mut open: Option<(String, BufWriter<File>)> = None;
        let what = || format!("writing to {}", target.display());
        while let Some(row) = rows.next().map_err(failed())? {
            let (part, reading): (String, String) =
                row.get(0).and_then(|part| Ok((part, row.get(1)?))).map_err(failed())?;
            if open.as_ref().is_none_or(|(name, _)| *name != part) {
                finish(open.take(), target).map_err(PortError::io(what()))?;
                let file =
                    File::create(target.join(format!("{part}.jsonl.new"))).map_err(PortError::io(what()))?;
                open = Some((part, BufWriter::new(file)));
                exported.files += 1;
            }
            if let Some((_, file)) = &mut open {
                writeln!(file, "{reading}").map_err(PortError::io(what()))?;
                exported.readings += 1;
            }
        }
        finish(open, target).map_err(PortError::io(what()))?;
        Ok(exported)
    }
}

/// Makes a file whole before it gets its name.
fn finish(open: Option<(String, BufWriter<File>)>, target: &Path) -> io::Result<()> {
    let Some((name, file)) = open else { return Ok(()) };
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(target.join(format!("{name}.jsonl.new")), target.join(format!("{name}.jsonl")))
}

/// A patient as a file name: what is not a letter, digit or hyphen stands in percent encoding (RFC 3986).
fn file_name(patient: &str) -> String {
    patient
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// What is wrong with JSON, without quoting it.
trait ClassifyText {
    fn classify_text(&self) -> &'static str;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> &'static str {
        match self.classify() {
            serde_json::error::Category::Eof => "it is cut off",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
            serde_json::error::Category::Data => "it is no archive line",
        }
    }
}
