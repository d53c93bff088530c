//! Kibana for tests, which cannot run here: a strict check of what it takes, what its panels compute, and a server that answers as it does.
//!
//! All of it reads JSON, and knows nothing of what makes it. Whatever fails here fails the test, by a panic that says why.
#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc, reason = "this is how tests fail")]

pub mod contract;
pub mod panels;
pub mod server;
