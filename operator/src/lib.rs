//! The operator: makes a running pipeline of each `BpMonitor`, and keeps it so.
//!
//! A reconcile reads what is there (`dereference`), decides what is to be (`validate`), sees to what is Strimzi's and
//! Elasticsearch's (`strimzi`, `elasticsearch`), builds the workloads (`build`, pure), applies them (`apply`), sees to the dashboards
//! (`kibana`) and says how it went (`status`).

pub mod apply;
pub mod backoff;
pub mod build;
pub mod cache;
pub mod checksums;
pub mod cli;
pub mod context;
pub mod controller;
pub mod dereference;
pub mod eck;
pub mod elasticsearch;
pub mod error;
pub mod finalize;
pub mod finding;
pub mod groups;
pub mod kibana;
pub mod kinds;
pub mod labels;
pub mod leader;
mod merge;
pub mod metrics;
pub mod model;
pub mod names;
pub mod probes;
pub mod pseudonyms;
pub mod reconcile;
pub mod service;
pub mod sources;
pub mod status;
pub mod stop;
pub mod strimzi;
pub mod text;
pub mod unreadable;
pub mod validate;
mod watch;

pub use cli::Cli;
pub use controller::Operator;
pub use service::{Failed, run};
