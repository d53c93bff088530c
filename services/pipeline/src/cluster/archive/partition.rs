//! One partition's segments in a directory, as the owner of the partition writes them.

mod takeover;

use std::fs::File;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

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
