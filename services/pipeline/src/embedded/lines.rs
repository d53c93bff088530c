//! The lines of a segment, one by one. One that cannot be read is damage, and said so.

use std::io::BufRead;
use std::path::Path;

use super::{Segment, archive};
use crate::PortError;

/// Why nothing was made of a line.
pub(super) enum LineError<E> {
    /// It is not what was once written. Says in which way, and quotes nothing of it.
    Damaged(&'static str),
    /// Something else failed.
    Other(E),
}

impl<E> From<serde_json::Error> for LineError<E> {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(match error.classify() {
            serde_json::error::Category::Eof => "it is cut off",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
            serde_json::error::Category::Data => "it is no archive line",
        })
    }
}

/// Hands over each durable line of a segment, with its line end, from a byte on at which a write began.
pub(super) fn for_each<E: From<PortError>>(
    directory: &Path,
    segment: &Segment,
    from: u64,
    mut visit: impl FnMut(&str) -> Result<(), LineError<E>>,
) -> Result<(), E> {
    let mut lines = archive::read(directory, segment, from)?;
    let mut text = String::new();
    for number in 1.. {
        let damaged = |how: &dyn std::fmt::Display| {
            let path = directory.join(&segment.name);
            let place = if from == 0 { String::new() } else { format!(" behind byte {from}") };
            E::from(PortError::Damaged(format!(
                "line {number}{place} of the archive segment {} is damaged ({how}): put the file back from a copy",
                path.display()
            )))
        };
        text.clear();
        match lines.read_line(&mut text) {
            Ok(0) if from > 0 || number > segment.lines => break,
            Ok(0) => return Err(damaged(&"the file ends before it")),
            Ok(_) => {}
            Err(error) => return Err(damaged(&error)),
        }
        visit(&text).map_err(|error| match error {
            LineError::Damaged(how) => damaged(&how),
            LineError::Other(error) => error,
        })?;
    }
    Ok(())
}
