//! The archive of normal readings: segments in a directory, or objects in an S3-compatible store.
//!
//! Whoever owns a partition appends its lines and then commits the offset with the [`Mark`] that the append gave, as the commit's
//! metadata. So archive and offset are committed in one step: what was appended and not committed is not there for the next
//! owner. `docs/adr/0007-archive-commits.md` says why nothing is lost, torn or repeated.

mod decode;
mod directory;
mod files;
mod lines;
mod mark;
mod name;
mod objects;
mod partition;
mod reader;
mod s3;
mod selection;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use jiff::Timestamp;

pub use directory::DirectorySettings;
pub use lines::{Expired, Gather, Lines, must_resume};
pub use mark::Mark;
pub use reader::{ArchiveReader, LinePlace};
pub use s3::{AccessKey, S3Settings, S3SetupError};

use crate::PortError;
pub use crate::segments::Compression;
use directory::Directory;
use objects::Objects;

/// The archive of normal readings, as the owner of some partitions writes it.
///
/// For each partition, again and again: [`Self::append_all`], commit the offset with the mark, [`Self::committed`].
#[derive(Debug)]
pub struct ArchiveStore(Kind);

#[derive(Debug)]
enum Kind {
    Directory(Directory),
    Objects(Objects),
}

impl ArchiveStore {
    /// An archive in a directory, which several replicas may share.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub fn directory(settings: DirectorySettings) -> Result<Self, PortError> {
        Directory::open(settings).map(Kind::Directory).map(Self)
    }

    /// An archive in an S3-compatible object store. Nothing is asked of the store yet.
    ///
    /// # Errors
    ///
    /// The settings cannot be used.
    pub fn s3(settings: &S3Settings) -> Result<Self, S3SetupError> {
        Objects::open(settings).map(Kind::Objects).map(Self)
    }

    /// How much is worth one append.
    pub const fn gather(&self) -> Gather {
        match self.0 {
            Kind::Directory(_) => Directory::GATHER,
            Kind::Objects(_) => Objects::GATHER,
        }
    }

    /// Takes a partition over that is read from `offset` on. Gives the mark that claims it: commit it with `offset` and call
    /// [`Self::committed`] before anything is appended. `committed` is the mark in the metadata of what is committed now, read
    /// after the partition was assigned. Safe to repeat, after a kill at any moment too.
    ///
    /// # Errors
    ///
    /// [`PortError::Damaged`] where committed lines are not there any more, or what reading fails with.
    pub async fn resume(
        &mut self,
        topic: &str,
        partition: i32,
        offset: u64,
        committed: Option<&Mark>,
    ) -> Result<Mark, PortError> {
        let now = Timestamp::now();
        match &mut self.0 {
            Kind::Directory(store) => {
                store.resume((topic.into(), partition), offset, committed.cloned(), now).await
            }
            Kind::Objects(store) => store.resume((topic.into(), partition), offset, committed),
        }
    }

    /// Appends lines of several partitions, at most one batch of each, at the same time. Each is durable where its mark is
    /// given, and counts once the mark is committed. Where one failed, the same lines (and more behind them) can be appended
    /// again, unless [`must_resume`]. `now` decides which day's segment they come into.
    pub async fn append_all(&mut self, lines: Vec<Lines>, now: Timestamp) -> Vec<Result<Mark, PortError>> {
        match &mut self.0 {
            Kind::Directory(store) => store.append_all(lines, now).await,
            Kind::Objects(store) => store.append_all(lines).await,
        }
    }

    /// What is to be committed with every offset of a partition, also where nothing was appended; none where it is not resumed.
    pub fn mark(&self, topic: &str, partition: i32) -> Option<&Mark> {
        match &self.0 {
            Kind::Directory(store) => store.mark(&(topic.into(), partition)),
            Kind::Objects(store) => store.mark(&(topic.into(), partition)),
        }
    }

    /// Takes note that the last mark of a partition is committed. Where that is not known (the commit failed, but may have
    /// arrived all the same), call [`Self::release`] instead, and resume from what is committed then.
    pub async fn committed(&mut self, topic: &str, partition: i32) {
        match &mut self.0 {
            Kind::Directory(store) => store.committed((topic.into(), partition)).await,
            Kind::Objects(store) => store.committed(&(topic.into(), partition)),
        }
    }

    /// Gives a partition up: it was revoked, or a commit of it failed. What was not committed is cut off by whoever resumes it.
    pub fn release(&mut self, topic: &str, partition: i32) {
        match &mut self.0 {
            Kind::Directory(store) => store.release(&(Arc::from(topic), partition)),
            Kind::Objects(store) => store.release(&(Arc::from(topic), partition)),
        }
    }

    /// Removes segments whose last lines are older than the retention. Commit [`Self::mark`] of idle partitions now and then: it
    /// names no segment any more that was removed.
    ///
    /// # Errors
    ///
    /// What listing and removing fails with.
    pub async fn expire(&mut self, now: Timestamp) -> Result<Expired, PortError> {
        match &mut self.0 {
            Kind::Directory(store) => store.expire(now).await,
            Kind::Objects(store) => store.expire(now).await,
        }
    }
}
