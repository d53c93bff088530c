//! Kafka: records sent and followed to their delivery, and read back.

mod clients;
mod ledger;
mod publisher;
mod reader;
mod stored;
mod topics;
mod trouble;

pub(crate) use publisher::{Outgoing, Publisher};
pub(crate) use reader::{Connection, Published};
pub(crate) use stored::Stored;
