//! Whether the classifier lives and is ready.

use std::sync::Arc;
use std::time::Duration;

use bpmonitor_pipeline::cluster::Condition;
use bpmonitor_pipeline::cluster::kafka::Consumer;
use bpmonitor_settings::service::Probe;

/// After which silence of the thread that reads Kafka the process is taken for stuck. Of a hand-over it is silent for 15 s at most.
const SILENCE: Duration = Duration::from_secs(60);

/// What probes and metrics look at.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) conditions: Vec<Condition>,
}

impl Probe for Probes {
    fn live(&self) -> Result<(), String> {
        match self.consumer.since_last_poll() {
            Some(silence) if silence > SILENCE => {
                Err(format!("Kafka has not been polled for {} s", silence.as_secs()))
            }
            _ => Ok(()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        let failing = self.conditions.iter().find_map(|condition| Some((condition.part(), condition.get()?)));
        if let Some((part, failure)) = failing {
            return Err(format!("{part}: {}: {}", failure.reason, failure.detail));
        }
        if self.consumer.has_joined() {
            Ok(())
        } else {
            Err("not a member of the consumer group yet".to_owned())
        }
    }
}
