//! What tests of the operator share: the lab's API server, a namespace and an operator of each test's own.

#![allow(dead_code, reason = "each test uses a part of this")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails may panic")]

pub(crate) mod control_plane;
pub(crate) mod eck;
pub(crate) mod elastic;
pub(crate) mod kubelet;
pub(crate) mod replica;
pub(crate) mod strimzi;
pub(crate) mod unending;

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use bpmonitor_crds::{BpMonitor, definition};
use bpmonitor_operator::Operator;
use bpmonitor_operator::context::Settings;
use bpmonitor_operator::metrics::Metrics;
use bpmonitor_operator::model::{Images, PullPolicy};
use bpmonitor_operator::probes::Probes;
use bpmonitor_test_support::{lab, unique};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Config, Resource, ResourceExt};
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long something may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long the operator may take to put back what somebody changed.
pub(crate) const REPAIR: Duration = Duration::from_secs(5);

/// A namespace with an operator of its own.
pub(crate) struct Ward {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    /// How often the operator reads counts.
    pub(crate) count_every: Duration,
    /// What volume claims hold, by name.
    pub(crate) claims: TempDir,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// The lab's API server.
pub(crate) async fn client() -> Client {
    client_of(&kubeconfig()).await
}

/// The API server of a kubeconfig.
pub(crate) async fn client_of(kubeconfig: &str) -> Client {
    let config = config(kubeconfig).await;
    let server = config.cluster_url.clone();
    let client = Client::try_from(config).expect("a client");
    let version = client.apiserver_version().await;
    version.unwrap_or_else(|error| panic!("the API server {server} does not answer: {error}"));
    client
}

/// The same, for whom a token stands.
pub(crate) async fn client_with_token(kubeconfig: &str, token: &str) -> Client {
    let mut config = config(kubeconfig).await;
    config.auth_info = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    Client::try_from(config).expect("a client")
}

/// The kubeconfig of the lab's administrator.
pub(crate) fn kubeconfig() -> String {
    std::env::var("BPMONITOR_TEST_KUBECONFIG")
        .unwrap_or_else(|_| lab::Lab::shared().variable("BPMONITOR_TEST_KUBECONFIG"))
}

async fn config(path: &str) -> Config {
    let kubeconfig = Kubeconfig::read_from(path).unwrap_or_else(|error| panic!("reading {path}: {error}"));
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a kubeconfig");
    config.default_retry = false;
    config
}

impl Ward {
    /// Makes a namespace and starts an operator for it.
    pub(crate) async fn begin() -> Self {
        let mut ward = Self::without_operator().await;
        ward.start();
        ward
    }

    /// Makes a namespace.
    pub(crate) async fn without_operator() -> Self {
        Self::at(client().await).await
    }

    /// The same, at this API server.
    pub(crate) async fn at(client: Client) -> Self {
        install(&client, &definition()).await;
        let namespace = unique::name("bpm");
        let object = json!({"metadata": {"name": namespace, "labels": {"bpmonitor.dev/test": "true"}}});
        let object: Namespace = serde_json::from_value(object).unwrap();
        let made = Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await;
        made.expect("a namespace is made");
        let count_every = Duration::from_secs(60);
        let claims = tempfile::tempdir().expect("a directory is made");
        Self { client, namespace, count_every, claims, stop: CancellationToken::new(), task: None }
    }

    /// Starts an operator for the namespace.
    pub(crate) fn start(&mut self) {
        self.start_as(self.client.clone());
    }

    /// The same, with the rights of this client.
    pub(crate) fn start_as(&mut self, client: Client) {
        self.start_for(client, vec![self.namespace.clone()]);
    }

    /// The same, for these namespaces; none for all.
    pub(crate) fn start_for(&mut self, client: Client, namespaces: Vec<String>) {
        self.stop = CancellationToken::new();
        let (stop, operator) = (self.stop.clone(), operator(client, namespaces, self.count_every));
        self.task = Some(tokio::spawn(async move { operator.run(&stop).await }));
    }

