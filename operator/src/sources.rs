//! Which monitors refer to what, so that they hear of its changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cache::Key;
use crate::kinds::MonitorRef;

#[derive(Debug, Default)]
struct State {
    monitors: HashMap<Key, HashSet<MonitorRef>>,
    sources: HashMap<MonitorRef, HashSet<Key>>,
}

/// Which monitors refer to what.
#[derive(Debug, Default)]
pub struct Sources(Mutex<State>);

impl Sources {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes, before it is read, that a monitor refers to something.
    pub fn add(&self, monitor: &MonitorRef, source: Key) {
        let mut state = self.locked();
        state.monitors.entry(source.clone()).or_default().insert(monitor.clone());
        state.sources.entry(monitor.clone()).or_default().insert(source);
    }

    /// Forgets a monitor.
    pub fn forget(&self, monitor: &MonitorRef) {
        let mut state = self.locked();
        for source in state.sources.remove(monitor).unwrap_or_default() {
            state.drop_one(&source, monitor);
        }
    }

    /// The monitors that refer to something.
    pub fn monitors(&self, source: &Key) -> Vec<MonitorRef> {
        self.locked().monitors.get(source).into_iter().flatten().cloned().collect()
    }
}

impl State {
    fn drop_one(&mut self, source: &Key, monitor: &MonitorRef) {
        if let Some(monitors) = self.monitors.get_mut(source) {
            monitors.remove(monitor);
            if monitors.is_empty() {
                self.monitors.remove(source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::monitor_ref;

    #[test]
    fn monitors_hear_of_what_they_refer_to_and_of_nothing_else() {
        let sources = Sources::default();
        let (one, other) = (monitor_ref("n", "one"), monitor_ref("n", "other"));
        let [kafka, secret] = [Key::new("Kafka", "k", "bp-kafka"), Key::new("Secret", "n", "s")];
        sources.add(&one, kafka.clone());
        sources.add(&one, secret.clone());
        sources.add(&other, kafka.clone());
        assert_eq!(sources.monitors(&kafka).len(), 2);
        assert_eq!(sources.monitors(&secret), std::slice::from_ref(&one));
        sources.forget(&one);
        assert_eq!(sources.monitors(&secret), []);
        assert_eq!(sources.monitors(&kafka), [other]);
    }
}
