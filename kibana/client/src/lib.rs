//! Kibana's HTTP API, as much of it as a monitor's dashboards and alert rules need.

mod connection;
mod content;
mod error;
mod requests;

pub use connection::{Authentication, Connection, Kibana};
pub use content::Written;
pub use error::KibanaError;