    /// Ends the operator.
    pub(crate) async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.expect("the operator ends well");
        }
    }

    /// The objects of a kind in the namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies a manifest, of any kind, into the namespace.
    pub(crate) async fn apply(&self, manifest: Value) -> DynamicObject {
        let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
        let types = object.types.clone().unwrap();
        let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
        let kind = kube::core::GroupVersionKind::gvk(group, version, &types.kind);
        let api = Api::<DynamicObject>::namespaced_with(
            self.client.clone(),
            &self.namespace,
            &ApiResource::from_gvk(&kind),
        );
        let parameters = PatchParams::apply("test").force();
        let applied = api.patch(&object.name_any(), &parameters, &Patch::Apply(&manifest)).await;
        applied.unwrap_or_else(|error| panic!("applying {manifest}: {error}"))
    }

    /// Applies a monitor with this spec.
    pub(crate) async fn monitor(&self, name: &str, spec: Value) {
        self.apply(json!({
            "apiVersion": "bpmonitor.dev/v1alpha1", "kind": "BpMonitor", "metadata": {"name": name}, "spec": spec,
        }))
        .await;
    }

    /// A condition of a monitor, also of one that this version cannot read.
    pub(crate) async fn condition(&self, name: &str, kind: &str) -> Option<Condition> {
        let resource = ApiResource::erase::<BpMonitor>(&());
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let monitor = api.get(name).await.ok()?;
        let current = monitor.metadata.generation;
        let conditions = monitor.data.pointer("/status/conditions")?.clone();
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap();
        conditions
            .into_iter()
            .find(|condition| condition.type_ == kind && condition.observed_generation == current)
    }

    /// Waits until a condition has this status and reason; gives its message.
    pub(crate) async fn condition_is(&self, name: &str, kind: &str, status: &str, reason: &str) -> String {
        let begun = Instant::now();
        let mut last = None;
        while begun.elapsed() < PATIENCE {
            last = self.condition(name, kind).await;
            if let Some(condition) = last.as_ref().filter(|c| c.status == status && c.reason == reason) {
                assert!(!condition.message.is_empty());
                return condition.message.clone();
            }
            pause().await;
        }
        panic!("{kind} of {name} is not {status} ({reason}) but {last:?}");
    }

    /// The resource versions of all that is in the namespace, by kind and name.
    pub(crate) async fn versions(&self) -> Vec<(String, String, String)> {
        let mut versions = Vec::new();
        for watched in bpmonitor_operator::kinds::watched() {
            let api = Api::<DynamicObject>::namespaced_with(
                self.client.clone(),
                &self.namespace,
                &watched.resource,
            );
            let Ok(list) = api.list_metadata(&ListParams::default()).await else { continue };
            let of = |object: &kube::core::PartialObjectMeta<DynamicObject>| {
                let version = object.resource_version().unwrap_or_default();
                (watched.resource.kind.clone(), object.name_any(), version)
            };
            versions.extend(list.iter().map(of));
        }
        let monitors = self.api::<BpMonitor>().list_metadata(&ListParams::default()).await.unwrap();
        versions.extend(monitors.iter().map(|monitor| {
            ("BpMonitor".to_owned(), monitor.name_any(), monitor.resource_version().unwrap_or_default())
        }));
        versions.sort();
        versions
    }

    /// Waits until nothing changes for a while, and gives the resource versions.
    pub(crate) async fn settled(&self) -> Vec<(String, String, String)> {
        let begun = Instant::now();
        let mut last = self.versions().await;
        let mut since = Instant::now();
        while begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.versions().await;
            if now != last {
                last = now;
                since = Instant::now();
            } else if since.elapsed() > Duration::from_secs(3) {
                return last;
            }
        }
        panic!("it does not settle");
    }

    /// Removes the namespace of a ward whose operator never ran.
    pub(crate) async fn end_without_operator(self) {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let _ = namespaces.delete(&self.namespace, &DeleteParams::background()).await;
    }

    /// Ends the operator and removes the namespace, once the monitors are gone.
    pub(crate) async fn end(mut self) {
        let monitors = self.api::<BpMonitor>();
        let _ = monitors.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
        until("the monitors are gone", Duration::from_secs(90), || async {
            monitors.list(&ListParams::default()).await.is_ok_and(|monitors| monitors.items.is_empty())
        })
        .await;
        self.stop().await;
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let _ = namespaces.delete(&self.namespace, &DeleteParams::background()).await;
    }
}

/// An operator for these namespaces.
pub(crate) fn operator(client: Client, namespaces: Vec<String>, count_every: Duration) -> Operator {
    let images = Images {
        producer: "bpmonitor-producer:test".to_owned(),
        classifier: "bpmonitor-classifier:test".to_owned(),
        pull_policy: PullPolicy::Never,
    };
    let settings = Settings {
        namespaces,
        images,
        resync: Duration::from_secs(300),
        concurrency: 4,
        count_every,
        patience: Duration::from_secs(3),
    };
    Operator::new(client, settings, Metrics::new(&mut Registry::default()), Probes::default())
}

/// Installs a definition, and waits until it is in force.
pub(crate) async fn install(client: &Client, definition: &CustomResourceDefinition) {
    let api = Api::<CustomResourceDefinition>::all(client.clone());
    let name = definition.name_any();
    let parameters = PatchParams::apply("test").force();
    api.patch(&name, &parameters, &Patch::Apply(definition)).await.expect("a definition is installed");
    until("the definition is established", PATIENCE, || async {
        let Ok(definition) = api.get(&name).await else { return false };
        let conditions = definition.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
    })
    .await;
}

/// Waits until something holds; gives how long that took.
pub(crate) async fn until<F, Fut>(what: &str, limit: Duration, mut holds: F) -> Duration
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if holds().await {
            return begun.elapsed();
        }
        pause().await;
    }
    panic!("waited {limit:?} in vain until {what}");
}

/// Waits until an object is there; gives it.
pub(crate) async fn there<K>(api: &Api<K>, name: &str, limit: Duration) -> K
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    until(&format!("{} {name} is there", K::kind(&())), limit, || async {
        api.get_opt(name).await.is_ok_and(|object| object.is_some())
    })
    .await;
    api.get(name).await.expect("it was there")
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}
