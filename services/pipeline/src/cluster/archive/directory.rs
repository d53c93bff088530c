//! The archive in a directory: a volume that several replicas may share.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::lines::{Expired, Gather, Lines, Refusal};
use super::mark::Mark;
use super::name::Stage;
use super::partition::{Partition, day};
use super::{files, walk};
use crate::PortError;
use crate::segments::{Compression, SEGMENT_BYTES};

/// How much later than this one another replica's clock may begin a day.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_hours(1);

/// Where and how segments are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySettings {
    /// Made if it is missing; its parent has to be there.
    pub directory: PathBuf,
    /// How segments are written.
    pub compression: Compression,
    /// From which length on a segment is closed, in bytes.
    pub segment_bytes: u64,
    /// How long after its last lines a segment is kept; for ever where it is none.
    pub retention: Option<SignedDuration>,
}

impl DirectorySettings {
    /// zstd, segments of 64 MiB, kept for ever.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            compression: Compression::Zstd,
            segment_bytes: SEGMENT_BYTES,
            retention: None,
        }
    }
}

type Place = (Arc<str>, i32);

/// The archive in a directory.
#[derive(Debug)]
pub(super) struct Directory {
    settings: Arc<DirectorySettings>,
    partitions: HashMap<Place, Partition>,
}

impl Directory {
    pub(super) fn open(settings: DirectorySettings) -> Result<Self, PortError> {
        let path = &settings.directory;
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PortError::io(format!("creating {}", path.display()))(error));
            }
            _ => {}
        }
        Ok(Self { settings: Arc::new(settings), partitions: HashMap::new() })
    }

    /// An append is one sync of the disk: half a second costs next to nothing and keeps a kill's repetition short.
    pub(super) const GATHER: Gather = Gather { after: Duration::from_millis(500), bytes: 2 * 1024 * 1024 };

    pub(super) async fn resume(
        &mut self,
        place: Place,
        offset: u64,
        committed: Option<Mark>,
        now: Timestamp,
    ) -> Result<Mark, PortError> {
        self.partitions.remove(&place);
        let settings = Arc::clone(&self.settings);
        let key = place.clone();
        let resumed = blocking(move || Partition::resume(&settings, key, offset, committed.as_ref(), now));
        let partition = resumed.await??;
        let mark = partition.mark().clone();
        self.partitions.insert(place, partition);
        Ok(mark)
    }

    /// Each partition in a thread of its own: their syncs overlap.
    pub(super) async fn append_all(
        &mut self,
        lines: Vec<Lines>,
        now: Timestamp,
    ) -> Vec<Result<Mark, PortError>> {
        let begun: Vec<_> = lines.into_iter().map(|lines| self.begin_append(lines, now)).collect();
        let mut results = Vec::with_capacity(begun.len());
        for (place, append) in begun {
            results.push(match append {
                Err(error) => Err(error),
                Ok(append) => match append.await {
                    Ok((partition, result)) => {
                        self.partitions.insert(place, partition);
                        result
                    }
                    Err(error) => Err(interrupted(&error)),
                },
            });
        }
        results
    }

    #[expect(clippy::type_complexity, reason = "used once")]
    fn begin_append(
        &mut self,
        lines: Lines,
        now: Timestamp,
    ) -> (Place, Result<tokio::task::JoinHandle<(Partition, Result<Mark, PortError>)>, PortError>) {
        let place = (Arc::clone(&lines.topic), lines.partition);
        let Some(mut partition) = self.partitions.remove(&place) else {
            let error = Refusal::NotResumed.of(&place.0, place.1);
            return (place, Err(error));
        };
        let append = tokio::task::spawn_blocking(move || {
            let result = partition.append(&lines, now);
            (partition, result)
        });
        (place, Ok(append))
    }

    pub(super) async fn committed(&mut self, place: Place) {
        let Some(partition) = self.partitions.get_mut(&place) else { return };
        if !partition.is_changing_hands() {
            return partition.committed();
        }
        let Some(mut partition) = self.partitions.remove(&place) else { return };
        let removed = blocking(move || {
            partition.committed();
            partition
        });
        if let Ok(partition) = removed.await {
            self.partitions.insert(place, partition);
        }
    }

    pub(super) fn mark(&self, place: &Place) -> Option<&Mark> {
        self.partitions.get(place).map(Partition::mark)
    }

    pub(super) fn release(&mut self, place: &Place) {
        self.partitions.remove(place);
    }

    pub(super) async fn expire(&mut self, now: Timestamp) -> Result<Expired, PortError> {
        let Some(limit) = self.settings.retention.and_then(|retention| now.checked_sub(retention).ok())
        else {
            return Ok(Expired::default());
        };
        for partition in self.partitions.values_mut() {
            partition.expire(|written| is_idle(written, limit, now));
        }
        let directory = self.settings.directory.clone();
        blocking(move || expire(&directory, limit, now)).await?
    }
}

/// Whether nobody appends any more to an open segment that was last written then, and it is to be removed.
fn is_idle(written: Timestamp, limit: Timestamp, now: Timestamp) -> bool {
    let is_of_another_day = now.checked_sub(CLOCKS_DIFFER).is_ok_and(|now| day(written) < day(now));
    written < limit && is_of_another_day
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, PortError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| interrupted(&error))
}

fn interrupted(error: &tokio::task::JoinError) -> PortError {
    PortError::io("writing the archive")(io::Error::other(error.to_string()))
}

/// Removes segments last written before `limit`: of every partition, as a topic that is gone has no owner.
fn expire(directory: &Path, limit: Timestamp, now: Timestamp) -> Result<Expired, PortError> {
    let mut expired = Expired::default();
    for (_, _, directory) in walk::partitions(directory)? {
        let failed = || PortError::io(format!("removing what is old from {}", directory.display()));
        for (name, stage) in files::segments(&directory).map_err(failed())? {
            let removed = expire_one(&directory.join(name.at(stage)), stage, limit, now).map_err(failed())?;
            expired.segments += u64::from(removed.is_some());
            expired.bytes += removed.unwrap_or_default();
        }
    }
    Ok(expired)
}

/// Its length, where it was removed.
fn expire_one(path: &Path, stage: Stage, limit: Timestamp, now: Timestamp) -> io::Result<Option<u64>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let written = Timestamp::try_from(metadata.modified()?).map_err(io::Error::other)?;
    let is_expired = match stage {
        Stage::Closed => written < limit,
        Stage::Open | Stage::Part => is_idle(written, limit, now),
    };
    if !is_expired {
        return Ok(None);
    }
    match files::remove(path) {
        Ok(()) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
