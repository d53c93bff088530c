//! Whether a part works, and if not, since when and why: what logs, metrics and readiness say of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How often a failure that lasts is logged again.
const REMIND_EVERY: Duration = Duration::from_secs(30);

/// Why a part does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A code, such as `IndexMissing`.
    pub reason: &'static str,
    /// What happened and what to do. Quotes nothing of any payload.
    pub detail: String,
    /// Since when.
    pub since: Timestamp,
    /// How often it failed since then.
    pub attempts: u64,
}

#[derive(Debug, Default)]
struct State {
    failure: Option<Failure>,
    logged: Option<Instant>,
}

/// Whether a part works. Clones are of the same part.
#[derive(Clone, Debug)]
pub struct Condition {
    part: &'static str,
    state: Arc<Mutex<State>>,
}

impl Condition {
    /// A part that works as far as is known. `part` names it in logs.
    pub fn new(part: &'static str) -> Self {
        Self { part, state: Arc::default() }
    }

    /// The part's name.
    pub const fn part(&self) -> &'static str {
        self.part
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the part failed. Logged when it begins, when the reason changes, and every 30 s while it lasts.
    pub fn failing(&self, reason: &'static str, detail: impl Into<String>) {
        let mut state = self.locked();
        let detail = detail.into();
        let (since, attempts, is_new) = match &state.failure {
            Some(failure) => (failure.since, failure.attempts + 1, failure.reason != reason),
            None => (Timestamp::now(), 1, true),
        };
        if is_new || state.logged.is_none_or(|logged| logged.elapsed() >= REMIND_EVERY) {
            tracing::warn!(part = self.part, reason, attempts, "{detail}");
            state.logged = Some(Instant::now());
        }
        state.failure = Some(Failure { reason, detail, since, attempts });
    }

    /// Says that the part works.
    pub fn recovered(&self) {
        self.recover(|_| true);
    }

    /// Says that what failed for this reason works; another failure stays.
    pub fn recovered_from(&self, reason: &str) {
        self.recover(|failure| failure.reason == reason);
    }

    fn recover(&self, which: impl Fn(&Failure) -> bool) {
        let mut state = self.locked();
        if let Some(failure) = state.failure.take_if(|failure| which(failure)) {
            let seconds = Timestamp::now().duration_since(failure.since).as_secs();
            tracing::info!(part = self.part, reason = failure.reason, seconds, "works again");
        }
    }

    /// Why it does not work; none where it does.
    pub fn get(&self) -> Option<Failure> {
        self.locked().failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_until_it_is_over() {
        let condition = Condition::new("store");
        assert_eq!(condition.get(), None);
        condition.failing("A", "first");
        condition.clone().failing("B", "second");
        let failure = condition.get().unwrap();
        assert_eq!((failure.reason, failure.detail.as_str(), failure.attempts), ("B", "second", 2));
        condition.recovered_from("A");
        assert!(condition.get().is_some(), "it is B that fails");
        condition.recovered_from("B");
        assert_eq!(condition.get(), None);
    }
}
