//! What is known of the cluster from watching it: the objects that the operator manages, and which kinds there are.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::api::DynamicObject;
use serde_json::Value;
use tokio::sync::Notify;

use crate::kinds::MonitorRef;
use crate::labels::CHECKSUM;

/// An object, by kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// Of this kind, namespace and name.
    pub fn new(kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// What is known of an object that was applied.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Of what was sent.
    pub checksum: String,
    /// What the API server called the result.
    pub resource_version: String,
    /// What the API server answered, as far as it matters: generation and status.
    pub live: Arc<Live>,
}

/// An object as the API server has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// The generation of its spec.
    pub generation: i64,
    /// How many replicas it asks for, where it is something that does.
    pub replicas: Option<i64>,
    /// The checksum of what its pods mount, where it is something that has pods.
    pub checksum: Option<String>,
    /// Its status, null where there is none.
    pub status: Value,
}

impl Live {
    /// What matters of an object.
    pub fn of(object: &DynamicObject) -> Self {
        let annotations = object.data.pointer("/spec/template/metadata/annotations");
        let checksum = annotations.and_then(|annotations| annotations.get(CHECKSUM)?.as_str());
        Self {
            generation: object.metadata.generation.unwrap_or_default(),
            replicas: object.data.pointer("/spec/replicas").and_then(Value::as_i64),
            checksum: checksum.map(str::to_owned),
            status: object.data.get("status").cloned().unwrap_or_default(),
        }
    }
}

#[derive(Debug)]
struct Known {
    resource_version: String,
    owner: MonitorRef,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, Known>,
    applied: HashMap<Key, Applied>,
    by_owner: HashMap<MonitorRef, HashSet<Key>>,
    available: HashMap<String, bool>,
    pending: HashSet<String>,
}

/// What is known of the cluster.
#[derive(Debug, Default)]
pub struct Cache {
    state: Mutex<State>,
    came: Notify,
}

impl Cache {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an object that was seen. Gives whose it is where it is not as it was applied.
    pub fn seen(&self, key: Key, resource_version: &str, owner: &MonitorRef) -> Option<MonitorRef> {
        let mut state = self.locked();
        let is_news = state.known.get(&key).is_none_or(|known| known.resource_version != resource_version);
        let is_ours =
            state.applied.get(&key).is_some_and(|applied| applied.resource_version == resource_version);
        state.by_owner.entry(owner.clone()).or_default().insert(key.clone());
        let known = Known { resource_version: resource_version.to_owned(), owner: owner.clone() };
        state.known.insert(key, known);
        (is_news && !is_ours).then(|| owner.clone())
    }

    /// Notes that an object is gone. Gives whose it was.
    pub fn gone(&self, key: &Key) -> Option<MonitorRef> {
        self.locked().forget(key)
    }

    /// Forgets the objects of a kind, and of a namespace where one is given, that were not among those just listed. Gives whose
    /// they were.
    pub fn keep_only(&self, kind: &str, namespace: Option<&str>, listed: &HashSet<Key>) -> Vec<MonitorRef> {
        let mut state = self.locked();
        let is_of =
            |key: &Key| key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace);
        let missing = state.known.keys().filter(|key| is_of(key) && !listed.contains(*key));
        let missing: Vec<_> = missing.cloned().collect();
        missing.iter().filter_map(|key| state.forget(key)).collect()
    }

    /// What was applied, where nobody has changed it since and `checksum` would be applied again.
    pub fn unchanged(&self, key: &Key, checksum: &str) -> Option<Arc<Live>> {
        let state = self.locked();
        let applied = state.applied.get(key).filter(|applied| applied.checksum == checksum)?;
        let known = state.known.get(key)?;
        (known.resource_version == applied.resource_version).then(|| Arc::clone(&applied.live))
    }

    /// Notes what was applied.
    pub fn applied(&self, key: Key, applied: Applied) {
        self.locked().applied.insert(key, applied);
    }

    /// The objects of a monitor.
    pub fn of(&self, owner: &MonitorRef) -> Vec<Key> {
        self.locked().by_owner.get(owner).into_iter().flatten().cloned().collect()
    }

    /// Forgets what was applied for a monitor.
    pub fn forget_applied(&self, owner: &MonitorRef) {
        let mut state = self.locked();
        let keys: Vec<_> = state.by_owner.get(owner).into_iter().flatten().cloned().collect();
        for key in keys {
            state.applied.remove(&key);
        }
    }

    /// Whether there is such a kind.
    pub fn has_kind(&self, kind: &str) -> bool {
        self.locked().available.get(kind).copied().unwrap_or_default()
    }

    /// Notes whether there is such a kind. Says whether that is news, the first time not counted.
    pub fn set_kind(&self, kind: &str, is_available: bool) -> bool {
        let was = self.locked().available.insert(kind.to_owned(), is_available);
        was.is_some_and(|was| was != is_available)
    }

    /// Notes that something is waited for.
    pub fn wait_for(&self, what: String) {
        self.locked().pending.insert(what);
    }

    /// Notes that something has come.
    pub fn has_come(&self, what: &str) {
        self.locked().pending.remove(what);
        self.came.notify_waiters();
    }

    /// Waits until nothing is waited for any more: before that, what is not known may be there all the same.
    pub async fn complete(&self) {
        loop {
            let came = self.came.notified();
            if self.locked().pending.is_empty() {
                return;
            }
            came.await;
        }
    }

    /// What is waited for, in order.
    pub fn waits_for(&self) -> Vec<String> {
        let mut pending: Vec<_> = self.locked().pending.iter().cloned().collect();
        pending.sort();
        pending
    }
}

