//! Names that no other test uses.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// `prefix` with a random number behind it, for topics, indices, groups and namespaces: lower-case letters, digits and `-`.
pub fn name(prefix: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // The hasher's keys are random for each process and differ for each call.
    let number = RandomState::new().hash_one((std::process::id(), now));
    format!("{prefix}-{number:016x}")
}
