//! The end-to-end test on a cluster of others: it does not begin where it would remove what is somebody's.

use std::env;
use std::process::Command;

use tempfile::TempDir;

use crate::definition::NAME;
use crate::helm::{kubectl, root, variable};

#[test]
fn a_cluster_that_has_bp_monitor_is_refused_and_left_alone() {
    let file = root().join("crds/bpmonitors.bpmonitor.dev.yaml");
    kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()], &[]);
    let uid = || kubectl(&["get", "crd", NAME, "--output", "jsonpath={.metadata.uid}"], &[]);
    let before = uid();
    let data = TempDir::new().unwrap();
    let path = format!("{}:{}", variable("BPMONITOR_TEST_KUBERNETES_TOOLS"), env::var("PATH").unwrap());
    let output = Command::new(root().join("tests/e2e/run.sh"))
        .arg("external")
        .env("PATH", path)
        .env("KUBECONFIG", variable("BPMONITOR_TEST_KUBECONFIG"))
        .env("LAB_DATA", data.path())
        .env("LAB_DIST", data.path())
        .envs([("REGISTRY", "registry.example"), ("TAG", "1")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("has bp-monitor already"), "{said}");
    assert_eq!(uid(), before);
}
