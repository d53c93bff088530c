//! The ward's SQLite database: how it is opened, and the statements that have no file of their own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bpmonitor_clinical::RejectionReason;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::Segment;
use super::failure;
use super::schema::{self, NO_SCHEMA, SCHEMA_VERSION};
use crate::files::{FilePosition, Fingerprint};
use crate::{DeadLetter, Origin, PortError, Tally};

/// How many bytes of dead letters are read at once, and at most one letter more.
const PAGE_BYTES: usize = 16 * 1024 * 1024;

/// More than there are statements.
const CACHED_STATEMENTS: usize = 64;

/// How long to wait for another process's write, such as a reader's checkpoint.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How far an input was read, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInput {
    /// Up to where it was used.
    pub position: FilePosition,
    /// What became of its entries.
    pub tally: Tally,
}

/// A dead letter as stored.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its number; a letter that is rejected again gets a new one.
    pub seq: i64,
    /// When it was stored.
    pub stored: Timestamp,
    /// The letter.
    pub letter: DeadLetter,
}

/// The database of a ward.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
}

fn failed(what: &'static str) -> impl FnOnce(rusqlite::Error) -> PortError {
    failure::database(what)
}

impl Database {
    /// Opens it for writing, and creates it where there is none.
    pub(super) fn open(path: &Path) -> Result<Self, PortError> {
        let connection =
            Connection::open(path).map_err(failure::database(format!("opening {}", path.display())))?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        let database = Self { connection };
        database.prepare(path)?;
        Ok(database)
    }

