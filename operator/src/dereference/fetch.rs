//! Reading one object, and what it means that it is not there.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::error::{Error, is_forbidden, is_not_found};

/// What came of reading an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched<T> {
    /// It is there.
    There(T),
    /// It is not there.
    Missing,
    /// There are no such objects in this cluster.
    NoSuchKind,
    /// The operator may not read it.
    Forbidden,
}

/// What a Secret holds.
pub type SecretData = BTreeMap<String, Vec<u8>>;

/// Reads an object.
///
/// # Errors
///
/// The API server's, but for those that [`Fetched`] names.
pub async fn fetch<K>(client: &Client, namespace: &str, name: &str) -> Result<Fetched<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    match Api::<K>::namespaced(client.clone(), namespace).get(name).await {
        Ok(object) => Ok(Fetched::There(object)),
        Err(error) if is_not_found(&error) => Ok(missing(&error)),
        Err(error) if is_forbidden(&error) => Ok(Fetched::Forbidden),
        Err(error) => Err(Error::kube(format!("reading the {} {namespace}/{name}", K::kind(&())))(error)),
    }
}

/// Reads what a Secret holds; none where it is not there.
///
/// # Errors
///
/// The API server's.
pub async fn fetch_secret(client: &Client, namespace: &str, name: &str) -> Result<Option<SecretData>, Error> {
    match fetch::<Secret>(client, namespace, name).await? {
        Fetched::There(secret) => Ok(Some(data(secret))),
        _ => Ok(None),
    }
}

/// What a Secret holds.
pub fn data(secret: Secret) -> SecretData {
    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect()
}

/// The API server names what it did not find only where it knows such a kind.
fn missing<T>(error: &kube::Error) -> Fetched<T> {
    let named = match error {
        kube::Error::Api(status) => status.details.as_ref().is_some_and(|details| !details.name.is_empty()),
        _ => false,
    };
    if named { Fetched::Missing } else { Fetched::NoSuchKind }
}
