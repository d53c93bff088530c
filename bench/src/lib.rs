//! What the measurements share.

pub mod observations;
