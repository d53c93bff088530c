//! An object that is to be applied, whatever its kind.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::ApiResource;
use serde::Serialize;
use serde_json::{Map, Value};

/// An object that is to be applied, with its apiVersion and kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Which kind it is, and how the API server calls it.
    pub resource: ApiResource,
    /// Its name.
    pub name: String,
    /// All of it, as it is sent.
    pub body: Value,
}

impl Object {
    /// One of Kubernetes' own kinds.
    pub(super) fn of<K: Resource<DynamicType = ()> + Serialize>(object: &K) -> Self {
        Self {
            resource: ApiResource::erase::<K>(&()),
            name: object.meta().name.clone().unwrap_or_default(),
            body: value(object),
        }
    }

    /// One of a kind that somebody else defines; `spec` is all it has beside its metadata.
    pub(super) fn foreign(resource: ApiResource, metadata: &ObjectMeta, spec: Value) -> Self {
        let body = [
            ("apiVersion", Value::from(resource.api_version.clone())),
            ("kind", Value::from(resource.kind.clone())),
            ("metadata", value(metadata)),
            ("spec", spec),
        ];
        let body: Map<_, _> = body.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { resource, name: metadata.name.clone().unwrap_or_default(), body: body.into() }
    }

    /// Its kind, as in `Deployment`.
    pub fn kind(&self) -> &str {
        &self.resource.kind
    }
}

#[expect(clippy::expect_used, reason = "Kubernetes' types have string keys only, which always serialise")]
fn value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("an object serialises")
}
