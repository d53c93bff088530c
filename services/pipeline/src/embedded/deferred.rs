//! Indexes over `readings` whose newest entries are in memory.
//!
//! Neighbours in an index come far apart in time: ids are hashes, patients take turns. Written one by one, each entry would cost a
//! page of the database. So the newest stay in memory, divided into shares of neighbours, and each commit moves the shares whose
//! turn it is into the index's table. A row number is kept with the table: no row up to it is missing there. What was in memory when a
//! process ended is read again from the rows behind it.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use rusqlite::{CachedStatement, Row};

use super::database::Database;
use super::failure;
use crate::PortError;

/// How many entries a commit moves at most for each that it added, so that none takes long.
const MOVED_FOR_ONE: usize = 2;

/// What an index finds rows by.
pub(super) trait Key: Ord + Hash + Copy {
    /// Into how many shares the keys are divided.
    const SHARES: usize;
    /// How many entries stay in memory. About twice as many rows are read when a ward is opened.
    const RECENT: usize;
    /// Under which name the row is kept up to which none is missing.
    const NAME: &'static str;
    /// Selects the rows behind a number, that first.
    const ROWS: &'static str;
    /// Inserts an entry.
    const INSERT: &'static str;
    /// Deletes a key's entry, and what is left of older ones.
    const DELETE: &'static str;

    /// Which share it belongs to.
    fn share(&self) -> usize;

