//! Elasticsearch: a monitor's template, index and aliases, the classifier's API key, and retention.

mod connections;
mod keys;
mod provision;
mod removal;
mod retention;

pub use connections::Connections;
pub use provision::{Checks, Outcome, provision};
pub use removal::remove;

/// The entry of NAME-elasticsearch with the API key in its encoded form.
pub const KEY_ENTRY: &str = "api-key";
/// The entry with the key's id.
pub const KEY_ID_ENTRY: &str = "api-key-id";
/// The entry that says when the key was made.
pub const KEY_MADE_ENTRY: &str = "api-key-made";
/// The entry with the certificate authorities.
pub const CA_ENTRY: &str = "ca.crt";
