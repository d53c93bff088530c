//! Reads a `BpMonitor` from a file as the API server would, and reports every mistake at once.
//!
//! The structure is checked against the published schema, and the rules are those that the API server runs: what
//! `kubectl apply` refuses is refused here too. The reader is stricter in two things: an unknown field is a mistake and
//! not a warning, and words such as `yes` are text, not booleans.

mod document;
mod structure;
mod wording;

use std::{fmt, sync::LazyLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{
    Resource,
    core::cel::{ErrorKind, ValidationError, Validator, apply_defaults, compile_schema},
};
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::{BpMonitor, definition, schema::tidy};

/// One mistake in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// Where it is, such as `spec.rate.perSecond`; empty where it concerns the whole file.
    pub path: String,
    /// What is wrong and what is allowed instead.
    pub message: String,
}

impl ManifestError {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// Whether this mistake makes nonsense of what is said about `path`.
    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => formatter.write_str(&self.message),
            path => write!(formatter, "{path}: {}", self.message),
        }
    }
}

impl std::error::Error for ManifestError {}

/// Reads one `BpMonitor`, written as YAML or JSON, and fills in the defaults.
///
/// What depends on the threshold profile is not checked here: that is clinical knowledge, and the caller's.
///
/// # Errors
///
/// Every mistake that the file has, in the order in which they are best mended: first those of the structure, then
/// the rules that it breaks.
pub fn read_manifest(text: &str) -> Result<BpMonitor, Vec<ManifestError>> {
    let mut manifest = document::read_one(text).map_err(|error| vec![error])?;
    if let Some(fields) = manifest.as_object_mut() {
        fields.remove("status"); // `kubectl get -o yaml` prints it, `kubectl apply` ignores it
    }
    structure::normalise(&SCHEMA, &mut manifest);
    let mut mistakes = structure::mistakes(&SCHEMA, &manifest);
    let manifest = apply_defaults(&SCHEMA, &manifest);
    let broken = broken_rules(&manifest, &mistakes);
    mistakes.extend(broken);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    serde_json::from_value(manifest).map_err(|error| vec![ManifestError::new("", error.to_string())])
}

/// The published schema, closed at its root: what a file must be and not only what the API server stores.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let published =
        definition().spec.versions.into_iter().find_map(|version| version.schema?.open_api_v3_schema);
    let mut schema = json!(published);
    schema["properties"] = json!({
        "apiVersion": {"type": "string", "enum": [BpMonitor::api_version(&())]},
        "kind": {"type": "string", "enum": [BpMonitor::kind(&())]},
        "metadata": metadata_schema(),
        "spec": schema["properties"]["spec"],
    });
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    // The one rule of the root is about the name. A definition cannot say so, as it does not describe metadata.
    schema["x-kubernetes-validations"][0]["fieldPath"] = json!(".metadata.name");
    schema
});

fn metadata_schema() -> Value {
    let settings = SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<ObjectMeta>();
    tidy(&mut schema);
    let mut schema = schema.to_value();
    schema["required"] = json!(["name"]);
    schema["properties"]["name"]["minLength"] = json!(1);
    schema
}

/// The rules that the manifest breaks, but for those that `mistakes` make meaningless.
fn broken_rules(manifest: &Value, mistakes: &[ManifestError]) -> Vec<ManifestError> {
    let outcome = Validator::new().validate_compiled(&compile_schema(&SCHEMA), manifest, None);
    let mut broken: Vec<_> = outcome
        .err()
        .into_iter()
        .flatten()
        .filter(|rule| mistakes.is_empty() || rule.kind == ErrorKind::ValidationFailure)
        .map(|rule: ValidationError| {
            ManifestError::new(rule.field_path.trim_start_matches('.'), rule.message)
        })
        .filter(|rule| !mistakes.iter().any(|mistake| mistake.covers(&rule.path)))
        .collect();
    broken.sort_by(|one, other| one.path.cmp(&other.path));
    broken
}
