//! How a workload is told to reach Kafka, Elasticsearch and the archive.
//!
//! Everything is told, also what the manifest says itself: a flag or variable for the servers switches off what the manifest says of
//! their encryption and authentication.

use bpmonitor_crds::ArchiveStore;
use clap::ValueEnum;

use super::environment::Environment;
use crate::model::{
    Elasticsearch, ElasticsearchLogin, Kafka, KafkaLogin, KafkaTransport, Monitor, SecretEntry,
};

/// Where the archive's volume is mounted.
pub(in crate::build) const ARCHIVE_DIRECTORY: &str = "/var/lib/bpmonitor";
/// The entries of the Secret of an object store, called as AWS' own tools call them.
const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";

impl Environment {
    /// How Kafka is reached, and as whom.
    pub(in crate::build) fn kafka(&mut self, kafka: &Kafka, login: &KafkaLogin) {
        self.set("BPMONITOR_KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers);
        self.set("BPMONITOR_KAFKA_TOPIC", &kafka.topics.observations);
        match &kafka.transport {
            KafkaTransport::Insecure => self.set("BPMONITOR_KAFKA_INSECURE", "true"),
            KafkaTransport::Tls { ca: Some(ca) } => self.file("BPMONITOR_KAFKA_CA", ca, "kafka/ca.crt"),
            KafkaTransport::Tls { ca: None } => {}
        }
        match login {
            KafkaLogin::Anonymous => {}
            KafkaLogin::Certificate { certificate, key } => {
                self.file("BPMONITOR_KAFKA_CERTIFICATE", certificate, "kafka/tls.crt");
                self.file("BPMONITOR_KAFKA_KEY", key, "kafka/tls.key");
            }
            KafkaLogin::Password { mechanism, username, password } => {
                if let Some(mechanism) = mechanism.to_possible_value() {
                    self.set("BPMONITOR_KAFKA_MECHANISM", mechanism.get_name());
                }
                self.username("BPMONITOR_KAFKA_USERNAME", username);
                self.file("BPMONITOR_KAFKA_PASSWORD_FILE", password, "kafka/password");
            }
        }
    }

    /// How Elasticsearch is reached, as whom, and what is written there.
    pub(in crate::build) fn elasticsearch(&mut self, elasticsearch: &Elasticsearch) {
        let Elasticsearch { url, ca, login, index, alias, .. } = elasticsearch;
        self.set("BPMONITOR_ELASTICSEARCH_URL", url);
        self.set("BPMONITOR_ELASTICSEARCH_INDEX", index);
        self.set("BPMONITOR_ELASTICSEARCH_ALIAS", alias);
        // Validation lets such a URL through only where the manifest says insecure.
        if is_plain(url) {
            self.set("BPMONITOR_ELASTICSEARCH_INSECURE", "true");
        } else if let Some(ca) = ca {
            self.file("BPMONITOR_ELASTICSEARCH_CA", ca, "elasticsearch/ca.crt");
        }
        match login {
            ElasticsearchLogin::ApiKey(key) => {
                self.file("BPMONITOR_ELASTICSEARCH_API_KEY_FILE", key, "elasticsearch/api-key");
            }
            ElasticsearchLogin::Password { username, password } => {
                self.username("BPMONITOR_ELASTICSEARCH_USERNAME", username);
                self.file("BPMONITOR_ELASTICSEARCH_PASSWORD_FILE", password, "elasticsearch/password");
            }
            ElasticsearchLogin::None => {}
        }
    }

    /// Where the archive is. Of a bucket the manifest says all but what is secret.
    pub(in crate::build) fn archive(&mut self, monitor: &Monitor) {
        let ArchiveStore::S3(s3) = monitor.spec.archive.store() else {
            return self.set("BPMONITOR_ARCHIVE", ARCHIVE_DIRECTORY);
        };
        let is_plain = s3.endpoint.as_deref().is_some_and(is_plain);
        if let Some(ca) = s3.ca_secret_ref.as_ref().filter(|_| !is_plain) {
            self.file("BPMONITOR_S3_CA", &SecretEntry::new(&ca.name, &ca.key), "s3/ca.crt");
        }
        if let Some(credentials) = &s3.credentials_secret_ref {
            let entry = |key| SecretEntry::new(&credentials.name, key);
            self.file("BPMONITOR_S3_ACCESS_KEY_ID_FILE", &entry(ACCESS_KEY_ID), "s3/access-key-id");
            self.file(
                "BPMONITOR_S3_SECRET_ACCESS_KEY_FILE",
                &entry(SECRET_ACCESS_KEY),
                "s3/secret-access-key",
            );
        }
    }

    /// The key of pseudonyms.
    pub(in crate::build) fn pseudonym_key(&mut self, key: &SecretEntry) {
        self.file("BPMONITOR_PSEUDONYM_KEY_FILE", key, "pseudonyms/key");
    }
}

/// Whether what is sent there is not encrypted.
fn is_plain(url: &str) -> bool {
    url.starts_with("http:")
}
