//! The archive as JSON lines: one file a patient or a day, each reading in its newest version.

use std::borrow::Cow;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::failure;
use super::lines::{self, LineError};
use super::{Segment, WardDirectory, WardError};
use crate::PortError;

/// The longest name of a file before its suffix, in bytes: Linux takes 255.
const LONGEST_NAME: usize = 200;
/// How much of a longer one stays, before a hash of 64 digits.
const LONGEST_BEGINNING: usize = LONGEST_NAME - 65;

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
    timestamp: Timestamp,
    #[serde(borrow)]
    patient_id: Cow<'a, str>,
}

/// A database on disk that sorts what does not fit in memory. Removed when it is dropped.
struct Sorter {
    connection: Connection,
    by: ExportBy,
}

impl WardDirectory {
    /// Writes the archive's readings into the empty directory `target`, one file a patient or a day, in order of time.
    /// `progress` is told of each segment read.
    ///
    /// # Errors
    ///
    /// [`WardError::NoWard`], [`WardError::NotEmpty`], a damaged segment, or what reading and writing fails with.
    pub fn export(
        &self,
        by: ExportBy,
        target: &Path,
        mut progress: impl FnMut(&Segment),
    ) -> Result<Exported, WardError> {
        let segments = self.segments()?;
        let what = format!("creating {}", target.display());
        DirBuilder::new().recursive(true).mode(0o700).create(target).map_err(PortError::io(what))?;
        let what = format!("reading {}", target.display());
        // Beside an older export, what is withdrawn or erased since would look as if it were still there.
        if fs::read_dir(target).map_err(PortError::io(what))?.next().is_some() {
            return Err(WardError::NotEmpty { directory: target.display().to_string() });
        }
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
        let failed = || failure::database(format!("sorting for {}", target.display()));
        let connection = Connection::open("").map_err(failed())?;
        let schema = "PRAGMA journal_mode = OFF; PRAGMA cache_size = -16384; PRAGMA synchronous = OFF;
             CREATE TABLE readings (id TEXT PRIMARY KEY, version INTEGER, part TEXT, time INTEGER, reading TEXT) WITHOUT ROWID;
             BEGIN;";
        connection.execute_batch(schema).map_err(failed())?;
        Ok(Self { connection, by })
    }

    fn add_segment(&self, directory: &Path, segment: &Segment) -> Result<(), PortError> {
        lines::for_each(directory, segment, 0, |text| {
            let line: Line<'_> = serde_json::from_str(text)?;
            let keys = line.reading.map(|reading| serde_json::from_str(reading.get())).transpose()?;
            self.add(&line, keys.as_ref()).map_err(LineError::Other)
        })
    }

    fn add(&self, line: &Line<'_>, keys: Option<&Keys<'_>>) -> Result<(), PortError> {
        let part = keys.map(|keys| match self.by {
            ExportBy::Patient => file_name(&keys.patient_id),
            ExportBy::Day => keys.timestamp.strftime("%Y-%m-%d").to_string(),
        });
        let sql = "INSERT INTO readings VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET
             version = excluded.version, part = excluded.part, time = excluded.time, reading = excluded.reading
             WHERE excluded.version >= version";
        let row = params![
            line.id,
            line.version,
            part,
            keys.map(|keys| keys.timestamp.as_microsecond()),
            line.reading.map(RawValue::get)
        ];
        let done = self.connection.prepare_cached(sql).and_then(|mut insert| insert.execute(row));
        done.map(drop).map_err(failure::database("sorting the archive"))
    }

    fn write_files(&self, target: &Path) -> Result<Exported, PortError> {
        let failed = || failure::database("reading the sorted archive");
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
                let file = OpenOptions::new()
                    .create(true)
                    .truncate(true)
                    .write(true)
                    .mode(0o600)
                    .open(target.join(format!("{part}.jsonl.new")));
                let file = file.map_err(PortError::io(what()))?;
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

/// A patient as a file name: what is not a letter, digit or hyphen stands in percent encoding (RFC 3986), and what is too
/// long for a name ends in a hash of all of it.
fn file_name(patient: &str) -> String {
    let name = encoded(patient);
    if name.len() <= LONGEST_NAME {
        return name;
    }
    format!("{}-{}", &name[..LONGEST_BEGINNING], hex::encode(Sha256::digest(patient)))
}

fn encoded(patient: &str) -> String {
    patient
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
