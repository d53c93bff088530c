//! Positions in sources other than files: a text state under a name, committed together with the results.

use rusqlite::OptionalExtension;
use tokio::task::block_in_place;

use super::database::Database;
use super::{EmbeddedStore, failure};
use crate::files::FilePosition;
use crate::{Checkpoint, PortError, Tallies};

/// How far a source was used that is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPosition {
    /// The source's name: one position is kept of each.
    pub source: String,
    /// The position, in whatever text the source understands.
    pub state: String,
}

/// How far any source of an embedded ward was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbeddedPosition {
    /// A file.
    File(FilePosition),
    /// Something else.
    Named(NamedPosition),
}

impl From<FilePosition> for EmbeddedPosition {
    fn from(position: FilePosition) -> Self {
        Self::File(position)
    }
}

impl From<NamedPosition> for EmbeddedPosition {
    fn from(position: NamedPosition) -> Self {
        Self::Named(position)
    }
}

impl Database {
    fn named_position(&self, source: &str) -> Result<Option<String>, PortError> {
        let sql = "SELECT state FROM positions WHERE source = ?1";
        let failed = || failure::database("reading the position");
        let mut select = self.connection.prepare_cached(sql).map_err(failed())?;
        select.query_row([source], |row| row.get(0)).optional().map_err(failed())
    }

    pub(super) fn set_named_position(&self, position: &NamedPosition) -> Result<(), PortError> {
        let sql = "INSERT INTO positions VALUES (?1, ?2) ON CONFLICT DO UPDATE SET state = excluded.state";
        let failed = || failure::database("writing the position");
        let mut upsert = self.connection.prepare_cached(sql).map_err(failed())?;
        upsert.execute([&position.source, &position.state]).map(drop).map_err(failed())
    }
}

impl EmbeddedStore {
    /// The state last committed for a source; none where it was never used.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn named_position(&self, source: &str) -> Result<Option<String>, PortError> {
        self.locked().database.named_position(source)
    }
}

impl Checkpoint<NamedPosition> for EmbeddedStore {
    async fn commit(&mut self, position: NamedPosition, tallies: &Tallies) -> Result<(), PortError> {
        block_in_place(|| self.locked().commit_named(&position, &tallies.total()))
    }
}

impl Checkpoint<EmbeddedPosition> for EmbeddedStore {
    async fn commit(&mut self, position: EmbeddedPosition, tallies: &Tallies) -> Result<(), PortError> {
        block_in_place(|| match position {
            EmbeddedPosition::File(position) => self.locked().commit_input(position, &tallies.total()),
            EmbeddedPosition::Named(position) => self.locked().commit_named(&position, &tallies.total()),
        })
    }
}
