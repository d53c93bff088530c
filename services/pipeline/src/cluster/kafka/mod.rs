//! Kafka: how it is reached.

mod connection;

pub use connection::{Authentication, KafkaConnection, Mechanism, Transport};
