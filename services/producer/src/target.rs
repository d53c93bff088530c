//! Where to publish, and what a publisher needs of the process around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bpmonitor_pipeline::cluster::kafka::KafkaConnection;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::Status;

/// Where to publish.
#[derive(Clone, Debug)]
pub struct Target {
    /// How Kafka is reached.
    pub connection: KafkaConnection,
    /// The Observations' topic.
    pub topic: String,
    /// The compacted topic that keeps how far it has come.
    pub state_topic: String,
    /// How to make topics that are not there; where it is not given, they must be.
    pub create: Option<NewTopics>,
}

/// What topics are made like.
#[derive(Clone, Copy, Debug)]
pub struct NewTopics {
    /// How many partitions each has.
    pub partitions: u32,
    /// How many copies of each partition there are.
    pub replicas: u32,
    /// How long Observations are kept.
    pub retention: Duration,
}

/// What a publisher needs of the process around it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Says when to stop.
    pub stop: CancellationToken,
    /// What probes and metrics say.
    pub status: Arc<Status>,
    /// Where asynchronous requests are run. A publisher blocks, so it must not be called on one of its workers.
    pub runtime: Handle,
}

impl Host {
    /// Waits for so long, or until it is to stop.
    pub(crate) fn wait(&self, time: Duration) {
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.cancelled() => {}
                () = tokio::time::sleep(time) => {}
            }
        });
    }
}

/// For each partition, the offset behind the last record that counts.
pub(crate) type Ends = BTreeMap<i32, i64>;
