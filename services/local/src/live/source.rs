//! Where a live ward's observations come from: files, and simulated patients where it has any.

use bpmonitor_pipeline::embedded::{EmbeddedPosition, Inbox};
use bpmonitor_pipeline::files::FileSource;
use bpmonitor_pipeline::{Message, PortError, Source, Used};

use super::simulated::SimulatedSource;

/// Which source the last messages came from.
#[derive(Clone, Copy, Debug)]
enum Last {
    Files,
    Simulated,
}

/// All sources of a ward as one.
#[derive(Debug)]
pub(crate) struct WardSource {
    files: FileSource<Inbox>,
    simulated: Option<SimulatedSource>,
    last: Last,
}

impl WardSource {
    pub(crate) fn new(files: FileSource<Inbox>, simulated: Option<SimulatedSource>) -> Self {
        Self { files, simulated, last: Last::Files }
    }
}

impl Source for WardSource {
    type Position = EmbeddedPosition;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        let Some(simulated) = &mut self.simulated else { return self.files.next().await };
        // Either one that loses has changed nothing yet. Their order is random: neither keeps the other from its turn.
        tokio::select! {
            messages = self.files.next() => {
                self.last = Last::Files;
                messages
            }
            messages = simulated.next() => {
                self.last = Last::Simulated;
                messages
            }
        }
    }

    fn accept(&mut self, used: Used) -> EmbeddedPosition {
        match (&mut self.simulated, self.last) {
            (Some(simulated), Last::Simulated) => simulated.accept(used).into(),
            _ => self.files.accept(used).into(),
        }
    }
}
