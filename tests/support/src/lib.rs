//! What tests share: the lab's addresses, proxies that inject faults, an S3 server, FHIR to be read, full disks, names of their own.
//!
//! Whatever fails here fails the test, by a panic that says why.
#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc, reason = "this is how tests fail")]

mod bulk;
mod gate;
pub mod http_proxy;
pub mod lab;
pub mod mount;
pub mod observations;
pub mod s3;
pub mod tcp_proxy;
pub mod unique;
pub mod waiting;
