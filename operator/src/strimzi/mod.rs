//! Strimzi: its resources as far as they are needed, what they must say, and the topics and users of a monitor.

pub mod provision;
pub mod readiness;
pub mod resources;
pub mod types;

pub use types::{Kafka, KafkaTopic, KafkaUser};

/// The entry of Strimzi's Secrets, and of our copies, with the certificate authorities of a cluster.
pub const CA_ENTRY: &str = "ca.crt";
/// The entry with a user's certificate.
pub const CERTIFICATE_ENTRY: &str = "user.crt";
/// The entry with a user's private key.
pub const KEY_ENTRY: &str = "user.key";
/// The entry with a user's password.
pub const PASSWORD_ENTRY: &str = "password";
/// The entry of our copies with the user's name, which Strimzi's Secrets do not have.
pub const USERNAME_ENTRY: &str = "username";
