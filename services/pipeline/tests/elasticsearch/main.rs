//! The store of anomalies on a real Elasticsearch: what arrives, which faults it survives, what it may do, and what it never says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod common;
mod conditions;
mod faults;
mod killed;
mod larger;
mod mapping;
mod security;
mod throughput;
mod writes;
