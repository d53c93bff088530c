//! What can be wrong with Elasticsearch, and what to do about it.

use std::error::Error as StdError;
use std::io;

use elasticsearch::Error;

/// What is wrong. All of it is tried again, for none of it is the documents' fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Trouble {
    Unreachable,
    UnknownHost,
    Untrusted,
    NotEncrypted,
    SecretUnreadable,
    TimedOut,
    Unavailable,
    Unauthorized,
    Forbidden,
    TooManyRequests,
    IndexMissing,
    IndexUnallocated,
    IndexClosed,
    IndexReadOnly,
    DiskFloodStage,
    ShardLimit,
    MappingOutdated,
    BulkTooLarge,
    Refused,
}

impl Trouble {
    pub(super) const ALL: [Self; 19] = [
        Self::Unreachable,
        Self::UnknownHost,
        Self::Untrusted,
        Self::NotEncrypted,
        Self::SecretUnreadable,
        Self::TimedOut,
        Self::Unavailable,
        Self::Unauthorized,
        Self::Forbidden,
        Self::TooManyRequests,
        Self::IndexMissing,
        Self::IndexUnallocated,
        Self::IndexClosed,
        Self::IndexReadOnly,
        Self::DiskFloodStage,
        Self::ShardLimit,
        Self::MappingOutdated,
        Self::BulkTooLarge,
        Self::Refused,
    ];

    /// Its code in conditions and metrics.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "ElasticsearchUnreachable",
            Self::UnknownHost => "ElasticsearchUnknownHost",
            Self::Untrusted => "ElasticsearchUntrusted",
            Self::NotEncrypted => "ElasticsearchNotEncrypted",
            Self::SecretUnreadable => "ElasticsearchSecretUnreadable",
            Self::TimedOut => "ElasticsearchTimeout",
            Self::Unavailable => "ElasticsearchUnavailable",
            Self::Unauthorized => "ElasticsearchUnauthorized",
            Self::Forbidden => "ElasticsearchForbidden",
            Self::TooManyRequests => "ElasticsearchTooManyRequests",
            Self::IndexMissing => "IndexMissing",
            Self::IndexUnallocated => "IndexUnallocated",
            Self::IndexClosed => "IndexClosed",
            Self::IndexReadOnly => "IndexReadOnly",
            Self::DiskFloodStage => "DiskFloodStage",
            Self::ShardLimit => "ShardLimit",
            Self::MappingOutdated => "MappingOutdated",
            Self::BulkTooLarge => "BulkTooLarge",
            Self::Refused => "IndexRefusesDocuments",
        }
    }

    /// What happened and what to do, as a sentence without its end.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "Elasticsearch cannot be reached: is it running, and are host and port of its URL right? Where it encrypts, the URL \
                 must begin with https"
            }
            Self::UnknownHost => "the name of Elasticsearch's host is not known: is its URL right?",
            Self::Untrusted => {
                "Elasticsearch's certificate is not to be trusted: is the CA the one that signed it, is it still valid, and does it \
                 name the URL's host?"
            }
            Self::NotEncrypted => "what answers does not speak TLS: give the port that does",
            Self::SecretUnreadable => {
                "the API key, the password or the CA for Elasticsearch cannot be read from its file: is the Secret mounted?"
            }
            Self::TimedOut => "Elasticsearch did not answer in time: is it overloaded, or stuck?",
            Self::Unavailable => {
                "Elasticsearch cannot take documents at the moment: it is starting, restarting or in trouble; see its health"
            }
            Self::Unauthorized => {
                "Elasticsearch does not know the API key or password: it has expired or was invalidated; put a new one in its place, \
                 it is read again"
            }
            Self::Forbidden => {
                "the API key or user may not write: it needs index, delete, read and view_index_metadata on the monitor's index and \
                 alias"
            }
            Self::TooManyRequests => {
                "Elasticsearch has more to do than it can: give it more CPU, or let it catch up"
            }
            Self::IndexMissing => {
                "the monitor's index, or its alias, is missing: make it anew; it is never made by writing"
            }
            Self::IndexUnallocated => {
                "no node of Elasticsearch has the monitor's index: it is restarting, a node is missing, or its disks are too full for \
                 shards; GET _cluster/allocation/explain says which"
            }
            Self::IndexClosed => "the monitor's index is closed: open it",
            Self::IndexReadOnly => "the monitor's index is read-only: lift its block (index.blocks)",
            Self::DiskFloodStage => {
                "Elasticsearch's disk is nearly full, so its indices are read-only: make room; the block then goes by itself"
            }
            Self::ShardLimit => {
                "the cluster has as many shards as it may: delete indices, or raise cluster.max_shards_per_node"
            }
            Self::MappingOutdated => {
                "the index's mapping is not the one that this version writes: bring it up to date"
            }
            Self::BulkTooLarge => {
                "Elasticsearch, or a proxy in front of it, refuses bulks of this size: smaller ones are sent"
            }
            Self::Refused => {
                "Elasticsearch refuses documents, and not for what they say: see its log, and whether the monitor's alias has one \
                 index that is written to"
            }
        }
    }

    /// What a request's failure means.
    pub(super) fn of_error(error: &Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(here) = cause {
            if let Some(found) = Self::of_cause(here) {
                return found;
            }
            cause = here.source();
        }
        Self::Unreachable
    }

    fn of_cause(cause: &(dyn StdError + 'static)) -> Option<Self> {
        let refused = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        if refused == Some(io::ErrorKind::ConnectionRefused) {
            return Some(Self::Unreachable);
        }
        // Those of rustls and of the resolver are known by their words alone.
        let words = cause.to_string();
        [
            ("invalid peer certificate", Self::Untrusted),
            ("InvalidContentType", Self::NotEncrypted),
            ("dns error", Self::UnknownHost),
            ("failed to lookup address", Self::UnknownHost),
        ]
        .into_iter()
        .find_map(|(known, trouble)| words.contains(known).then_some(trouble))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_trouble_has_a_place_and_a_code_of_its_own() {
        let codes: HashSet<_> = Trouble::ALL.iter().map(|trouble| trouble.reason()).collect();
        assert_eq!(codes.len(), Trouble::ALL.len());
        for (place, trouble) in Trouble::ALL.into_iter().enumerate() {
            assert_eq!(trouble as usize, place);
        }
    }
}
