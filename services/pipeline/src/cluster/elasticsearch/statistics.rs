//! Counters of what was sent to Elasticsearch.

use std::sync::atomic::{AtomicU64, Ordering};

use super::trouble::Trouble;

/// Counters of what was sent to Elasticsearch, since the start.
#[derive(Debug, Default)]
pub struct BulkStatistics {
    bulks: AtomicU64,
    bytes: AtomicU64,
    documents: AtomicU64,
    superseded: AtomicU64,
    refused: AtomicU64,
    retries: [AtomicU64; Trouble::ALL.len()],
}

impl BulkStatistics {
    /// Bulks sent, repeated ones too.
    pub fn bulks(&self) -> u64 {
        self.bulks.load(Ordering::Relaxed)
    }

    /// Their bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Documents written.
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    /// Documents not written because a newer version is there.
    pub fn superseded(&self) -> u64 {
        self.superseded.load(Ordering::Relaxed)
    }

    /// Documents refused for what they say.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Bulks that were sent again, whole or in part, by the condition's reason.
    pub fn retries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count =
            |trouble: Trouble| self.retries.get(trouble as usize).map(|count| count.load(Ordering::Relaxed));
        Trouble::ALL.into_iter().map(move |trouble| (trouble.reason(), count(trouble).unwrap_or_default()))
    }

    pub(super) fn sent(&self, bytes: usize) {
        self.bulks.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn settled(&self, written: usize, superseded: usize) {
        self.documents.fetch_add(written as u64, Ordering::Relaxed);
        self.superseded.fetch_add(superseded as u64, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retry(&self, trouble: Trouble) {
        if let Some(count) = self.retries.get(trouble as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}
