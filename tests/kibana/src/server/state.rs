//! What the server knows: spaces, saved objects, connectors, rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::answers::{Answered, refuse};
use crate::contract::alerts::{Sent, connector_breaches, rule_breaches};

/// The space, kind and id of something.
type Key = (String, String, String);

/// What the server knows.
#[derive(Debug)]
pub struct State {
    /// Whether it is not up yet.
    pub is_starting: bool,
    /// Whether the user may do nothing.
    pub forbids: bool,
    /// Whether it takes no import, for reasons of its own.
    pub refuses_imports: bool,
    /// How many requests that change something it was sent.
    pub writes: usize,
    /// The spaces; the default one has no name.
    pub spaces: BTreeSet<String>,
    pub(super) mapping: Value,
    things: BTreeMap<Key, Value>,
}

impl State {
    pub(super) fn new(mapping: Value) -> Self {
        Self {
            is_starting: false,
            forbids: false,
            refuses_imports: false,
            writes: 0,
            spaces: [String::new()].into(),
            mapping,
            things: BTreeMap::new(),
        }
    }

    /// The ids of all of a kind in a space: a kind of saved object, `alert-rule` or `connector`.
    pub fn ids(&self, space: &str, kind: &str) -> Vec<String> {
        let of = self.things.keys().filter(|(in_space, of, _)| in_space == space && of == kind);
        of.map(|(_, _, id)| id.clone()).collect()
    }

    /// One of them.
    pub fn get(&self, space: &str, kind: &str, id: &str) -> Option<Value> {
        self.things.get(&key(space, kind, id)).cloned()
    }

    /// Puts something there as somebody else would.
    pub fn put(&mut self, space: &str, kind: &str, id: &str, thing: Value) {
        self.things.insert(key(space, kind, id), thing);
    }

    /// Takes something away as somebody else would.
    pub fn take(&mut self, space: &str, kind: &str, id: &str) -> Option<Value> {
        self.things.remove(&key(space, kind, id))
    }

    pub(super) fn put_object(&mut self, space: &str, object: Value) {
        let [kind, id] = ["type", "id"].map(|key| object[key].as_str().unwrap_or_default().to_owned());
        self.put(space, &kind, &id, object);
    }

    pub(super) fn is_elsewhere(&self, space: &str, object: &Value) -> bool {
        self.things
            .keys()
            .any(|(in_space, kind, id)| in_space != space && object["type"] == **kind && object["id"] == **id)
    }

    pub(super) fn remove(&mut self, space: &str, kind: &str, id: &str) -> Answered {
        match self.take(space, kind, id) {
            Some(_) => (200, json!({})),
            None => refuse(404, "Not Found"),
        }
    }

    pub(super) fn make_space(&mut self, body: &Value) -> Answered {
        let Some(id) = body["id"].as_str().filter(|_| body["name"].is_string()) else {
            return refuse(400, "a space has an id and a name");
        };
        if self.spaces.insert(id.to_owned()) { (200, body.clone()) } else { refuse(409, "Conflict") }
    }

    pub(super) fn make_connector(&mut self, space: &str, id: &str, body: &Value) -> Answered {
        if self.get(space, "connector", id).is_some() {
            return refuse(409, "Conflict");
        }
        self.keep(space, "connector", id, body.clone(), &connector_breaches(id, body, Sent::Create))
    }

    pub(super) fn update_connector(&mut self, space: &str, id: &str, body: &Value) -> Answered {
        let Some(known) = self.get(space, "connector", id) else { return refuse(404, "Not Found") };
        self.keep(space, "connector", id, over(known, body), &connector_breaches(id, body, Sent::Update))
    }

    pub(super) fn make_rule(&mut self, space: &str, id: &str, body: &Value) -> Answered {
        if self.get(space, "alert-rule", id).is_some() {
            return refuse(409, "Conflict");
        }
        let kind = body["rule_type_id"].as_str().unwrap_or_default();
        let breaches = self.rule_breaches(space, id, kind, body, Sent::Create);
        self.keep(space, "alert-rule", id, body.clone(), &breaches)
    }

    pub(super) fn update_rule(&mut self, space: &str, id: &str, body: &Value) -> Answered {
        let Some(known) = self.get(space, "alert-rule", id) else { return refuse(404, "Not Found") };
        let kind = known["rule_type_id"].as_str().unwrap_or_default();
        let breaches = self.rule_breaches(space, id, kind, body, Sent::Update);
        self.keep(space, "alert-rule", id, over(known, body), &breaches)
    }

    fn rule_breaches(&self, space: &str, id: &str, kind: &str, body: &Value, sent: Sent) -> Vec<String> {
        let connectors = self.ids(space, "connector");
        let connectors: Vec<_> = connectors.iter().map(String::as_str).collect();
        rule_breaches(id, kind, body, sent, &connectors, &self.mapping)
    }

    fn keep(&mut self, space: &str, kind: &str, id: &str, thing: Value, breaches: &[String]) -> Answered {
        if !breaches.is_empty() {
            return refuse(400, &breaches.join("; "));
        }
        self.put(space, kind, id, thing.clone());
        (200, thing)
    }
}

fn key(space: &str, kind: &str, id: &str) -> Key {
    (space.to_owned(), kind.to_owned(), id.to_owned())
}

/// What is known, with what was sent over it.
fn over(mut known: Value, sent: &Value) -> Value {
    for (key, value) in sent.as_object().into_iter().flatten() {
        known[key] = value.clone();
    }
    known
}
