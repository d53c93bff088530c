//! Elasticsearch: how it is reached.

mod connection;

pub use connection::{Authentication, ElasticsearchConnection};
