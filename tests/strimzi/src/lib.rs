//! Stands in for Strimzi's operators, which this project's tests cannot run: it does on the lab's real broker what they do (topics,
//! users with certificates or passwords, rights), and writes Secrets and status as they write them. Late, or refusing, when a test asks.
//!
//! What it does not do: quotas, PKCS #12 stores, moving replicas, running brokers.

mod broker;
mod certificates;
mod cluster_operator;
mod knobs;
mod rights;
mod shared;
mod specs;
mod stand_in;
mod status;
mod topic_operator;
mod topics;
mod user_operator;

pub use broker::{Broker, Refused};
pub use certificates::{ClientsCa, Signed};
pub use knobs::Refusal;
pub use rights::{Right, rights};
pub use shared::Settings;
pub use specs::{Acl, AclResource};
pub use stand_in::StandIn;
pub use topics::{NotSupported, Wanted};
