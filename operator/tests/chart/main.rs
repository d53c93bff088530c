//! The chart, rendered by helm itself: what it makes of its values, what it refuses, and that a real API server takes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

mod definition;
mod deployment;
mod foreign;
mod helm;
mod rights;
mod server;
mod values;