    /// Opens it for reading beside a process that writes; none where that one has not come so far as to write anything.
    pub(super) fn open_read_only(path: &Path) -> Result<Option<Self>, PortError> {
        let what = || format!("opening {}", path.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failure::database(what()))?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failure::database(what()))?;
        let database = Self { connection };
        if database.version().map_err(failure::database(what()))? == NO_SCHEMA {
            return Ok(None);
        }
        database.check_version(path)?;
        Ok(Some(database))
    }

    fn prepare(&self, path: &Path) -> Result<(), PortError> {
        let what = || format!("preparing {}", path.display());
        let connection = &self.connection;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failure::database(what()))?;
        let is_new = self.version().map_err(failure::database(what()))? == NO_SCHEMA;
        if !is_new {
            self.check_version(path)?;
        }
        for (pragma, value) in [
            ("journal_mode", "WAL"),
            ("synchronous", "FULL"),
            ("cache_size", "-16384"),
            ("secure_delete", "ON"),
        ] {
            connection.pragma_update(None, pragma, value).map_err(failure::database(what()))?;
        }
        if is_new {
            connection
                .execute_batch(&schema::creation(Timestamp::now()))
                .map_err(failure::database(what()))?;
        }
        Ok(())
    }

    fn version(&self) -> rusqlite::Result<i64> {
        self.connection.pragma_query_value(None, "user_version", |row| row.get(0))
    }

    fn check_version(&self, path: &Path) -> Result<(), PortError> {
        let version = self.version().map_err(failure::database(format!("reading {}", path.display())))?;
        if version == SCHEMA_VERSION {
            return Ok(());
        }
        Err(PortError::Damaged(format!(
            "{} has schema version {version}, this program knows {SCHEMA_VERSION}: use the program that wrote it, or begin \
             another ward with --data and read the same files into it",
            path.display()
        )))
    }

    pub(super) fn begin(&self) -> Result<(), PortError> {
        self.execute("BEGIN IMMEDIATE", "beginning a transaction")
    }

    pub(super) fn commit(&self) -> Result<(), PortError> {
        self.execute("COMMIT", "committing")
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    pub(super) fn execute(&self, sql: &str, what: &'static str) -> Result<(), PortError> {
        self.connection.execute_batch(sql).map_err(failed(what))
    }

    /// Puts everything written into the database's file, and empties the log beside it. False while somebody reads.
    pub(super) fn checkpoint(&self) -> Result<bool, PortError> {
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        busy.map(|busy| busy == 0).map_err(failed("compacting the database"))
    }

    pub(super) fn meta(&self, name: &str) -> Result<Option<String>, PortError> {
        let sql = "SELECT value FROM meta WHERE name = ?1";
        let value = self.connection.query_row(sql, [name], |row| row.get(0)).optional();
        value.map_err(failed("reading the ward's settings"))
    }

    pub(super) fn set_meta(&self, name: &str, value: &str) -> Result<(), PortError> {
        let sql = "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
        let done = self.connection.prepare_cached(sql).and_then(|mut sql| sql.execute([name, value]));
        done.map(drop).map_err(failed("writing the ward's settings"))
    }

    /// The last number that a row of a table with `seq` was given, be it there or not: none is given twice.
    pub(super) fn last_seq(&self) -> Result<i64, PortError> {
        let text = self.meta("seq")?;
        Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    pub(super) fn set_last_seq(&self, seq: i64) -> Result<(), PortError> {
        self.set_meta("seq", &seq.to_string())
    }

    /// Keeps each letter once; one that is there already is renewed. Two files of one path, one in place of the other, may
    /// have different letters at the same offset: the content tells them apart.
    pub(super) fn write_letters(&self, letters: &[DeadLetter], seq: &mut i64) -> Result<(), PortError> {
        let sql = "INSERT INTO dead_letters VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (topic, part, offset, entry, digest) DO UPDATE SET seq = excluded.seq, line = excluded.line,
                 reason = excluded.reason";
        let mut insert = self.connection.prepare_cached(sql).map_err(failed("writing dead letters"))?;
        let now = Timestamp::now().as_microsecond();
        for letter in letters {
            *seq += 1;
            let row = params![
                *seq,
                &*letter.origin.topic,
                letter.origin.partition,
                letter.origin.offset.cast_signed(),
                letter.entry.map_or(-1, i64::from),
                letter.origin.line.cast_signed(),
                letter.reason.code(),
                letter.time.as_microsecond(),
                now,
                letter.original,
                Sha256::digest(&letter.original).to_vec()
            ];
            insert.execute(row).map_err(failed("writing dead letters"))?;
        }
        Ok(())
    }

    /// The dead letters behind number `after`, at most `most` and about [`PAGE_BYTES`] of them, in order.
    pub(super) fn letters(&self, after: i64, up_to: i64, most: usize) -> Result<Vec<Letter>, PortError> {
        let sql = "SELECT seq, topic, part, offset, entry, line, reason, written, stored, original
             FROM dead_letters WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
        let mut select = self.connection.prepare_cached(sql).map_err(failed("reading dead letters"))?;
        let rows = select.query_map(params![after, up_to, most.cast_signed()], letter_of);
        let mut page = Vec::new();
        let mut bytes = 0;
        for letter in rows.map_err(failed("reading dead letters"))? {
            let letter = letter.map_err(failed("reading dead letters"))?;
            bytes += letter.letter.original.len();
            page.push(letter);
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        Ok(page)
    }

    /// The documents behind number `after`, at most `most`, in the order they were stored.
    pub(super) fn documents(&self, after: i64, most: i64) -> Result<Vec<(i64, String)>, PortError> {
        let sql = "SELECT seq, document FROM anomalies WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut select = self.connection.prepare_cached(sql).map_err(failed("reading anomalies"))?;
        let rows = select.query_map([after, most], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).map_err(failed("reading anomalies"))
    }

    pub(super) fn delete_letters(&self, seqs: &[i64]) -> Result<(), PortError> {
        let sql = "DELETE FROM dead_letters WHERE seq = ?1";
        let mut delete = self.connection.prepare_cached(sql).map_err(failed("deleting dead letters"))?;
        for seq in seqs {
            delete.execute([seq]).map_err(failed("deleting dead letters"))?;
        }
        Ok(())
    }

    pub(super) fn input(&self, path: &str) -> Result<Option<StoredInput>, PortError> {
        let sql = "SELECT path, offset, line, fingerprint, tally FROM inputs WHERE path = ?1";
        let mut select = self.connection.prepare_cached(sql).map_err(failed("reading the inputs"))?;
        select.query_row([path], input_of).optional().map_err(failed("reading the inputs"))
    }

    pub(super) fn input_below(&self, directory: &str) -> Result<Option<StoredInput>, PortError> {
        let sql = "SELECT path, offset, line, fingerprint, tally FROM inputs WHERE path > ?1 AND path < ?2
             ORDER BY path LIMIT 1";
        let mut select = self.connection.prepare_cached(sql).map_err(failed("reading the inputs"))?;
        // The character behind the separator bounds everything below.
        let bounds = [format!("{directory}/"), format!("{directory}0")];
        select.query_row(bounds, input_of).optional().map_err(failed("reading the inputs"))
    }

    pub(super) fn set_input(&self, input: &StoredInput) -> Result<(), PortError> {
        let StoredInput { position, tally } = input;
        let sql = "INSERT INTO inputs VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET
             offset = excluded.offset, line = excluded.line, fingerprint = excluded.fingerprint,
             tally = excluded.tally";
        let mut upsert = self.connection.prepare_cached(sql).map_err(failed("writing the position"))?;
        let row = params![
            &*position.path,
            position.offset.cast_signed(),
            position.line.cast_signed(),
            position.fingerprint.0,
            tally_text(tally)?
        ];
        upsert.execute(row).map(drop).map_err(failed("writing the position"))
    }

    pub(super) fn segments(&self) -> Result<Vec<Segment>, PortError> {
        let sql = "SELECT name, bytes, lines, written FROM segments ORDER BY name";
        let mut select = self.connection.prepare_cached(sql).map_err(failed("reading the segments"))?;
        select.query_map([], segment_of).and_then(Iterator::collect).map_err(failed("reading the segments"))
    }

    pub(super) fn set_segment(&self, segment: &Segment) -> Result<(), PortError> {
        let sql = "INSERT INTO segments VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
             bytes = excluded.bytes, lines = excluded.lines, written = excluded.written";
        let mut upsert = self.connection.prepare_cached(sql).map_err(failed("writing the segments"))?;
        let row = params![
            segment.name,
            segment.bytes.cast_signed(),
            segment.lines.cast_signed(),
            segment.written.as_microsecond()
        ];
        upsert.execute(row).map(drop).map_err(failed("writing the segments"))
    }

    pub(super) fn delete_segment(&self, name: &str) -> Result<(), PortError> {
        let done = self.connection.execute("DELETE FROM segments WHERE name = ?1", [name]);
        done.map(drop).map_err(failed("removing a segment"))
    }

    /// Deletes, of the first `among` rows of a table with `seq` and `stored`, those that are older, in microseconds since 1970.
    /// How many there were. Rows are numbered in the order in which they were stored.
    pub(super) fn delete_stored_before(
        &self,
        table: &str,
        time: i64,
        among: usize,
    ) -> Result<usize, PortError> {
        let sql = format!(
            "DELETE FROM {table} WHERE seq IN
                 (SELECT seq FROM (SELECT seq, stored FROM {table} ORDER BY seq LIMIT ?2) WHERE stored < ?1)"
        );
        self.connection
            .execute(&sql, params![time, among.cast_signed()])
            .map_err(failed("removing what is past its retention"))
    }

    /// Deletes dead letters that are older, in microseconds since 1970, at most `most` of them. How many there were.
    pub(super) fn delete_letters_before(&self, time: i64, most: usize) -> Result<usize, PortError> {
        let sql = "DELETE FROM dead_letters WHERE seq IN
             (SELECT seq FROM dead_letters WHERE stored < ?1 ORDER BY stored LIMIT ?2)";
        self.connection
            .execute(sql, params![time, most.cast_signed()])
            .map_err(failed("removing what is past its retention"))
    }

    pub(super) fn erasures(&self) -> Result<Vec<String>, PortError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT patient FROM erasures")
            .map_err(failed("reading erasures"))?;
        select.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(failed("reading erasures"))
    }

    pub(super) fn totals(&self) -> Result<Tally, PortError> {
        let text = self.meta("tally")?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    pub(super) fn set_totals(&self, tally: &Tally) -> Result<(), PortError> {
        self.set_meta("tally", &tally_text(tally)?)
    }
}

fn tally_text(tally: &Tally) -> Result<String, PortError> {
    serde_json::to_string(tally)
        .map_err(|error| PortError::Damaged(format!("a count cannot be written: {error}")))
}

pub(super) fn time_of(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(super) fn reason_of(code: String) -> RejectionReason {
    serde_json::from_value(code.into()).unwrap_or(RejectionReason::NotFhir)
}

fn letter_of(row: &Row<'_>) -> rusqlite::Result<Letter> {
    let origin = Origin {
        topic: Arc::from(row.get::<_, String>(1)?),
        partition: row.get(2)?,
        offset: row.get::<_, i64>(3)?.cast_unsigned(),
        line: row.get::<_, i64>(5)?.cast_unsigned(),
    };
    let reason = reason_of(row.get(6)?);
    let entry = u32::try_from(row.get::<_, i64>(4)?).ok();
    let letter =
        DeadLetter { origin, start: 0, entry, reason, time: time_of(row.get(7)?), original: row.get(9)? };
    Ok(Letter { seq: row.get(0)?, stored: time_of(row.get(8)?), letter })
}

fn input_of(row: &Row<'_>) -> rusqlite::Result<StoredInput> {
    let position = FilePosition {
        path: Arc::from(row.get::<_, String>(0)?),
        offset: row.get::<_, i64>(1)?.cast_unsigned(),
        line: row.get::<_, i64>(2)?.cast_unsigned(),
        fingerprint: Fingerprint(row.get(3)?),
    };
    let tally: String = row.get(4)?;
    Ok(StoredInput { position, tally: serde_json::from_str(&tally).unwrap_or_default() })
}

fn segment_of(row: &Row<'_>) -> rusqlite::Result<Segment> {
    Ok(Segment {
        name: row.get(0)?,
        bytes: row.get::<_, i64>(1)?.cast_unsigned(),
        lines: row.get::<_, i64>(2)?.cast_unsigned(),
        written: time_of(row.get(3)?),
    })
}
