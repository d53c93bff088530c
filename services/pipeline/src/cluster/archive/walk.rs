//! Which partitions an archive's directory has.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::PortError;

/// Topics, partitions and their directories, in order.
pub(super) fn partitions(archive: &Path) -> Result<Vec<(String, i32, PathBuf)>, PortError> {
    let found = named(archive).and_then(|topics| {
        let mut found = Vec::new();
        for (topic, directory) in topics {
            for (name, directory) in named(&directory)? {
                let Ok(partition) = name.parse() else { continue };
                found.push((topic.clone(), partition, directory));
            }
        }
        found.sort();
        Ok(found)
    });
    found.map_err(PortError::io(format!("reading {}", archive.display())))
}

fn named(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if let (true, Ok(name)) = (entry.file_type()?.is_dir(), entry.file_name().into_string()) {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}
