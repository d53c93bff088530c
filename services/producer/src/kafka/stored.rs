//! How far a publisher has come, as it stands in the state topic.

use serde::{Deserialize, Serialize};

use crate::target::Ends;

/// How far a publisher has come: the value of a record in the state topic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored<P> {
    /// The Observations' topic.
    pub(crate) topic: String,
    /// Everything up to here was delivered.
    pub(crate) position: P,
    /// From where on, in each partition, there may be records from behind that position.
    pub(crate) ends: Ends,
    /// Whether nothing was under way any more.
    #[serde(default)]
    pub(crate) is_quiet: bool,
}
