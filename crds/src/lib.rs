//! The `BpMonitor` custom resource: its type, its rules, its definition, and manifests read from files.
//!
//! The types here are the only source of the definition: `make crds` writes `bpmonitors.bpmonitor.dev.yaml`
//! beside this crate, and a test fails when the two differ. A subject's rules stand beside its type, and all of
//! them run in two places: in the API server, and in [`manifest::read_manifest`] on a laptop.

mod archive;
mod definition;
mod elasticsearch;
pub mod index;
mod kafka;
mod kibana;
pub mod manifest;
mod monitor;
pub mod names;
mod patients;
mod privacy;
mod references;
mod rules;
mod schema;
mod source;
mod status;
mod thresholds;
mod values;
mod workloads;

pub use archive::{AccessMode, Archive, ArchiveCompression, ArchiveStore, ArchiveVolume, S3Archive};
pub use definition::{definition, definition_yaml};
pub use elasticsearch::{
    Elasticsearch, ElasticsearchAccess, ElasticsearchAuth, ElasticsearchClusterRef, Index,
};
pub use kafka::{Kafka, KafkaAccess, KafkaAuth, KafkaClusterRef, KafkaMechanism, KafkaTls, Topic};
pub use kibana::{Kibana, KibanaAccess, KibanaAuth, KibanaClusterRef};
pub use monitor::{BpMonitor, BpMonitorSpec, NAME_MAX_LENGTH};
pub use patients::{History, Mix, Patients, Rate};
pub use privacy::{KeySecretRef, Privacy};
pub use references::{SecretKeyRef, SecretRef};
pub use source::Source;
pub use status::{BpMonitorStatus, ClassifierStatus, ObservationCounts, ThresholdsInForce};
pub use values::{HumanDuration, Size};
pub use workloads::{Autoscaling, Classifier, PodOverrides, Producer};
