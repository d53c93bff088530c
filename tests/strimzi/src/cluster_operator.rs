//! The cluster operator: a `Kafka` is the lab's broker, and says where it listens.

use std::fs;

use anyhow::{Context, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::{Map, Value, json};

use crate::knobs::Refusal;
use crate::shared::{RESYNC, Shared};
use crate::specs::{Kafka, Listener, spec};
use crate::status::{self, Wording};

pub(crate) const KIND: &str = "Kafka";

pub(crate) async fn reconcile(kafka: &DynamicObject, shared: &Shared) -> Result<Action> {
    if kafka.name_any() != shared.settings.cluster || kafka.metadata.deletion_timestamp.is_some() {
        return Ok(Action::await_change());
    }
    if let Some(left) = shared.knobs.left(kafka) {
        return Ok(Action::requeue(left));
    }
    let outcome = match shared.knobs.refusal(KIND, &kafka.name_any()) {
        Some(refusal) => Err(refusal),
        None => settle(kafka, shared).await,
    };
    status::write(&shared.api(KIND), kafka, Wording::NotReadyTrue, outcome).await?;
    Ok(Action::requeue(RESYNC))
}

async fn settle(kafka: &DynamicObject, shared: &Shared) -> Result<Map<String, Value>, Refusal> {
    let refused = |error: anyhow::Error| status::refusal(&error, None);
    let asked: Kafka = spec(kafka).map_err(refused)?;
    let settings = &shared.settings;
    let ca = fs::read_to_string(&settings.cluster_ca).context("reading the cluster's CA").map_err(refused)?;
    for (what, certificate) in [("cluster", ca.as_str()), ("clients", shared.clients_ca.certificate())] {
        let name = format!("{}-{what}-ca-cert", settings.cluster);
        write_ca(&name, certificate, shared).await.map_err(refused)?;
    }
    let listeners: Result<Vec<_>> =
        asked.kafka.listeners.iter().map(|listener| listening(listener, &ca, shared)).collect();
    Ok(Map::from_iter([("listeners".to_owned(), json!(listeners.map_err(refused)?))]))
}

/// Where a listener is found.
fn listening(listener: &Listener, ca: &str, shared: &Shared) -> Result<Value> {
    let settings = &shared.settings;
    let authentication = listener.authentication.as_ref().map(|authentication| authentication.kind.as_str());
    let address = match (listener.tls, authentication) {
        (false, None) => &settings.plain,
        (true, Some("tls")) => &settings.mtls,
        (true, Some("scram-sha-512")) => &settings.scram,
        _ => anyhow::bail!("the lab's broker has no listener like {}", listener.name),
    };
    let (host, port) = address.rsplit_once(':').context("an address is HOST:PORT")?;
    let addresses = json!([{"host": host, "port": port.parse::<u16>()?}]);
    let mut status = json!({"name": listener.name, "addresses": addresses, "bootstrapServers": address});
    if listener.tls {
        status["certificates"] = json!([ca]);
    }
    Ok(status)
}

async fn write_ca(name: &str, certificate: &str, shared: &Shared) -> Result<()> {
    let namespace = &shared.settings.namespace;
    let labels = [("strimzi.io/cluster", shared.settings.cluster.as_str()), ("strimzi.io/kind", KIND)];
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.clone()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            ..ObjectMeta::default()
        },
        data: Some([("ca.crt".to_owned(), ByteString(certificate.as_bytes().to_vec()))].into()),
        ..Secret::default()
    };
    let api = Api::<Secret>::namespaced(shared.client.clone(), namespace);
    api.patch(name, &PatchParams::apply("strimzi-cluster-operator").force(), &Patch::Apply(&secret)).await?;
    Ok(())
}
