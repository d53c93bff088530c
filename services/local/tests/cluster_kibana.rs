//! `bpmonitor kibana export|import`: what is printed is what is written, and what keeps it away is told.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::fs;

use bpmonitor_crds::index::mappings;
use bpmonitor_test_kibana::server::{API_KEY, FakeKibana, PASSWORD, USER};
use common::cluster::checked;
use common::process::{bpmonitor, finish};
use tempfile::TempDir;

const MANIFEST: &str = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: ward-3, namespace: cardiology}\nspec: {}\n";

/// Writes a file; gives its path.
fn written(directory: &TempDir, name: &str, text: &str) -> String {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn dashboards_are_exported_and_imported() {
    let server = FakeKibana::start(mappings());
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| written(&directory, name, text);
    let (manifest, password) = (write("ward.yaml", MANIFEST), write("password", PASSWORD));
    let exported = finish(&mut bpmonitor(["kibana", "export", "-f", &manifest])).good();
    assert_eq!(exported.out.lines().count(), 6);

    let url = server.url();
    let import = |more: &[&str]| {
        let mut command = bpmonitor(["kibana", "import", "-f", &manifest]);
        finish(command.args(more))
    };
    assert_eq!(import(&[]).code, Some(2), "which Kibana");
    assert_eq!(import(&["--kibana-url", &url]).code, Some(2), "not encrypted");
    let at = ["--kibana-url", &url, "--kibana-insecure"];
    assert_eq!(import(&at).code, Some(1), "as nobody");
    let key = write("key", API_KEY);
    let by_key = import(&[&at[..], &["--kibana-api-key-file", &key]].concat()).good();
    assert!(by_key.out.contains("alert rules: not made"), "{by_key:?}");
    let as_user = [&at[..], &["--kibana-username", USER, "--kibana-password-file", &password]].concat();
    let by_password = import(&as_user).good();
    assert!(by_password.out.contains("#/view/bp.cardiology.ward-3.ward-now"), "{by_password:?}");
    let ids = |kind| server.state().ids("", kind);
    assert_eq!((ids("dashboard").len(), ids("alert-rule").len()), (3, 4));
    for line in exported.out.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        let [kind, id] = ["type", "id"].map(|key| object[key].as_str().unwrap());
        assert_eq!(server.state().get("", kind, id), Some(object.clone()));
    }
    server.state().is_starting = true;
    let starting = import(&as_user);
    assert_eq!(starting.code, Some(1));
    assert!(starting.err.contains("starting"), "{starting:?}");
}

#[test]
fn a_check_looks_for_them() {
    let server = FakeKibana::start(mappings());
    let directory = tempfile::tempdir().unwrap();
    let manifest = written(&directory, "ward.yaml", MANIFEST);
    let password = written(&directory, "password", PASSWORD);
    let kibana = ["--kibana-url", &server.url(), "--kibana-insecure", "--kibana-username", USER]
        .map(str::to_owned)
        .into_iter()
        .chain(["--kibana-password-file".to_owned(), password]);
    let kibana: Vec<_> = kibana.collect();
    // Nobody is there of the others, and it is told all the same.
    let elsewhere = "--bootstrap-servers 127.0.0.1:1 --kafka-insecure --elasticsearch-url http://127.0.0.1:1 --elasticsearch-insecure";
    let check = || {
        let mut command = bpmonitor(["check", "--no-observation", "-o", "json", "-f", &manifest]);
        finish(command.args(elsewhere.split(' ')).args(&kibana))
    };
    let (status, message) = checked(&check(), "kibana");
    assert_eq!(status, "failed");
    assert!(message.contains("11 are missing") && message.contains("bpmonitor kibana import"), "{message}");
    finish(bpmonitor(["kibana", "import", "-f", &manifest]).args(&kibana)).good();
    assert_eq!(checked(&check(), "kibana").0, "ok");
}
