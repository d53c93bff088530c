//! A control plane of a test's own, which it may kill, stop and take definitions from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bpmonitor_test_strimzi::Settings;
use bpmonitor_test_support::lab::{Lab, OwnLab, SecureElasticsearch};
use kube::Client;
use serde_json::Value;

use super::client_of;

/// etcd, an API server, and what more of Kubernetes was asked for. Ended when dropped.
pub(crate) struct ControlPlane(OwnLab);

impl ControlPlane {
    /// Brings it up, with these parts beside etcd and the API server.
    pub(crate) fn up(name: &str, parts: &[&str]) -> Self {
        let own = OwnLab::up(name, "etcd");
        own.lab().up("kube-apiserver");
        for part in parts {
            own.lab().up(part);
        }
        Self(own)
    }

    pub(crate) fn lab(&self) -> &Lab {
        self.0.lab()
    }

    /// Its administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> String {
        self.lab().variable("BPMONITOR_TEST_KUBECONFIG")
    }

    pub(crate) async fn client(&self) -> Client {
        client_of(&self.kubeconfig()).await
    }

    /// The Elasticsearch beside it, where that was brought up.
    pub(crate) fn elasticsearch_secure(&self) -> SecureElasticsearch {
        let of = |name: &str| self.lab().variable(&format!("BPMONITOR_TEST_ELASTICSEARCH_{name}"));
        let password = fs::read_to_string(of("PASSWORD_FILE")).unwrap();
        SecureElasticsearch {
            url: of("SECURE"),
            ca: of("CA").into(),
            password: password.trim_end().to_owned(),
        }
    }

    /// The Kafka beside it, where that was brought up, as the `Kafka` called bp-kafka of a namespace.
    pub(crate) fn kafka(&self, namespace: &str) -> Settings {
        let of = |name: &str| self.lab().variable(&format!("BPMONITOR_TEST_KAFKA{name}"));
        let pki = PathBuf::from(of("_PKI"));
        Settings {
            namespace: namespace.to_owned(),
            cluster: "bp-kafka".to_owned(),
            plain: of(""),
            mtls: of("_MTLS"),
            scram: of("_SCRAM"),
            cluster_ca: pki.join("ca.crt"),
            clients_ca: pki.join("clients-ca.crt"),
            clients_ca_key: pki.join("clients-ca.key"),
        }
    }

    /// Where the definitions of a project are: `strimzi`, `eck`, `prometheus-operator`, `keda`.
    fn definitions(&self, of: &str) -> PathBuf {
        Path::new(&self.lab().variable("BPMONITOR_TEST_CRDS")).join(of)
    }

    /// Installs the definitions of a project.
    pub(crate) fn install(&self, of: &str) {
        let definitions = self.definitions(of);
        self.kubectl(&["apply", "--server-side", "-f", definitions.to_str().unwrap()]);
    }

    /// Takes the definitions of a project away, and with them all objects.
    pub(crate) fn uninstall(&self, of: &str) {
        let definitions = self.definitions(of);
        self.kubectl(&["delete", "-f", definitions.to_str().unwrap()]);
    }

    /// Applies an object of any kind, as somebody.
    pub(crate) fn apply(&self, object: &Value, manager: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        // JSON is YAML.
        fs::write(file.path(), object.to_string()).unwrap();
        let file = file.path().to_str().unwrap();
        self.kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager",
            manager,
            "-f",
            file,
        ]);
    }

    pub(crate) fn kubectl(&self, arguments: &[&str]) {
        let kubectl = Path::new(&self.lab().variable("BPMONITOR_TEST_KUBERNETES_TOOLS")).join("kubectl");
        let output = Command::new(kubectl).args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "kubectl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
