//! Rows of `readings` in the order in which they were stored, a bounded number at a time.

use rusqlite::Params;

use super::database::Database;
use super::ids::Id;
use super::reading::{COLUMNS, HeldRow};

/// How many rows are looked at, or removed, at once: a few ten milliseconds.
pub(super) const CHUNK: usize = 2000;

/// A row and its id.
pub(super) type Row = (HeldRow, Id);

/// The first rows behind a number.
pub(super) fn rows_behind(database: &Database, seq: i64) -> rusqlite::Result<Vec<Row>> {
    select(database, "seq > ?1", [seq])
}

/// The first rows of a patient behind a number.
pub(super) fn rows_of(database: &Database, patient: i64, seq: i64) -> rusqlite::Result<Vec<Row>> {
    select(database, "seq > ?1 AND patient = ?2", [seq, patient])
}

fn select(database: &Database, condition: &str, params: impl Params) -> rusqlite::Result<Vec<Row>> {
    let sql = format!("SELECT {COLUMNS}, id FROM readings WHERE {condition} ORDER BY seq LIMIT {CHUNK}");
    let mut select = database.connection.prepare_cached(&sql)?;
    let rows = select.query_map(params, |row| Ok((HeldRow::of(row)?, row.get("id")?)))?;
    rows.collect()
}
