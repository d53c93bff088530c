//! The source of Kafka's records: whatever has arrived, at once.

use std::sync::Arc;

use super::intake::{Intake, Span};
use crate::{Message, PortError, Source, Used};

/// The most bytes of records in a batch. A batch has what is there: it only grows while the one before it is written.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Gives the records of the partitions that are this member's.
#[derive(Debug)]
pub struct KafkaSource {
    intake: Arc<Intake>,
    given: Vec<Span>,
}

impl KafkaSource {
    pub(super) fn new(intake: Arc<Intake>) -> Self {
        Self { intake, given: Vec::new() }
    }
}

impl Source for KafkaSource {
    type Position = Vec<Span>;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        let Some((records, spans)) = self.intake.take(BATCH_BYTES).await else { return Ok(None) };
        self.given = spans;
        Ok(Some(records))
    }

    fn accept(&mut self, _used: Used) -> Vec<Span> {
        std::mem::take(&mut self.given)
    }
}
