//! What a partition's owner does with what earlier owners left: checks it, copies what is committed, removes the rest.

use std::fs::File;
use std::io;

use jiff::{SignedDuration, Timestamp};

use super::super::files;
use super::super::lines::Refusal;
use super::super::mark::Extent;
use super::super::name::{SegmentName, Stage};
use super::Partition;
use crate::PortError;

impl Partition {
    /// Whether what is committed is there.
    pub(super) fn check(&self, extent: &Extent, now: Timestamp) -> Result<(), PortError> {
        let name = extent.name.to_string();
        let found =
            files::open_segment(&self.directory, &extent.name).map_err(self.failed("opening", &name))?;
        let length = match &found {
            Some((file, _)) => file.metadata().map_err(self.failed("reading", &name))?.len(),
            None if self.is_past_retention(extent, now) => return Ok(()),
            None => 0,
        };
        if length < extent.bytes { Err(self.damaged(extent, length)) } else { Ok(()) }
    }

    pub(super) fn is_past_retention(&self, extent: &Extent, now: Timestamp) -> bool {
        self.settings.retention.is_some_and(|retention| {
            // The mark has whole seconds.
            let limit =
                now.checked_sub(retention).and_then(|limit| limit.checked_sub(SignedDuration::from_secs(1)));
            limit.is_ok_and(|limit| extent.written <= limit)
        })
    }

    pub(super) fn damaged(&self, extent: &Extent, length: u64) -> PortError {
        PortError::Damaged(format!(
            "the archive segment {} has {length} bytes, but {} bytes with {} lines are committed: put the file back from a copy. If \
             there is none, what it held is lost; to go on without it, reset the consumer group's offsets of {}/{} to where they are \
             (kafka-consumer-groups --reset-offsets --to-current). Nothing was changed",
            self.directory.join(extent.name.to_string()).display(),
            extent.bytes,
            extent.lines,
            self.topic,
            self.number
        ))
    }

    /// Removes what earlier owners began and never committed. Only once this owner's claim is committed: no earlier one can
    /// commit any more then. Whatever a later one has is let alone.
    pub(super) fn clean_up(&mut self) {
        if self.is_cleaned {
            return;
        }
        match files::segments(&self.directory).and_then(|found| self.remove_uncommitted(&found)) {
            Ok(()) => self.is_cleaned = true,
            Err(error) => self.warn(&error),
        }
    }

    fn remove_uncommitted(&self, found: &[(SegmentName, Stage)]) -> io::Result<()> {
        let marked = self.marked.as_ref().map(|extent| &extent.name);
        for (name, stage) in found {
            let is_earlier = name.lineage == self.claim.lineage && name.epoch < self.claim.epoch;
            if !is_earlier || (marked == Some(name) && *stage != Stage::Part) {
                continue;
            }
            let is_copy_of_marked = marked.is_some_and(|marked| marked.first_offset == name.first_offset);
            if *stage == Stage::Closed && !is_copy_of_marked {
                continue;
            }
            tracing::info!(segment = %name, "removed a segment that was begun and never committed");
            match files::remove(&self.directory.join(name.at(*stage))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Copies what is committed of an earlier owner's segment, who may be paused rather than dead and write to it later. None
    /// where there is nothing to copy: it is closed, or retention removed it.
    pub(super) fn take_over(
        &mut self,
        extent: &Extent,
        stage: Stage,
        now: Timestamp,
    ) -> Result<Option<(Extent, File)>, PortError> {
        let old = extent.name.to_string();
        let found =
            files::open_segment(&self.directory, &extent.name).map_err(self.failed("opening", &old))?;
        let Some((source, old_stage)) = found else {
            if self.is_past_retention(extent, now) {
                return Ok(None);
            }
            return Err(self.refuse(Refusal::Superseded));
        };
        let length = source.metadata().map_err(self.failed("reading", &old))?.len();
        if old_stage == Stage::Closed && length == extent.bytes {
            return Ok(None);
        }
        let name = SegmentName { epoch: self.claim.epoch, ..extent.name.clone() };
        let part = self.directory.join(name.at(Stage::Part));
        // One of this owner's, that could not be removed.
        let _ = files::remove(&part);
        let copy = match files::copy(&source, extent.bytes, &part) {
            Ok((_, copied)) if copied < extent.bytes => Err(self.damaged(extent, copied)),
            Ok((file, _)) => files::rename(&self.directory, &name, Stage::Part, stage)
                .map(|()| file)
                .map_err(self.failed("copying", &old)),
            Err(error) => Err(self.failed("copying", &old)(error)),
        };
        let file = copy.inspect_err(|_| drop(files::remove(&part)))?;
        self.is_name_durable = false;
        self.copied = Some(extent.name.clone());
        Ok(Some((Extent { name, ..extent.clone() }, file)))
    }
}
