//! One partition's segments in a directory, as the owner of the partition writes them.

use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::directory::DirectorySettings;
use super::files;
use super::lines::{Lines, Refusal};
use super::mark::{Claim, Committed, Extent, Mark};
use super::name::{SegmentName, Stage};
use crate::PortError;

/// What the next lines are appended to.
#[derive(Debug)]
enum Held {
    /// Nothing yet: a segment is begun.
    Nothing,
    /// A segment of an earlier owner, who may still write to it: it is copied first.
    Earlier(Extent),
    /// A segment of this owner.
    Open(Extent, File),
}

/// One partition's segments, as its owner writes them.
#[derive(Debug)]
pub(super) struct Partition {
    settings: Arc<DirectorySettings>,
    topic: Arc<str>,
    number: i32,
    directory: PathBuf,
    claim: Claim,
    held: Held,
    /// What the mark names.
    marked: Option<Extent>,
    mark: Mark,
    /// Whether the mark is not committed yet.
    is_uncommitted: bool,
    /// Whether what earlier owners left is removed.
    is_cleaned: bool,
    /// Whether the segment's name is durable.
    is_name_durable: bool,
    /// The segment whose copy is to be committed.
    copied: Option<SegmentName>,
}

/// Where a partition's segments lie below the archive.
pub(super) fn directory_of(topic: &str, partition: i32) -> PathBuf {
    Path::new(topic).join(partition.to_string())
}

/// The day (UTC) of a time.
pub(super) fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

impl Partition {
    /// Goes on from what is committed, or begins where nothing is.
    pub(super) fn resume(
        settings: &Arc<DirectorySettings>,
        (topic, number): (Arc<str>, i32),
        offset: u64,
        committed: Option<&Mark>,
        now: Timestamp,
    ) -> Result<Self, PortError> {
        let below = directory_of(&topic, number);
        let directory = settings.directory.join(&below);
        let what = || format!("creating {}", directory.display());
        files::make_directory(&settings.directory, &below).map_err(PortError::io(what()))?;
        let (claim, marked) = match committed.map(Mark::read).transpose()? {
            Some((claim, Committed::Directory(marked))) if !begins_again(marked.as_ref(), offset) => {
                (claim.next(), marked)
            }
            _ => (Claim::first(), None),
        };
        let mut partition = Self {
            settings: Arc::clone(settings),
            topic,
            number,
            directory,
            claim,
            held: Held::Nothing,
            mark: Mark::new(claim, &Committed::Directory(marked.clone())),
            marked: None,
            is_uncommitted: true,
            is_cleaned: false,
            is_name_durable: true,
            copied: None,
        };
        if let Some(extent) = marked {
            partition.check(&extent, now)?;
            partition.marked = Some(extent.clone());
            partition.held = Held::Earlier(extent);
        }
        Ok(partition)
    }

    /// What is to be committed with every offset of the partition.
    pub(super) const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Appends lines; they are durable then. What is there more than the mark says is cut off by the next owner.
    pub(super) fn append(&mut self, lines: &Lines, now: Timestamp) -> Result<Mark, PortError> {
        self.check_order(lines)?;
        self.clean_up();
        let encoded = self.settings.compression.encode(&lines.text);
        let bytes = encoded.map_err(PortError::io("encoding archive lines"))?;
        self.open(lines, now)?;
        self.write(&bytes)?;
        if !mem::replace(&mut self.is_name_durable, true) {
            self.sync_names()?;
        }
        let Held::Open(extent, _) = &mut self.held else { return Err(self.refuse(Refusal::Superseded)) };
        extent.bytes += bytes.len() as u64;
        extent.lines += lines.count;
        extent.written = Timestamp::from_second(now.as_second()).unwrap_or(now);
        self.marked = Some(extent.clone());
        self.mark = Mark::new(self.claim, &Committed::Directory(self.marked.clone()));
        self.is_uncommitted = true;
        Ok(self.mark.clone())
    }

    /// Takes note that the mark is committed: what it replaces can go.
    pub(super) fn committed(&mut self) {
        if !mem::replace(&mut self.is_uncommitted, false) {
            return;
        }
        if let Some(name) = self.copied.take()
            && let Err(error) = files::remove_segment(&self.directory, &name)
        {
            self.warn(&error);
            self.is_cleaned = false;
        }
    }

    /// Whether something waits to be removed once the mark is committed.
    pub(super) const fn is_changing_hands(&self) -> bool {
        self.copied.is_some()
    }

    /// Names a segment no more that retention removes.
    pub(super) fn expire(&mut self, is_expired: impl Fn(Timestamp) -> bool) {
        let is_idle = self.marked.as_ref().is_some_and(|extent| is_expired(extent.written));
        if self.is_uncommitted || !is_idle {
            return;
        }
        self.held = Held::Nothing;
        self.marked = None;
        self.mark = Mark::new(self.claim, &Committed::Directory(None));
    }

    fn refuse(&self, refusal: Refusal) -> PortError {
        refusal.of(&self.topic, self.number)
    }

    fn failed(&self, doing: &str, name: &str) -> impl FnOnce(io::Error) -> PortError + use<> {
        PortError::io(format!("{doing} {}", self.directory.join(name).display()))
    }

    fn warn(&self, error: &io::Error) {
        let directory = self.directory.display();
        tracing::warn!(%directory, %error, "what earlier owners of a partition left in the archive is not removed yet");
    }

