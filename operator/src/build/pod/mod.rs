//! What the pods of both workloads share: one container that listens for probes, mounts its manifest and Secrets, and may do nothing else.

mod connections;
mod environment;
mod probes;
mod secret_files;
mod security;

use bpmonitor_crds::PodOverrides;
use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapVolumeSource, Container, ContainerPort, KeyToPath, PodSpec, PodTemplateSpec,
    ResourceRequirements, TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub(super) use connections::ARCHIVE_DIRECTORY;
pub(super) use environment::Environment;
use secret_files::SecretFiles;

use super::config_map;
use crate::labels;
use crate::model::Monitor;
use crate::names::{self, Component};

/// The port of probes and metrics.
pub(super) const PORT: i32 = 8080;
/// Its name.
pub(super) const PORT_NAME: &str = "metrics";
/// Where the manifest is mounted.
const MANIFEST_DIRECTORY: &str = "/etc/bpmonitor";

/// What a workload's pods are made of.
#[derive(Debug)]
pub(super) struct Pod<'m> {
    /// Of which workload.
    pub component: Component,
    /// The image.
    pub image: &'m str,
    /// Requests and limits as the manifest has them.
    pub resources: &'m ResourceRequirements,
    /// What is requested of each resource of which the manifest says nothing.
    pub requests: [(&'static str, &'static str); 2],
    /// What the pods carry besides.
    pub overrides: &'m PodOverrides,
    /// The settings, and the Secrets that they name.
    pub environment: Environment,
    /// A volume besides, and where it is mounted.
    pub volume: Option<(Volume, VolumeMount)>,
    /// Nearness to nodes and pods.
    pub affinity: Option<Affinity>,
    /// Spread over nodes.
    pub spread: Vec<TopologySpreadConstraint>,
    /// How long the process may take to end.
    pub grace_seconds: i64,
    /// Of what is mounted.
    pub checksum: &'m str,
}

impl Pod<'_> {
    /// The pods as a Deployment has them.
    pub(super) fn template(self, monitor: &Monitor) -> PodTemplateSpec {
        PodTemplateSpec { metadata: Some(self.metadata(monitor)), spec: Some(self.spec(monitor)) }
    }

    fn metadata(&self, monitor: &Monitor) -> ObjectMeta {
        let mut labels = self.overrides.labels.clone();
        labels.extend(labels::all(&monitor.namespace, &monitor.name, self.component.as_str()));
        let mut annotations = self.overrides.annotations.clone();
        annotations.insert(labels::CHECKSUM.to_owned(), self.checksum.to_owned());
        ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }
    }

    fn spec(self, monitor: &Monitor) -> PodSpec {
        let (variables, secrets) = self.environment.finish();
        let (volume, mount) = self.volume.unzip();
        let (secret_volume, secret_mount) =
            secrets.map(|files| (files.volume(), SecretFiles::mount())).unzip();
        let mounts = [Some(manifest_mount()), secret_mount, mount];
        let volumes = [Some(manifest_volume(monitor)), secret_volume, volume];
        let container = Container {
            name: self.component.as_str().to_owned(),
            image: Some(self.image.to_owned()),
            image_pull_policy: Some(monitor.platform.images.pull_policy.as_str().to_owned()),
            env: Some(variables),
            ports: Some(vec![ContainerPort {
                name: Some(PORT_NAME.to_owned()),
                container_port: PORT,
                protocol: Some("TCP".to_owned()),
                ..ContainerPort::default()
            }]),
            resources: Some(resources(self.resources, self.requests)),
            startup_probe: Some(probes::startup()),
            liveness_probe: Some(probes::liveness()),
            readiness_probe: Some(probes::readiness()),
            security_context: Some(security::container()),
            // What a process says last is what it ended by.
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(mounts.into_iter().flatten().collect()),
            ..Container::default()
        };
        let overrides = self.overrides.clone();
        PodSpec {
            containers: vec![container],
            volumes: Some(volumes.into_iter().flatten().collect()),
            service_account_name: Some(names::workload(&monitor.name, self.component)),
            automount_service_account_token: Some(false),
            // One variable for each Service of the namespace would be of no use.
            enable_service_links: Some(false),
            security_context: Some(security::pod()),
            termination_grace_period_seconds: Some(self.grace_seconds),
            affinity: self.affinity,
            topology_spread_constraints: some(self.spread),
            node_selector: Some(overrides.node_selector).filter(|labels| !labels.is_empty()),
            tolerations: some(overrides.tolerations),
            priority_class_name: overrides.priority_class_name,
            image_pull_secrets: some(overrides.image_pull_secrets),
            ..PodSpec::default()
        }
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// What the manifest asks for. A request that it leaves out is made, unless there is a limit, which is then the request too.
fn resources(given: &ResourceRequirements, requests: [(&str, &str); 2]) -> ResourceRequirements {
    let mut resources = given.clone();
    let requested = resources.requests.get_or_insert_default();
    for (name, quantity) in requests {
        if given.limits.as_ref().is_none_or(|limits| !limits.contains_key(name)) {
            requested.entry(name.to_owned()).or_insert_with(|| Quantity(quantity.to_owned()));
        }
    }
    resources
}

fn manifest_volume(monitor: &Monitor) -> Volume {
    let item = KeyToPath {
        key: config_map::ENTRY.to_owned(),
        path: config_map::ENTRY.to_owned(),
        ..KeyToPath::default()
    };
    Volume {
        name: "manifest".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: names::manifest(&monitor.name),
            items: Some(vec![item]),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn manifest_mount() -> VolumeMount {
    VolumeMount {
        name: "manifest".to_owned(),
        mount_path: MANIFEST_DIRECTORY.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

#[cfg(test)]
mod tests;
