//! The operator with the rights of `rbac.yaml` and no others: enough for all that it does in its namespaces, and for nothing elsewhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use common::{PATIENCE, REPAIR, Ward, client, client_with_token, elastic, kubeconfig, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::ClusterRole;
use kube::api::{Api, DeleteParams, ListParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;

const ACCOUNT: &str = "operator";

/// A client that may do in one namespace what the operator may.
async fn restricted(ward: &Ward) -> Client {
    let text = include_str!("../rbac.yaml").split("\n---\n").next().unwrap();
    let mut role: ClusterRole = serde_saphyr::from_str(text).unwrap();
    // Other tests may bind another version of it.
    role.metadata.name = Some(ward.namespace.clone());
    Api::all(ward.client.clone()).create(&PostParams::default(), &role).await.unwrap();
    ward.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}})).await;
    ward.apply(json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ward.namespace},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ward.namespace}],
    }))
    .await;
    let request = TokenRequest { spec: Some(TokenRequestSpec::default()), ..TokenRequest::default() };
    let accounts = ward.api::<ServiceAccount>();
    let answer = accounts.create_token_request(ACCOUNT, &PostParams::default(), &request).await.unwrap();
    client_with_token(&kubeconfig(), &answer.status.unwrap().token.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_in_its_namespace_are_enough() {
    let mut ward = Ward::without_operator().await;
    let restricted = restricted(&ward).await;
    let elsewhere = Api::<Secret>::namespaced(restricted.clone(), "kube-system");
    let refused = elsewhere.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
    ward.start_as(restricted);
    let _strimzi = strimzi::begin(&ward).await;
    let elasticsearch = elastic::given(&ward).await;
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch})).await;
    for component in ["producer", "classifier"] {
        there(&ward.api::<Deployment>(), &format!("ward-3-{component}"), PATIENCE).await;
    }
    ward.condition_is("ward-3", "KafkaReady", "True", "TopicsReady").await;
    ward.condition_is("ward-3", "ElasticsearchReady", "True", "IndexReady").await;
    let maps = ward.api::<ConfigMap>();
    maps.delete("ward-3-manifest", &DeleteParams::default()).await.unwrap();
    there(&maps, "ward-3-manifest", REPAIR).await;
    let events = ward.api::<Event>();
    until("there are events", PATIENCE, || async {
        let events = events.list(&ListParams::default()).await.unwrap();
        events
            .iter()
            .any(|event| event.regarding.as_ref().is_some_and(|of| of.kind.as_deref() == Some("BpMonitor")))
    })
    .await;
    // No longer wanted, so removed.
    ward.monitor("ward-3", json!({"elasticsearch": elasticsearch, "patients": {"count": 0}})).await;
    let deployments = ward.api::<Deployment>();
    until("there is no producer any more", PATIENCE, || async {
        deployments.get_opt("ward-3-producer").await.unwrap().is_none()
    })
    .await;
    ward.apply(json!({
        "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor",
        "metadata": {"name": "ward-3", "annotations": {"bpmonitor.dev/delete-data": "true"}},
        "spec": {"elasticsearch": elasticsearch, "patients": {"count": 0}},
    }))
    .await;
    let (role, claims) = (ward.namespace.clone(), ward.api::<PersistentVolumeClaim>());
    ward.end().await;
    let left = claims.list(&ListParams::default()).await.unwrap();
    assert!(
        left.iter().all(|claim| claim.metadata.deletion_timestamp.is_some()),
        "the archive goes with the data"
    );
    let roles = Api::<ClusterRole>::all(client().await);
    roles.delete(&role, &DeleteParams::default()).await.unwrap();
    assert!(left.iter().all(|claim| claim.name_any() == "ward-3-archive"));
}