impl State {
    fn forget(&mut self, key: &Key) -> Option<MonitorRef> {
        self.applied.remove(key);
        let owner = self.known.remove(key)?.owner;
        if let Some(keys) = self.by_owner.get_mut(&owner) {
            keys.remove(key);
            if keys.is_empty() {
                self.by_owner.remove(&owner);
            }
        }
        Some(owner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::kinds::monitor_ref;

    #[test]
    fn what_was_applied_is_trusted_until_somebody_changes_it() {
        let cache = Cache::default();
        let (key, owner) = (Key::new("ConfigMap", "n", "c"), monitor_ref("n", "m"));
        let applied = Applied {
            checksum: "a".to_owned(),
            resource_version: "1".to_owned(),
            live: Arc::new(Live::default()),
        };
        cache.applied(key.clone(), applied);
        assert!(cache.unchanged(&key, "a").is_none(), "it was not seen yet");
        assert_eq!(cache.seen(key.clone(), "1", &owner), None, "it is what was applied");
        assert!(cache.unchanged(&key, "a").is_some());
        assert!(cache.unchanged(&key, "b").is_none(), "something else is to be applied");
        assert_eq!(cache.seen(key.clone(), "2", &owner), Some(owner.clone()));
        assert_eq!(cache.seen(key.clone(), "2", &owner), None, "that is known");
        assert!(cache.unchanged(&key, "a").is_none(), "somebody changed it");
        assert_eq!(cache.of(&owner), std::slice::from_ref(&key));
        assert_eq!(cache.gone(&key), Some(owner.clone()));
        assert_eq!(cache.of(&owner), []);
    }

    #[test]
    fn what_is_no_longer_listed_is_gone() {
        let cache = Cache::default();
        let owner = monitor_ref("n", "m");
        let [here, gone] = ["here", "gone"].map(|name| Key::new("ConfigMap", "n", name));
        let other = Key::new("Secret", "n", "other");
        for key in [&here, &gone, &other] {
            cache.seen(key.clone(), "1", &owner);
        }
        let listed = HashSet::from([here.clone()]);
        assert_eq!(cache.keep_only("ConfigMap", Some("elsewhere"), &listed), []);
        assert_eq!(cache.keep_only("ConfigMap", None, &listed), std::slice::from_ref(&owner));
        let mut left = cache.of(&owner);
        left.sort();
        assert_eq!(left, [here, other]);
    }

    #[tokio::test]
    async fn it_is_complete_once_all_has_come() {
        let cache = Cache::default();
        for kind in ["secrets", "services"] {
            cache.wait_for(kind.to_owned());
        }
        let mut complete = pin!(cache.complete());
        let now = || std::future::ready(());
        tokio::select! {
            biased;
            () = &mut complete => panic!("two are missing"),
            () = now() => cache.has_come("secrets"),
        }
        tokio::select! {
            biased;
            () = &mut complete => panic!("one is missing"),
            () = now() => cache.has_come("services"),
        }
        complete.await;
        cache.complete().await;
    }

    #[test]
    fn a_kind_that_comes_is_news() {
        let cache = Cache::default();
        assert!(!cache.set_kind("PodMonitor", false));
        assert!(!cache.has_kind("PodMonitor"));
        assert!(cache.set_kind("PodMonitor", true));
        assert!(!cache.set_kind("PodMonitor", true));
        assert!(cache.has_kind("PodMonitor"));
    }
}
