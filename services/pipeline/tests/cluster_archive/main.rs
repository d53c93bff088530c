//! The cluster's archive: what is committed is there once and whole, whoever else wrote, and whatever broke off.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod directory;
mod full;
mod model;
mod s3;
mod server;
