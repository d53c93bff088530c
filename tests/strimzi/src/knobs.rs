//! What a test turns: lateness, refusals, renewals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::ResourceExt;
use kube::api::DynamicObject;

/// Why a resource is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A word, as Strimzi gives it: the name of an exception.
    pub reason: String,
    /// A sentence.
    pub message: String,
}

/// What a test turns.
#[derive(Debug, Default)]
pub(crate) struct Knobs(Mutex<Turned>);

#[derive(Debug, Default)]
struct Turned {
    late: Duration,
    refusals: BTreeMap<(String, String), Refusal>,
    renewals: BTreeSet<String>,
    /// Since when each generation of each resource is known.
    known: BTreeMap<(String, i64), Instant>,
}

impl Knobs {
    fn turned(&self) -> MutexGuard<'_, Turned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn be_late(&self, by: Duration) {
        self.turned().late = by;
    }

    pub(crate) fn refuse(&self, kind: &str, name: &str, refusal: Refusal) {
        self.turned().refusals.insert((kind.to_owned(), name.to_owned()), refusal);
    }

    pub(crate) fn relent(&self, kind: &str, name: &str) {
        self.turned().refusals.remove(&(kind.to_owned(), name.to_owned()));
    }

    pub(crate) fn refusal(&self, kind: &str, name: &str) -> Option<Refusal> {
        self.turned().refusals.get(&(kind.to_owned(), name.to_owned())).cloned()
    }

    pub(crate) fn renew(&self, user: &str) {
        self.turned().renewals.insert(user.to_owned());
    }

    pub(crate) fn is_to_renew(&self, user: &str) -> bool {
        self.turned().renewals.contains(user)
    }

    pub(crate) fn renewed(&self, user: &str) {
        self.turned().renewals.remove(user);
    }

    /// How much longer a resource is to be left alone.
    pub(crate) fn left(&self, object: &DynamicObject) -> Option<Duration> {
        let mut turned = self.turned();
        let key = (object.uid().unwrap_or_default(), object.metadata.generation.unwrap_or_default());
        let since = *turned.known.entry(key).or_insert_with(Instant::now);
        turned.late.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
    }
}
