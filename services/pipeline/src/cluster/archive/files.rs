//! What is done to files. A kill may come between any two of these steps: tests put one, or another replica's work, before each.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::Path;

use super::name::{SegmentName, Stage};
use crate::segments::{create_private, sync_directory};

#[cfg(not(test))]
mod step;
#[cfg(test)]
#[path = "files/step_hooked.rs"]
pub(super) mod step;

/// Makes a directory below another, durably; those that are missing above it too.
pub(super) fn make_directory(root: &Path, below: &Path) -> io::Result<()> {
    let mut path = root.to_owned();
    for part in below {
        let parent = path.clone();
        path.push(part);
        step::before("make a directory")?;
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => sync_directory(&parent)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    step::before("create")?;
    create_private(path)
}

/// Copies so many bytes into a new file, durably. Fewer where the source has fewer.
pub(super) fn copy(source: &File, bytes: u64, target: &Path) -> io::Result<(File, u64)> {
    let mut file = create(target)?;
    step::before("copy")?;
    let copied = io::copy(&mut source.take(bytes), &mut file)?;
    step::before("sync a copy")?;
    file.sync_all()?;
    Ok((file, copied))
}

/// Writes behind `end`, durably.
pub(super) fn append(file: &File, end: u64, bytes: &[u8]) -> io::Result<()> {
    let (first, rest) = bytes.split_at(step::first_part(bytes.len()));
    step::before("write")?;
    file.write_all_at(first, end)?;
    if !rest.is_empty() {
        step::before("write the rest")?;
        file.write_all_at(rest, end + first.len() as u64)?;
    }
    step::before("sync a write")?;
    file.sync_data()
}

pub(super) fn cut(file: &File, end: u64) -> io::Result<()> {
    step::before("cut")?;
    file.set_len(end)
}

pub(super) fn rename(directory: &Path, name: &SegmentName, from: Stage, to: Stage) -> io::Result<()> {
    step::before("rename")?;
    fs::rename(directory.join(name.at(from)), directory.join(name.at(to)))
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    step::before("remove")?;
    fs::remove_file(path)
}

/// Removes an open segment that its owner may be closing meanwhile. Whether it was there.
pub(super) fn remove_segment(directory: &Path, name: &SegmentName) -> io::Result<bool> {
    // In this order: closing renames the open one.
    for stage in [Stage::Open, Stage::Closed] {
        match remove(&directory.join(name.at(stage))) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

pub(super) fn sync(directory: &Path) -> io::Result<()> {
    step::before("sync a directory")?;
    sync_directory(directory)
}

/// Opens a segment that its owner may be closing meanwhile; none where it is gone.
pub(super) fn open_segment(directory: &Path, name: &SegmentName) -> io::Result<Option<(File, Stage)>> {
    for stage in [Stage::Open, Stage::Closed] {
        step::before("open")?;
        match File::open(directory.join(name.at(stage))) {
            Ok(file) => return Ok(Some((file, stage))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The segments in a partition's directory.
pub(super) fn segments(directory: &Path) -> io::Result<Vec<(SegmentName, Stage)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.extend(entry?.file_name().to_str().and_then(SegmentName::parse));
    }
    Ok(names)
}

/// Whether a file has no name any more.
pub(super) fn is_removed(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() == 0)
}
