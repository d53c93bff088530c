//! Archive segments: JSON lines in files, plain or in zstd frames, each known to be durable up to a length.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::segments::{Compression, SEGMENT_BYTES, ZSTD_LEVEL, create_private, sync_directory};
use crate::{ArchiveLine, PortError};
use jiff::Timestamp;

/// A segment, and up to where it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its file name in the archive directory.
    pub name: String,
    /// Durable bytes.
    pub bytes: u64,
    /// Lines in them.
    pub lines: u64,
    /// When its last line was written.
    pub written: Timestamp,
}

/// Whether a file name is a segment's.
pub(super) fn is_segment(name: &str) -> bool {
    name.starts_with("readings-") && Compression::of(name).is_some()
}

/// Whether any segment lies in a directory.
pub(super) fn has_segments(directory: &Path) -> io::Result<bool> {
    let names = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name()));
    let names = names.collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().any(|name| name.to_str().is_some_and(is_segment)))
}

/// The name that a segment had before patients were erased from it, without what it is written as.
pub(super) fn first_name(name: &str) -> &str {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once("-r").map_or(stem, |(first, _)| first)
}

/// The name of a segment once a patient is erased from it, in the same place of the order: `…-r1.jsonl`, `…-r2.jsonl`.
pub(super) fn next_name(name: &str) -> String {
    let (stem, suffix) = name.split_once('.').unwrap_or((name, "jsonl"));
    let times = stem.rsplit_once("-r").and_then(|(_, times)| times.parse().ok()).unwrap_or(0_u32);
    format!("{}-r{}.{suffix}", first_name(name), times + 1)
}

/// Appends to the segments of a directory.
#[derive(Debug)]
pub(super) struct SegmentWriter {
    directory: PathBuf,
    compression: Compression,
    open: Option<(Segment, File)>,
}

impl SegmentWriter {
    /// Goes on with `last`, if it is still open and of this compression; else with a new segment. One that was written anew
    /// stays as it is: whoever has read it before knows all of it.
    pub(super) fn new(
        directory: &Path,
        compression: Compression,
        last: Option<Segment>,
    ) -> Result<Self, PortError> {
        let last = last.filter(|segment| {
            let is_as_begun = segment.name.starts_with(&format!("{}.", first_name(&segment.name)));
            is_as_begun
                && segment.bytes < SEGMENT_BYTES
                && Compression::of(&segment.name) == Some(compression)
        });
        let open = match last {
            None => None,
            Some(segment) => {
                let path = directory.join(&segment.name);
                let file = OpenOptions::new().append(true).open(&path);
                Some((segment, file.map_err(PortError::io(format!("opening {}", path.display())))?))
            }
        };
        Ok(Self { directory: directory.to_owned(), compression, open })
    }

    /// Appends no more to a segment that is removed.
    pub(super) fn close(&mut self, name: &str) {
        self.open.take_if(|(segment, _)| segment.name == name);
    }

    /// Appends lines and makes them durable; the segment as it is then. `first_offset` names a new segment.
    pub(super) fn append(&mut self, lines: &[ArchiveLine], first_offset: u64) -> Result<Segment, PortError> {
        let now = Timestamp::now();
        let failed = || PortError::io("encoding archive lines");
        let text = serialize(lines).map_err(failed())?;
        let bytes = self.compression.encode(&text).map_err(failed())?;
        let is_of_today = |segment: &Segment| segment.name.contains(&now.strftime("-%Y%m%dT").to_string());
        self.open.take_if(|(segment, _)| !is_of_today(segment));
        let (segment, file) = match self.open.take() {
            Some(open) => self.open.insert(open),
            None => self.open.insert(create(&self.directory, self.compression, first_offset, now)?),
        };
        let what = || format!("writing {}", self.directory.join(&segment.name).display());
        file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(PortError::io(what()))?;
        segment.bytes += bytes.len() as u64;
        segment.lines += lines.len() as u64;
        segment.written = now;
        let durable = segment.clone();
        if durable.bytes >= SEGMENT_BYTES {
            self.open = None;
        }
        Ok(durable)
    }
}

