//! A ward in Kafka and Elasticsearch: where it is, and the commands on it.

mod args;
pub(crate) mod check;
mod import;
pub(crate) mod kibana;
mod letters;
pub(crate) mod prepare;
mod publisher;
mod reader;
pub(crate) mod rejected;
pub(crate) mod tail;

pub(crate) use args::{CheckArgs, KafkaWardArgs, PrepareArgs};
pub(crate) use import::{KafkaAddress, import};
