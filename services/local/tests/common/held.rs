//! What a ward's data directory holds, read from its files and not through the program.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// Where a dead letter is from: file, offset, entry.
type Place = (String, i64, i64);

/// Everything in a ward that is not a time of processing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Held {
    /// Version and document by id.
    pub(crate) documents: BTreeMap<String, (i64, Value)>,
    /// The raw lines of all archive segments, in order.
    pub(crate) archive: Vec<Value>,
    /// Reason, line and original by place.
    pub(crate) letters: BTreeMap<Place, (String, i64, Vec<u8>)>,
    /// Counts over all.
    pub(crate) totals: Value,
    /// Offset, line and counts by file.
    pub(crate) inputs: BTreeMap<String, (i64, i64, Value)>,
}

impl Held {
    /// What the data directory holds; nothing where there is none.
    pub(crate) fn of(data: &Path) -> Self {
        let database = data.join("ward.db");
        if !database.exists() {
            return Self::default();
        }
        let database = open(&database);
        Self {
            documents: documents(&database),
            archive: segment_files(data).iter().flat_map(|path| segment_lines(path)).collect(),
            letters: letters(&database),
            totals: totals(&database),
            inputs: inputs(&database),
        }
    }

    /// Fails where two wards hold not the same, without printing all of it.
    #[track_caller]
    pub(crate) fn assert_same(&self, other: &Self) {
        assert_eq!(self.totals, other.totals);
        assert_eq!(self.inputs, other.inputs);
        assert_eq!((self.documents.len(), self.archive.len()), (other.documents.len(), other.archive.len()));
        assert_eq!(self.letters.len(), other.letters.len());
        for (ours, theirs) in self.documents.iter().zip(&other.documents) {
            assert_eq!(ours, theirs);
        }
        for (ours, theirs) in self.archive.iter().zip(&other.archive) {
            assert_eq!(ours, theirs);
        }
        assert!(self.letters == other.letters, "the dead letters differ");
    }

    /// The documents that are not withdrawn.
    pub(crate) fn anomalies(&self) -> Vec<&Value> {
        self.documents.values().map(|(_, document)| document).filter(|it| it["withdrawn"] == false).collect()
    }
}

/// Opens the database beside a process that writes to it.
pub(crate) fn open(path: &Path) -> Connection {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    database.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    database
}

/// How far a file was read, durably; 0 where it was not.
pub(crate) fn offset(data: &Path, input: &Path) -> u64 {
    let path = data.join("ward.db");
    if !path.exists() {
        return 0;
    }
    let sql = "SELECT offset FROM inputs WHERE path = ?1";
    let offset = open(&path)
        .query_row(sql, [input.canonicalize().unwrap().to_str().unwrap()], |row| row.get::<_, i64>(0));
    offset.map_or(0, i64::cast_unsigned)
}

/// The archive's segments, in the order they were written in.
pub(crate) fn segment_files(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("archive")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A segment's text as it lies on disk.
pub(crate) fn segment_text(path: &Path) -> String {
    let file = fs::File::open(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|suffix| suffix == "zst") {
        zstd::Decoder::new(file).unwrap().read_to_string(&mut text).unwrap();
    } else {
        (&file).read_to_string(&mut text).unwrap();
    }
    text
}

fn segment_lines(path: &Path) -> Vec<Value> {
    let line = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        without_processing_time(&mut line["reading"]);
        line
    };
    segment_text(path).lines().map(line).collect()
}

fn without_processing_time(document: &mut Value) {
    if let Some(fields) = document.as_object_mut() {
        assert!(fields.remove("processed_datetime").is_some());
    }
}

pub(crate) fn documents(database: &Connection) -> BTreeMap<String, (i64, Value)> {
    let mut rows = database.prepare("SELECT hex(id), version, document FROM anomalies").unwrap();
    let rows = rows.query_map([], |row| {
        let mut document: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap();
        without_processing_time(&mut document);
        Ok((row.get(0)?, (row.get(1)?, document)))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn letters(database: &Connection) -> BTreeMap<Place, (String, i64, Vec<u8>)> {
    let sql = "SELECT topic, offset, entry, reason, line, original FROM dead_letters";
    let mut rows = database.prepare(sql).unwrap();
    let rows = rows.query_map([], |row| {
        let place = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((place, (row.get(3)?, row.get(4)?, row.get(5)?)))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn totals(database: &Connection) -> Value {
    let text =
        database.query_row("SELECT value FROM meta WHERE name = 'tally'", [], |row| row.get::<_, String>(0));
    text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

fn inputs(database: &Connection) -> BTreeMap<String, (i64, i64, Value)> {
    let mut rows = database.prepare("SELECT path, offset, line, tally FROM inputs").unwrap();
    let rows = rows.query_map([], |row| {
        let tally = serde_json::from_str(&row.get::<_, String>(3)?).unwrap();
        Ok((row.get(0)?, (row.get(1)?, row.get(2)?, tally)))
    });
    rows.unwrap().map(Result::unwrap).collect()
}