    fn check_order(&self, lines: &Lines) -> Result<(), PortError> {
        if self.is_uncommitted {
            return Err(self.refuse(Refusal::Uncommitted));
        }
        if begins_again(self.marked.as_ref(), lines.offsets.start) {
            return Err(self.refuse(Refusal::Backwards));
        }
        Ok(())
    }

    /// Whether what is committed is there.
    fn check(&self, extent: &Extent, now: Timestamp) -> Result<(), PortError> {
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

    fn is_past_retention(&self, extent: &Extent, now: Timestamp) -> bool {
        self.settings.retention.is_some_and(|retention| {
            let limit = now.checked_sub(retention + SignedDuration::from_secs(1));
            limit.is_ok_and(|limit| extent.written <= limit)
        })
    }

    fn damaged(&self, extent: &Extent, length: u64) -> PortError {
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

    /// Removes what earlier owners began and never committed. Only once this owner's claim is committed: no earlier one can commit
    /// any more then. Whatever a later one has is let alone.
    fn clean_up(&mut self) {
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

    /// Sees to it that a segment of this owner is open.
    fn open(&mut self, lines: &Lines, now: Timestamp) -> Result<(), PortError> {
        match mem::replace(&mut self.held, Held::Nothing) {
            Held::Nothing => self.begin(lines, now),
            Held::Open(extent, file) => {
                if self.may_grow(&extent, now) {
                    self.held = Held::Open(extent, file);
                    return Ok(());
                }
                if let Err(error) = self.close(&extent, &file, now) {
                    self.held = Held::Open(extent, file);
                    return Err(error);
                }
                self.begin(lines, now)
            }
            Held::Earlier(extent) => {
                let stage = if self.may_grow(&extent, now) { Stage::Open } else { Stage::Closed };
                let copy =
                    self.take_over(&extent, stage, now).inspect_err(|_| self.held = Held::Earlier(extent))?;
                match copy {
                    Some((extent, file)) if stage == Stage::Open => {
                        self.held = Held::Open(extent, file);
                        Ok(())
                    }
                    _ => self.begin(lines, now),
                }
            }
        }
    }

    /// Whether a segment is not to be closed yet. Nothing is ever appended on another day than the last lines: so who removes old
    /// segments can tell that nobody writes to one.
    fn may_grow(&self, extent: &Extent, now: Timestamp) -> bool {
        let is_as_set = extent.name.compression == self.settings.compression;
        let is_small = extent.bytes < self.settings.segment_bytes;
        is_as_set && is_small && (extent.bytes == 0 || day(extent.written) == day(now))
    }

    fn begin(&mut self, lines: &Lines, now: Timestamp) -> Result<(), PortError> {
        let name = SegmentName {
            first_offset: lines.offsets.start,
            first_time: SegmentName::time(lines.first_time),
            lineage: self.claim.lineage,
            epoch: self.claim.epoch,
            attempt: 0,
            compression: self.settings.compression,
        };
        let file_name = name.at(Stage::Open);
        let file =
            files::create(&self.directory.join(&file_name)).map_err(self.failed("creating", &file_name))?;
        self.is_name_durable = false;
        self.is_cleaned = false;
        self.held = Held::Open(Extent { name, bytes: 0, lines: 0, written: now }, file);
        Ok(())
    }

    /// Closes a segment of this owner, all of which is committed.
    fn close(&mut self, extent: &Extent, file: &File, now: Timestamp) -> Result<(), PortError> {
        self.trim(extent, file)?;
        match files::rename(&self.directory, &extent.name, Stage::Open, Stage::Closed) {
            Ok(()) => {
                self.is_name_durable = false;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.is_past_retention(extent, now) {
                    return Ok(());
                }
                Err(self.refuse(Refusal::Superseded))
            }
            Err(error) => Err(self.failed("closing", &extent.name.to_string())(error)),
        }
    }

    /// Copies what is committed of an earlier owner's segment, who may be paused rather than dead and write to it later. None where
    /// there is nothing to copy: it is closed, or retention removed it.
    fn take_over(
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

    /// Cuts off what an append that failed has left.
    fn trim(&self, extent: &Extent, file: &File) -> Result<(), PortError> {
        let name = extent.name.at(Stage::Open);
        let length = file.metadata().map_err(self.failed("reading", &name))?.len();
        if length < extent.bytes {
            return Err(self.damaged(extent, length));
        }
        if length > extent.bytes {
            files::cut(file, extent.bytes).map_err(self.failed("cutting", &name))?;
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> Result<(), PortError> {
        let Held::Open(extent, file) = &self.held else { return Err(self.refuse(Refusal::Superseded)) };
        let name = extent.name.at(Stage::Open);
        self.trim(extent, file)?;
        if let Err(error) = files::append(file, extent.bytes, bytes) {
            // What was written of it would only take room; the next append cuts it off if this fails.
            let _ = files::cut(file, extent.bytes);
            return Err(self.failed("writing", &name)(error));
        }
        // Who has taken the partition over removes the file; and lines in a file without a name are lost.
        if files::is_removed(file).map_err(self.failed("reading", &name))? {
            return Err(self.refuse(Refusal::Superseded));
        }
        Ok(())
    }

    fn sync_names(&mut self) -> Result<(), PortError> {
        files::sync(&self.directory).map_err(|error| {
            self.is_name_durable = false;
            PortError::io(format!("syncing {}", self.directory.display()))(error)
        })
    }
}

/// Whether offsets begin again: a segment's first lines stand before what is committed with it.
fn begins_again(marked: Option<&Extent>, offset: u64) -> bool {
    marked.is_some_and(|extent| offset <= extent.name.first_offset)
}
