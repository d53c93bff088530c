//! A saved object, and the lines that Kibana imports.

use serde_json::{Value, json};

/// The kinds of saved objects that there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Which index, and which field is its time.
    DataView,
    /// A table of readings.
    Search,
    /// A page of panels.
    Dashboard,
}

impl Kind {
    /// As Kibana names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataView => "index-pattern",
            Self::Search => "search",
            Self::Dashboard => "dashboard",
        }
    }

    /// The version of its shape. Kibana refuses later ones than it knows, and brings earlier ones up to date.
    const fn shape(self) -> &'static str {
        match self {
            Self::DataView | Self::Search => "8.0.0",
            Self::Dashboard => "8.9.0",
        }
    }
}

/// A reference from one saved object to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// By what the object names it.
    pub name: String,
    /// The kind of the other one.
    pub kind: Kind,
    /// The id of the other one.
    pub id: String,
}

impl Reference {
    /// As Kibana writes it.
    pub fn json(&self) -> Value {
        json!({"name": self.name, "type": self.kind.as_str(), "id": self.id})
    }
}

/// A saved object.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedObject {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// What it says.
    pub attributes: Value,
    /// What it refers to.
    pub references: Vec<Reference>,
}

impl SavedObject {
    /// As Kibana imports it.
    pub fn json(&self) -> Value {
        json!({
            "type": self.kind.as_str(),
            "id": self.id,
            "attributes": self.attributes,
            "references": self.references.iter().map(Reference::json).collect::<Vec<_>>(),
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": self.kind.shape(),
            "managed": false,
        })
    }
}

/// Saved objects as Kibana imports them: one a line.
pub fn ndjson(objects: &[SavedObject]) -> String {
    objects.iter().flat_map(|object| [object.json().to_string(), "\n".to_owned()]).collect()
}

/// A query in Kibana's language; empty for everything.
pub(crate) fn kuery(query: &str) -> Value {
    json!({"query": query, "language": "kuery"})
}
