//! The files that a person names: each readable, by its absolute path, directories taken apart.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What FHIR files are called, where a directory is named.
const FHIR_SUFFIXES: [&str; 3] = ["json", "ndjson", "jsonl"];

/// Why a file that was named cannot be read. A mistake of usage.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamedFileError {
    /// It cannot be opened.
    #[error("reading {}: {error}", path.display())]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        error: io::Error,
    },
    /// It is a pipe or a device.
    #[error("{} is not a regular file", .0.display())]
    NotRegular(PathBuf),
    /// Its path cannot be written as text.
    #[error("{} is not UTF-8", .0.display())]
    NotUtf8(PathBuf),
}

/// The absolute paths of the files named, and of the FHIR files in directories named; each once, in order.
///
/// # Errors
///
/// One of them cannot be read.
pub fn resolve(named: &[PathBuf]) -> Result<Vec<String>, NamedFileError> {
    let mut paths = Vec::new();
    for path in named {
        let absolute = path.canonicalize().map_err(unreadable(path))?;
        if absolute.is_dir() {
            add_directory(&absolute, &mut paths)?;
        } else {
            if !absolute.is_file() {
                return Err(NamedFileError::NotRegular(path.clone()));
            }
            fs::File::open(&absolute).map_err(unreadable(path))?;
            paths.push(absolute);
        }
    }
    let mut resolved: Vec<String> = Vec::with_capacity(paths.len());
    let mut seen = HashSet::new();
    for path in paths {
        let text = path.to_str().ok_or_else(|| NamedFileError::NotUtf8(path.clone()))?;
        if seen.insert(text.to_owned()) {
            resolved.push(text.to_owned());
        }
    }
    Ok(resolved)
}

fn add_directory(directory: &Path, paths: &mut Vec<PathBuf>) -> Result<(), NamedFileError> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<PathBuf> =
        entries.map_err(unreadable(directory))?.iter().map(fs::DirEntry::path).collect();
    entries.sort();
    for path in entries {
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        let is_fhir = suffix.is_some_and(|suffix| FHIR_SUFFIXES.contains(&suffix));
        // A link to a directory may lead in circles.
        if path.is_dir() && !path.is_symlink() {
            add_directory(&path, paths)?;
        } else if is_fhir && path.is_file() {
            fs::File::open(&path).map_err(unreadable(&path))?;
            paths.push(path.canonicalize().map_err(unreadable(&path))?);
        }
    }
    Ok(())
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> NamedFileError {
    move |error| NamedFileError::Unreadable { path: path.to_owned(), error }
}
