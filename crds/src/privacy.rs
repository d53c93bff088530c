//! What of a patient may be seen and stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What of a patient may be seen and stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(inline)]
pub struct Privacy {
    /// Replaces patient identifiers by pseudonyms made with a secret key.
    pub pseudonymise: bool,
    /// Stores the patient's name beside an anomaly.
    pub store_names: bool,
    /// Stores the whole FHIR Observation beside an anomaly. It names the patient.
    pub store_resource: bool,
    /// The Secret that holds the pseudonym key.
    pub key_secret_ref: KeySecretRef,
}

/// The Secret that holds the pseudonym key, under `key`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct KeySecretRef {
    /// Name of the Secret. Empty: the operator makes one, once, and never again while data exists.
    #[schemars(length(max = 253))]
    pub name: String,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            pseudonymise: true,
            store_names: false,
            store_resource: false,
            key_secret_ref: KeySecretRef::default(),
        }
    }
}
