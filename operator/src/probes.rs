//! Whether the operator lives and is ready.

use std::sync::{Arc, Mutex, PoisonError};

use bpmonitor_settings::service::Probe;

use crate::context::Context;

/// What probes look at. Clones are the same.
#[derive(Clone, Debug)]
pub struct Probes(Arc<Mutex<Phase>>);

#[derive(Debug)]
enum Phase {
    /// It has not reached the API server yet.
    Starting,
    /// Another replica does the work, and this one stands by.
    StandingBy,
    /// It does the work.
    Leading(Arc<Context>),
}

impl Default for Probes {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Phase::Starting)))
    }
}

impl Probes {
    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Another replica does the work.
    pub fn stands_by(&self) {
        self.set(Phase::StandingBy);
    }

    /// It does the work.
    pub fn leads(&self, context: &Arc<Context>) {
        self.set(Phase::Leading(Arc::clone(context)));
    }
}

impl Probe for Probes {
    /// It answers, so it lives; whether others do is not its health.
    fn live(&self) -> Result<(), String> {
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Phase::Starting => Err("waiting for the API server".to_owned()),
            Phase::StandingBy => Ok(()),
            Phase::Leading(context) => match context.cache.waits_for() {
                pending if pending.is_empty() => Ok(()),
                pending => Err(format!("waiting for the lists of {}", pending.join(", "))),
            },
        }
    }
}
