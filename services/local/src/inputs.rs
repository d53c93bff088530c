//! The files that a person names: each readable, by its absolute path, directories taken apart.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::failure::bad_usage;

/// What FHIR files are called, where a directory is named.
const FHIR_SUFFIXES: [&str; 3] = ["json", "ndjson", "jsonl"];

/// The absolute paths of the files named, and of the FHIR files in directories named; each once, in order.
pub(crate) fn resolve(named: &[PathBuf]) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for path in named {
        let absolute = path.canonicalize().map_err(|error| unreadable(path, &error))?;
        if absolute.is_dir() {
            add_directory(&absolute, &mut paths)?;
        } else {
            if !absolute.is_file() {
                return Err(bad_usage(format!("{} is not a regular file", path.display())));
            }
            fs::File::open(&absolute).map_err(|error| unreadable(path, &error))?;
            paths.push(absolute);
        }
    }
    let mut resolved: Vec<String> = Vec::with_capacity(paths.len());
    let mut seen = std::collections::HashSet::new();
    for path in paths {
        let text = path.to_str().ok_or_else(|| bad_usage(format!("{} is not UTF-8", path.display())))?;
        if seen.insert(text.to_owned()) {
            resolved.push(text.to_owned());
        }
    }
    Ok(resolved)
}

fn add_directory(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<PathBuf> =
        entries.map_err(|error| unreadable(directory, &error))?.iter().map(fs::DirEntry::path).collect();
    entries.sort();
    for path in entries {
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        let is_fhir = suffix.is_some_and(|suffix| FHIR_SUFFIXES.contains(&suffix));
        // A link to a directory may lead in circles.
        if path.is_dir() && !path.is_symlink() {
            add_directory(&path, paths)?;
        } else if is_fhir && path.is_file() {
            fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
            paths.push(path.canonicalize().map_err(|error| unreadable(&path, &error))?);
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    bad_usage(format!("reading {}: {error}", path.display()))
}
