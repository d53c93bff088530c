//! What the end-to-end tests share: the binary, Observations, wards on disk, and what a ward holds.

#![allow(dead_code, reason = "each test uses a part of this")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

#[cfg(feature = "cluster")]
pub(crate) mod cluster;
pub(crate) mod held;
pub(crate) mod page;
pub(crate) mod process;
pub(crate) mod ward;

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) use bpmonitor_test_support::waiting::until;

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The FHIR files below a directory, by path.
pub(crate) fn fhir_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(fhir_files(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "json" || suffix == "ndjson") {
            files.push(path);
        }
    }
    files.sort();
    files
}
