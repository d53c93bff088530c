//! Reading an archive back: every committed line once.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mark::{Claim, Committed, Mark};
use super::objects::Bucket;
use super::s3::{S3Settings, S3SetupError};
use super::selection::{Selected, select};
use super::{decode, files, walk};
use crate::PortError;

/// Where a line comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePlace {
    /// Its record's topic.
    pub topic: Arc<str>,
    /// Its record's partition.
    pub partition: i32,
}

/// Reads an archive, while it is written too.
#[derive(Debug)]
pub struct ArchiveReader(Kind);

#[derive(Debug)]
enum Kind {
    Directory(PathBuf),
    Objects(Bucket),
}

impl ArchiveReader {
    /// Reads a directory's archive.
    pub fn directory(directory: impl Into<PathBuf>) -> Self {
        Self(Kind::Directory(directory.into()))
    }

    /// Reads an object store's archive.
    ///
    /// # Errors
    ///
    /// The settings cannot be used.
    pub fn s3(settings: &S3Settings) -> Result<Self, S3SetupError> {
        Bucket::open(settings).map(Kind::Objects).map(Self)
    }

    /// Hands over each line, without its line end. `mark` gives the mark in a partition's committed metadata: with it, exactly
    /// what is committed is read. Without one (the topic is gone, or Kafka is not asked) the last lines may be such that are
    /// not committed yet. Blocks while it reads files.
    ///
    /// # Errors
    ///
    /// [`PortError::Damaged`], what reading fails with, or what `visit` does.
    pub async fn for_each(
        &self,
        mark: impl Fn(&str, i32) -> Option<Mark>,
        mut visit: impl FnMut(&LinePlace, &[u8]) -> Result<(), PortError>,
    ) -> Result<(), PortError> {
        let mark = |topic: &str, partition| mark(topic, partition).map(|mark| mark.read()).transpose();
        match &self.0 {
            Kind::Directory(directory) => {
                for (topic, partition, directory) in walk::partitions(directory)? {
                    let mark = mark(&topic, partition)?;
                    let place = LinePlace { topic: topic.into(), partition };
                    read_directory(&directory, mark.as_ref(), &mut |line| visit(&place, line))?;
                }
                Ok(())
            }
            Kind::Objects(bucket) => {
                let mut partitions: Vec<_> = bucket.partitions().await?.into_iter().collect();
                partitions.sort_by(|(one, _), (other, _)| one.cmp(other));
                for ((topic, partition), found) in partitions {
                    let mark = mark(&topic, partition)?;
                    let place = LinePlace { topic: topic.into(), partition };
                    for segment in select(&found, mark.as_ref()) {
                        read_object(bucket, &place, &segment, &mut |line| visit(&place, line)).await?;
                    }
                }
                Ok(())
            }
        }
    }
}

pub(super) fn read_directory(
    directory: &Path,
    mark: Option<&(Claim, Committed)>,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let failed = || PortError::io(format!("reading {}", directory.display()));
    let found = files::segments(directory).map_err(failed())?;
    for segment in select(&found, mark) {
        let damaged = |error: &io::Error| damaged(&directory.join(segment.name.to_string()).display(), error);
        let file = files::open_segment(directory, &segment.name).map_err(failed())?;
        // Retention, or who took the partition over, may have removed it since.
        let Some((file, stage)) = file else { return Err(damaged(&io::ErrorKind::NotFound.into())) };
        let length = segment.bytes.unwrap_or(u64::MAX);
        let bytes = BufReader::with_capacity(256 * 1024, File::take(file, length));
        // What is committed is whole.
        let stage = if segment.bytes.is_some() { super::name::Stage::Closed } else { stage };
        decode::lines(bytes, (segment.name.compression, stage), damaged, visit)?;
    }
    Ok(())
}

async fn read_object(
    bucket: &Bucket,
    place: &LinePlace,
    segment: &Selected,
    visit: &mut dyn FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let place = (Arc::clone(&place.topic), place.partition);
    let bytes = bucket.get(&place, &segment.name).await?;
    let damaged = |error: &io::Error| damaged(&bucket.display(&place, &segment.name), error);
    decode::lines(bytes.as_slice(), (segment.name.compression, segment.stage), damaged, visit)
}

fn damaged(segment: &dyn std::fmt::Display, error: &io::Error) -> PortError {
    PortError::Damaged(format!(
        "the archive segment {segment} cannot be read ({error}): where it was not replaced meanwhile (then read again), put it back \
         from a copy"
    ))
}
