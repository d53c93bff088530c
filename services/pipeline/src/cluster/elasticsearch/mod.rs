//! Elasticsearch: how it is reached, the store of anomalies, and what sets it up.

mod answer;
mod bulk;
mod client;
mod connection;
mod lane;
mod mapping;
mod setup;
mod statistics;
mod store;
mod trouble;
mod under_way;

pub use bulk::{Render, whole_document};
pub use client::ConnectError;
pub use connection::{Authentication, ElasticsearchConnection};
pub use mapping::{MappingDifference, differences};
pub use setup::{ApiKey, ElasticsearchSetup, SetupError};
pub use statistics::BulkStatistics;
pub use store::{BulkSettings, ElasticsearchStore};