    /// Of a row of [`Self::ROWS`].
    fn of(row: &Row<'_>) -> rusqlite::Result<Self>;

    /// Executes [`Self::INSERT`].
    fn insert(&self, statement: &mut CachedStatement<'_>, reading: i64) -> rusqlite::Result<()>;

    /// Executes [`Self::DELETE`].
    fn delete(&self, statement: &mut CachedStatement<'_>) -> rusqlite::Result<()>;
}

/// An index whose newest entries are in memory.
#[derive(Debug)]
pub(super) struct Deferred<K> {
    shares: Vec<HashMap<K, i64>>,
    recent: usize,
    /// The last row there was when each share was moved, beginning with the share that is moved next.
    moved_up_to: VecDeque<i64>,
    next_share: usize,
    /// Entries added since the last commit.
    added: usize,
}

impl<K: Key> Deferred<K> {
    /// What `database` holds and the index's table does not.
    pub(super) fn load(database: &Database) -> Result<Self, PortError> {
        let indexed = indexed::<K>(database)?;
        let mut index = Self {
            shares: vec![HashMap::new(); K::SHARES],
            recent: 0,
            moved_up_to: VecDeque::from(vec![indexed; K::SHARES]),
            next_share: 0,
            added: 0,
        };
        index.read_behind(database, indexed).map_err(failure::database("reading the newest readings"))?;
        Ok(index)
    }

    fn read_behind(&mut self, database: &Database, indexed: i64) -> rusqlite::Result<()> {
        let mut select = database.connection.prepare(K::ROWS)?;
        let mut rows = select.query([indexed])?;
        while let Some(row) = rows.next()? {
            self.insert(K::of(row)?, row.get(0)?);
        }
        self.added = 0;
        Ok(())
    }

    /// Up to which row none is missing in the table.
    pub(super) fn indexed(&self) -> i64 {
        self.moved_up_to.front().copied().unwrap_or(0)
    }

    /// The row of a key that is in memory.
    pub(super) fn recent(&self, key: &K) -> Option<i64> {
        self.shares[key.share()].get(key).copied()
    }

    /// Adds an entry; one of the same key gives way.
    pub(super) fn insert(&mut self, key: K, reading: i64) {
        self.added += 1;
        if self.shares[key.share()].insert(key, reading).is_none() {
            self.recent += 1;
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, database: &Database, key: &K) -> rusqlite::Result<()> {
        if self.shares[key.share()].remove(key).is_some() {
            self.recent -= 1;
        }
        key.delete(&mut database.connection.prepare_cached(K::DELETE)?)
    }

    /// Moves what is too much in memory into the table. `last_row` is the last one that was written.
    pub(super) fn settle(&mut self, database: &Database, last_row: i64) -> Result<(), PortError> {
        let too_many = self.recent.saturating_sub(K::RECENT);
        let to_move = too_many.min(MOVED_FOR_ONE * self.added);
        self.added = 0;
        if to_move == 0 {
            return Ok(());
        }
        let stay = self.recent - to_move;
        while self.recent > stay {
            self.move_share(database, last_row).map_err(failure::database("indexing readings"))?;
        }
        database.set_meta(K::NAME, &self.indexed().to_string())
    }

    fn move_share(&mut self, database: &Database, last_row: i64) -> rusqlite::Result<()> {
        let mut insert = database.connection.prepare_cached(K::INSERT)?;
        let mut share: Vec<(K, i64)> = self.shares[self.next_share].drain().collect();
        share.sort_unstable();
        self.recent -= share.len();
        for (key, reading) in share {
            key.insert(&mut insert, reading)?;
        }
        self.moved_up_to.pop_front();
        self.moved_up_to.push_back(last_row);
        self.next_share = (self.next_share + 1) % K::SHARES;
        Ok(())
    }
}

/// Up to which row none is missing in an index's table.
pub(super) fn indexed<K: Key>(database: &Database) -> Result<i64, PortError> {
    Ok(database.meta(K::NAME)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::*;

    /// A small index of numbers, by their last two bits.
    impl Key for i64 {
        const SHARES: usize = 4;
        const RECENT: usize = 5;
        const NAME: &'static str = "numbers_indexed";
        const ROWS: &'static str = "SELECT seq, number FROM numbers WHERE seq > ?1";
        const INSERT: &'static str =
            "INSERT INTO by_number VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = ?2";
        const DELETE: &'static str = "DELETE FROM by_number WHERE number = ?1";

        fn share(&self) -> usize {
            usize::try_from(self & 3).unwrap()
        }

        fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
            row.get(1)
        }

        fn insert(&self, statement: &mut CachedStatement<'_>, reading: i64) -> rusqlite::Result<()> {
            statement.execute([*self, reading]).map(drop)
        }

        fn delete(&self, statement: &mut CachedStatement<'_>) -> rusqlite::Result<()> {
            statement.execute([*self]).map(drop)
        }
    }

    fn find(database: &Database, index: &Deferred<i64>, number: i64) -> Option<i64> {
        let in_table = || {
            let sql = "SELECT seq FROM by_number WHERE number = ?1";
            database.connection.query_row(sql, [number], |row| row.get(0)).ok()
        };
        index.recent(&number).or_else(in_table)
    }

    fn put(database: &Database, index: &mut Deferred<i64>, number: i64, seq: i64) {
        database.execute(&format!("DELETE FROM numbers WHERE number = {number}"), "").unwrap();
        database.execute(&format!("INSERT INTO numbers VALUES ({seq}, {number})"), "").unwrap();
        index.insert(number, seq);
    }

    proptest! {
        #[test]
        fn every_row_is_found_whenever_the_process_ended(
            steps in proptest::collection::vec((0..40_i64, 0..10_u8), 1..120),
        ) {
            let database = Database { connection: Connection::open_in_memory().unwrap() };
            let schema = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT);
                 CREATE TABLE numbers (seq INTEGER PRIMARY KEY, number INTEGER);
                 CREATE TABLE by_number (number INTEGER PRIMARY KEY, seq INTEGER);";
            database.execute(schema, "").unwrap();
            let mut index = Deferred::<i64>::load(&database).unwrap();
            let mut model = BTreeMap::new();
            for (seq, (number, what)) in (1..).zip(steps) {
                match (what, model.get(&number).copied()) {
                    (0, _) => index = Deferred::load(&database).unwrap(),
                    (1, Some(old)) => {
                        database.execute(&format!("DELETE FROM numbers WHERE seq = {old}"), "").unwrap();
                        index.remove(&database, &number).unwrap();
                        model.remove(&number);
                    }
                    _ => {
                        put(&database, &mut index, number, seq);
                        model.insert(number, seq);
                    }
                }
                if what % 2 == 0 {
                    index.settle(&database, seq).unwrap();
                }
                for number in 0..40 {
                    prop_assert_eq!(find(&database, &index, number), model.get(&number).copied());
                }
                prop_assert!(index.recent <= 5 + 120);
            }
        }
    }
}
