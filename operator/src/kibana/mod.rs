//! Kibana: a monitor's data view, saved searches, dashboards and alert rules, kept in step with its manifest.
//!
//! What was written, and where, is recorded in the `ConfigMap` NAME-kibana: as long as that says the same, and all of it is there, nothing
//! is written. So what people change in Kibana stays until the monitor asks for something else.

mod provision;
mod record;
mod removal;
pub mod resource;
mod way;

pub use provision::{Checks, Outcome, settle};
pub use removal::remove;
