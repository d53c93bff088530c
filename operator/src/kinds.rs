//! The kinds of objects that are watched: what the operator makes, and what it reads.

use bpmonitor_crds::BpMonitor;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ApiResource;
use kube::core::GroupVersionKind;
use kube::runtime::reflector::ObjectRef;

use crate::eck;
use crate::kibana;
use crate::labels;
use crate::strimzi;

/// A monitor, by namespace and name.
pub type MonitorRef = ObjectRef<BpMonitor>;

/// The reference to the monitor of this namespace and name.
pub fn monitor_ref(namespace: &str, name: &str) -> MonitorRef {
    ObjectRef::new(name).within(namespace)
}

/// `PodMonitor`, of the Prometheus Operator.
pub const POD_MONITOR: &str = "PodMonitor";
/// `ScaledObject`, of KEDA.
pub const SCALED_OBJECT: &str = "ScaledObject";

/// A kind that is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The kind.
    pub resource: ApiResource,
    /// Which objects of it; all where none is given.
    pub labels: Option<&'static str>,
    /// Whether the cluster may do without it.
    pub is_optional: bool,
}

impl Watched {
    fn managed(resource: ApiResource) -> Self {
        Self { resource, labels: Some(labels::MANAGED), is_optional: false }
    }

    fn foreign(resource: ApiResource) -> Self {
        Self { is_optional: true, ..Self::managed(resource) }
    }

    fn source(resource: ApiResource) -> Self {
        Self { labels: None, ..Self::foreign(resource) }
    }
}

/// All kinds that are watched, by their metadata alone.
pub fn watched() -> Vec<Watched> {
    let named = |group: &str, version: &str, kind: &str, plural: &str| {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    };
    vec![
        Watched::managed(ApiResource::erase::<ConfigMap>(&())),
        Watched::managed(ApiResource::erase::<ServiceAccount>(&())),
        Watched::managed(ApiResource::erase::<Service>(&())),
        Watched::managed(ApiResource::erase::<Deployment>(&())),
        Watched::managed(ApiResource::erase::<PersistentVolumeClaim>(&())),
        Watched::managed(ApiResource::erase::<PodDisruptionBudget>(&())),
        Watched::managed(ApiResource::erase::<NetworkPolicy>(&())),
        // Those that Strimzi, ECK and users make are followed too, and have no label in common.
        Watched { labels: None, ..Watched::managed(ApiResource::erase::<Secret>(&())) },
        Watched::foreign(ApiResource::erase::<strimzi::KafkaTopic>(&())),
        Watched::foreign(ApiResource::erase::<strimzi::KafkaUser>(&())),
        Watched::foreign(named("monitoring.coreos.com", "v1", POD_MONITOR, "podmonitors")),
        Watched::foreign(named("keda.sh", "v1alpha1", SCALED_OBJECT, "scaledobjects")),
        Watched::foreign(named("keda.sh", "v1alpha1", "TriggerAuthentication", "triggerauthentications")),
        Watched::source(ApiResource::erase::<strimzi::Kafka>(&())),
        Watched::source(ApiResource::erase::<eck::Elasticsearch>(&())),
        Watched::source(ApiResource::erase::<kibana::resource::Kibana>(&())),
    ]
}