fn serialize(lines: &[ArchiveLine]) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(lines.len() * 768);
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn create(
    directory: &Path,
    compression: Compression,
    first_offset: u64,
    now: Timestamp,
) -> Result<(Segment, File), PortError> {
    let time = now.strftime("%Y%m%dT%H%M%S%.3fZ").to_string().replace('.', "");
    let name = format!("readings-0-{first_offset:020}-{time}{}", compression.suffix());
    let path = directory.join(&name);
    let what = || format!("creating {}", path.display());
    let file = create_private(&path).map_err(PortError::io(what()))?;
    sync_directory(directory).map_err(PortError::io(what()))?;
    Ok((Segment { name, bytes: 0, lines: 0, written: now }, file))
}

/// Cuts off what was written to segments and not committed, and removes files that never were.
pub(super) fn recover(directory: &Path, segments: &[Segment]) -> Result<(), PortError> {
    for segment in segments {
        let path = directory.join(&segment.name);
        let length = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged(&path, 0, segment)),
            Err(error) => return Err(PortError::io(format!("reading {}", path.display()))(error)),
        };
        if length < segment.bytes {
            return Err(damaged(&path, length, segment));
        }
        if length > segment.bytes {
            tracing::info!(segment = %path.display(), bytes = length - segment.bytes, "cut off an unfinished write");
            let file = OpenOptions::new().write(true).open(&path);
            file.and_then(|file| file.set_len(segment.bytes).and_then(|()| file.sync_all()))
                .map_err(PortError::io(format!("cutting {}", path.display())))?;
        }
    }
    remove_unknown(directory, segments).map_err(PortError::io(format!("reading {}", directory.display())))
}

fn damaged(path: &Path, length: u64, segment: &Segment) -> PortError {
    PortError::Damaged(format!(
        "the archive segment {} has {length} bytes, but {} bytes with {} readings were stored in it: put the file back from a \
         copy; nothing was changed",
        path.display(),
        segment.bytes,
        segment.lines
    ))
}

fn remove_unknown(directory: &Path, segments: &[Segment]) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_segment(name) && !segments.iter().any(|segment| segment.name == name) {
            tracing::info!(segment = name, "removed a segment that was begun and never committed");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The durable lines of a segment, from a byte on at which a write began.
pub(super) fn read(
    directory: &Path,
    segment: &Segment,
    from: u64,
) -> Result<impl BufRead + use<>, PortError> {
    let path = directory.join(&segment.name);
    let failed = || PortError::io(format!("reading {}", path.display()));
    let mut file = File::open(&path).map_err(failed())?;
    file.seek(SeekFrom::Start(from)).map_err(failed())?;
    let durable = file.take(segment.bytes.saturating_sub(from));
    let plain: Box<dyn Read> = if Compression::of(&segment.name) == Some(Compression::Zstd) {
        Box::new(zstd::Decoder::new(durable).map_err(failed())?)
    } else {
        Box::new(durable)
    };
    Ok(BufReader::with_capacity(256 * 1024, plain))
}

/// Writes a segment's lines one by one, in the encoding that its name says.
pub(super) enum Encoder {
    Plain(BufWriter<File>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Encoder {
    pub(super) fn new(name: &str, file: File) -> io::Result<Self> {
        let file = BufWriter::new(file);
        if Compression::of(name) != Some(Compression::Zstd) {
            return Ok(Self::Plain(file));
        }
        let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(Self::Zstd(encoder))
    }

    /// Makes everything durable.
    pub(super) fn finish(self) -> io::Result<()> {
        let file = match self {
            Self::Plain(file) => file,
            Self::Zstd(encoder) => encoder.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Write for Encoder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
