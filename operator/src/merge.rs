//! One stream of monitors of the streams of several namespaces, for one store.

use std::collections::{BTreeMap, BTreeSet};

use bpmonitor_crds::{BpMonitor, BpMonitorSpec};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use kube::ResourceExt;
use kube::runtime::watcher::{self, Event};

type Item = watcher::Result<Event<BpMonitor>>;
type FullName = (String, String);

/// Merges streams. A store is complete once each has listed, and one that lists anew takes nothing of the others away.
pub(crate) fn merged(mut streams: Vec<BoxStream<'static, Item>>) -> BoxStream<'static, Item> {
    if streams.len() == 1
        && let Some(only) = streams.pop()
    {
        return only;
    }
    merge_many(streams).boxed()
}

fn merge_many(streams: Vec<BoxStream<'static, Item>>) -> impl Stream<Item = Item> + Send + 'static {
    let mut merge = Merge { waits_for: (0..streams.len()).collect(), ..Merge::default() };
    let numbered = streams.into_iter().enumerate();
    let numbered = numbered.map(|(number, stream)| stream.map(move |item| (number, item)).boxed());
    stream::select_all(numbered).flat_map(move |(number, item)| {
        stream::iter(match item {
            Ok(event) => merge.see(number, event).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    })
}

#[derive(Debug, Default)]
struct Merge {
    waits_for: BTreeSet<usize>,
    has_begun: bool,
    scopes: BTreeMap<usize, Scope>,
}

#[derive(Debug, Default)]
struct Scope {
    known: BTreeSet<FullName>,
    listed: BTreeSet<FullName>,
}

impl Merge {
    fn see(&mut self, number: usize, event: Event<BpMonitor>) -> Vec<Event<BpMonitor>> {
        let is_first_list = !self.waits_for.is_empty();
        let scope = self.scopes.entry(number).or_default();
        match event {
            Event::Init => {
                scope.listed.clear();
                let begins = !std::mem::replace(&mut self.has_begun, true);
                if begins { vec![Event::Init] } else { Vec::new() }
            }
            Event::InitApply(monitor) | Event::Apply(monitor) => {
                scope.listed.insert(full_name(&monitor));
                scope.known.insert(full_name(&monitor));
                vec![if is_first_list { Event::InitApply(monitor) } else { Event::Apply(monitor) }]
            }
            Event::Delete(monitor) => {
                scope.known.remove(&full_name(&monitor));
                vec![Event::Delete(monitor)]
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut scope.listed);
                let gone: Vec<_> = scope.known.difference(&listed).cloned().collect();
                scope.known = listed;
                self.waits_for.remove(&number);
                let is_complete = is_first_list && self.waits_for.is_empty();
                let gone = gone.into_iter().map(|name| Event::Delete(placeholder(name)));
                is_complete.then_some(Event::InitDone).into_iter().chain(gone).collect()
            }
        }
    }
}

fn full_name(monitor: &BpMonitor) -> FullName {
    (monitor.namespace().unwrap_or_default(), monitor.name_any())
}

/// All that a store needs to forget a monitor.
fn placeholder((namespace, name): FullName) -> BpMonitor {
    let mut monitor = BpMonitor::new(&name, BpMonitorSpec::default());
    monitor.metadata.namespace = Some(namespace);
    monitor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(namespace: &str, name: &str) -> BpMonitor {
        placeholder((namespace.to_owned(), name.to_owned()))
    }

    fn words(events: &[Event<BpMonitor>]) -> Vec<String> {
        events.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_store_is_complete_once_all_have_listed() {
        let mut merge = Merge { waits_for: [0, 1].into(), ..Merge::default() };
        assert_eq!(words(&merge.see(0, Event::Init)), ["Init"]);
        assert_eq!(words(&merge.see(0, Event::InitApply(monitor("a", "one")))), ["InitApply(one)"]);
        assert_eq!(words(&merge.see(0, Event::InitDone)), [""; 0]);
        assert_eq!(words(&merge.see(0, Event::Apply(monitor("a", "two")))), ["InitApply(two)"]);
        assert_eq!(words(&merge.see(1, Event::Init)), [""; 0]);
        assert_eq!(words(&merge.see(1, Event::InitDone)), ["InitDone"]);
        assert_eq!(words(&merge.see(1, Event::Apply(monitor("b", "three")))), ["Apply(three)"]);
        // The first one lists anew, and one of its monitors is gone.
        assert_eq!(words(&merge.see(0, Event::Init)), [""; 0]);
        assert_eq!(words(&merge.see(0, Event::InitApply(monitor("a", "two")))), ["Apply(two)"]);
        assert_eq!(words(&merge.see(0, Event::InitDone)), ["Delete(one)"]);
    }
}
