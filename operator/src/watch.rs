//! Watches what the operator makes and what monitors refer to, by metadata alone, and has those reconciled whom it concerns.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bpmonitor_pipeline::cluster::Backoff;
use futures_util::StreamExt;
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::runtime::utils;
use kube::runtime::watcher::{self, DefaultBackoff, Event, watcher};
use kube::{Api, Client, ResourceExt};

use crate::cache::Key;
use crate::context::Context;
use crate::error::{is_forbidden, is_not_found};
use crate::kinds::{MonitorRef, Watched, monitor_ref};
use crate::labels::{self, MANAGER};

/// The longest wait before a watch that failed is begun anew.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// The same where the kind itself is missing, or may not be watched: so long it takes to notice one that comes.
const LONGEST_WAIT_FOR_KIND: Duration = Duration::from_secs(10);

/// Waits as those of Kubernetes' own clients, but never for longer than [`LONGEST_WAIT`]: nobody is to wait for half a minute once the
/// API server is back.
#[derive(Default)]
pub(crate) struct Soon(DefaultBackoff);

impl Iterator for Soon {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.0.next()?.min(LONGEST_WAIT))
    }
}

impl utils::Backoff for Soon {
    fn reset(&mut self) {
        self.0.reset();
    }
}

type Meta = PartialObjectMeta<DynamicObject>;

/// Watches one kind, in one namespace where one is given.
pub(crate) struct Watch {
    context: Arc<Context>,
    watched: Watched,
    namespace: Option<String>,
    listed: HashSet<Key>,
}

impl Watch {
    /// Of this kind and namespace. From now on it is waited for.
    pub(crate) fn new(context: &Arc<Context>, watched: Watched, namespace: Option<String>) -> Self {
        let watch = Self { context: Arc::clone(context), watched, namespace, listed: HashSet::new() };
        context.cache.wait_for(watch.name());
        watch
    }

    /// Watches for ever, and begins anew what fails.
    pub(crate) async fn run(mut self) {
        let mut config = watcher::Config::default();
        if let Some(labels) = self.watched.labels {
            config = config.labels(labels);
        }
        let mut events = pin!(watcher(self.api(self.context.client.clone()), config));
        let mut backoff = Backoff::default();
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    // That a list begins says nothing of how it ends.
                    if !matches!(event, Event::Init) {
                        backoff = Backoff::default();
                    }
                    self.see(event);
                }
                Err(error) => {
                    let longest = self.failed(&error);
                    tokio::time::sleep(backoff.wait().min(longest)).await;
                }
            }
        }
    }

    fn api(&self, client: Client) -> Api<Meta> {
        match &self.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &self.watched.resource),
            None => Api::all_with(client, &self.watched.resource),
        }
    }

    /// What is waited for, in words.
    fn name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{} in {namespace}", self.watched.resource.plural),
            None => self.watched.resource.plural.clone(),
        }
    }

    fn see(&mut self, event: Event<Meta>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                self.listed.insert(self.key(&object));
                self.seen(&object);
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                self.keep_only(&listed);
                self.set_available(true);
            }
            Event::Apply(object) => self.seen(&object),
            Event::Delete(object) => self.gone(&object),
        }
    }

    /// All others that were known are gone.
    fn keep_only(&self, listed: &HashSet<Key>) {
        let kind = &self.watched.resource.kind;
        let gone = self.context.cache.keep_only(kind, self.namespace.as_deref(), listed);
        for owner in gone {
            self.context.trigger(owner);
        }
    }

    fn seen(&self, object: &Meta) {
        let key = self.key(object);
        let owner = owner(object);
        let changed = match &owner {
            Some(owner) => {
                self.context.cache.seen(key.clone(), &object.resource_version().unwrap_or_default(), owner)
            }
            // Somebody may have taken its labels off.
            None => self.context.cache.gone(&key),
        };
        if let Some(owner) = changed {
            self.context.trigger(owner);
        }
        self.tell_who_refers(&key, owner.as_ref());
    }

    fn gone(&self, object: &Meta) {
        let key = self.key(object);
        if let Some(owner) = self.context.cache.gone(&key) {
            self.context.trigger(owner);
        }
        self.tell_who_refers(&key, None);
    }

    /// Its owner has heard already.
    fn tell_who_refers(&self, key: &Key, owner: Option<&MonitorRef>) {
        let monitors = self.context.sources.monitors(key).into_iter();
        monitors.filter(|monitor| Some(monitor) != owner).for_each(|monitor| self.context.trigger(monitor));
    }

    fn key(&self, object: &Meta) -> Key {
        Key::new(&self.watched.resource.kind, object.namespace().unwrap_or_default(), object.name_any())
    }

    /// Notes why it failed, and says how long to wait at most.
    fn failed(&self, error: &watcher::Error) -> Duration {
        let kind = &self.watched.resource.plural;
        let cause = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Some(error),
            _ => None,
        };
        match cause {
            Some(cause) if self.watched.is_optional && is_not_found(cause) => {
                tracing::debug!(kind, "there is no such kind in this cluster yet");
                self.keep_only(&HashSet::new());
                self.set_available(false);
                LONGEST_WAIT_FOR_KIND
            }
            Some(cause) if self.watched.is_optional && is_forbidden(cause) => {
                tracing::debug!(kind, "the operator may not watch these, and does without");
                self.set_available(false);
                LONGEST_WAIT_FOR_KIND
            }
            _ => {
                tracing::warn!(kind, "watching, to be tried again: {error}");
                LONGEST_WAIT
            }
        }
    }

    fn set_available(&self, is_available: bool) {
        self.context.cache.has_come(&self.name());
        let kind = &self.watched.resource.kind;
        if self.context.cache.set_kind(kind, is_available) {
            tracing::info!(kind, is_available, "a kind came or went");
            self.context.trigger_all();
        }
    }
}

/// Whose an object is, where it is the operator's: one that somebody copied with its labels is not, and must not be removed as unwanted.
fn owner(object: &impl ResourceExt) -> Option<MonitorRef> {
    let labels = object.labels();
    let is_labelled = labels.get("app.kubernetes.io/managed-by").map(String::as_str) == Some(MANAGER);
    let is_ours = object.managed_fields().iter().any(|entry| entry.manager.as_deref() == Some(MANAGER));
    if !is_labelled || !is_ours {
        return None;
    }
    labels::owner(labels).map(|(namespace, name)| monitor_ref(namespace, name))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

    use super::*;

    #[test]
    fn a_copy_is_nobodys() {
        let by = |manager: &str| {
            let mut object = ConfigMap::default();
            object.metadata.labels = Some(labels::all("n", "ward-3", "pseudonyms"));
            let entry =
                ManagedFieldsEntry { manager: Some(manager.to_owned()), ..ManagedFieldsEntry::default() };
            object.metadata.managed_fields = Some(vec![entry]);
            object
        };
        assert_eq!(owner(&by(MANAGER)), Some(monitor_ref("n", "ward-3")));
        assert_eq!(owner(&by("kubectl")), None);
    }
}
