//! The operator as a process: of two, one works; when it is killed, the other one does; SIGTERM ends it well.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bpmonitor_test_support::lab;
use common::{PATIENCE, Ward, elastic, strimzi, there, until};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::DeleteParams;
use kube::config::Kubeconfig;
use serde_json::json;

/// A process that is killed when the test ends.
struct Replica {
    child: Child,
    address: String,
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Replica {
    fn start(ward: &Ward, kubeconfig: &Path) -> Self {
        Self::start_with(ward, kubeconfig, &[])
    }

    fn start_with(ward: &Ward, kubeconfig: &Path, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_bpmonitor-operator"))
            .args(["--namespaces", &ward.namespace, "--listen", &address, "--log-format", "json"])
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    async fn leads(&self) -> bool {
        let metrics = self.get("/metrics").await;
        metrics.is_some_and(|(_, text)| text.lines().any(|line| line == "bpmonitor_operator_leads 1"))
    }

    fn terminate(&mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }
}

/// The lab's kubeconfig, with the ward's namespace for the Lease.
fn kubeconfig(ward: &Ward, directory: &Path) -> std::path::PathBuf {
    let path = std::env::var("BPMONITOR_TEST_KUBECONFIG")
        .unwrap_or_else(|_| lab::Lab::shared().variable("BPMONITOR_TEST_KUBECONFIG"));
    let mut kubeconfig = Kubeconfig::read_from(path).unwrap();
    for context in &mut kubeconfig.contexts {
        if let Some(context) = &mut context.context {
            context.namespace = Some(ward.namespace.clone());
        }
    }
    let path = directory.join("kubeconfig");
    // JSON is YAML.
    std::fs::write(&path, serde_json::to_vec(&kubeconfig).unwrap()).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_works_and_the_other_takes_over() {
    let ward = Ward::without_operator().await;
    let _strimzi = strimzi::begin(&ward).await;
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(&ward, directory.path());
    let mut first = Replica::start(&ward, &kubeconfig);
    until("the first one leads", PATIENCE, || first.leads()).await;
    until("it is ready", PATIENCE, || async {
        first.get("/ready").await.is_some_and(|(status, _)| status == 200)
    })
    .await;
    let mut second = Replica::start(&ward, &kubeconfig);
    until("the second one stands by", PATIENCE, || async {
        second.get("/ready").await.is_some_and(|(status, _)| status == 200)
    })
    .await;
    assert_eq!(second.get("/live").await.unwrap().0, 200);
    assert!(!second.leads().await);
    ward.monitor("ward-3", json!({"elasticsearch": elastic::given(&ward).await})).await;
    there(&ward.api::<Deployment>(), "ward-3-producer", PATIENCE).await;

    first.child.kill().unwrap();
    let took = until("the second one leads", PATIENCE, || second.leads()).await;
    println!("took over after {took:?}");
    let maps = ward.api::<ConfigMap>();
    maps.delete("ward-3-manifest", &DeleteParams::default()).await.unwrap();
    there(&maps, "ward-3-manifest", Duration::from_secs(15)).await;

    let third = Replica::start(&ward, &kubeconfig);
    second.terminate();
    let begun = Instant::now();
    let ended = second.child.wait().unwrap();
    assert_eq!((ended.code(), ended.signal()), (Some(0), None));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Whoever stands by looks again when the Lease that it saw would have ended.
    let took = until("the third one leads", PATIENCE, || third.leads()).await;
    println!("handed over after {took:?}");
    ward.end().await;
}

/// An alert asks whether anybody does the work.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_nobody_leads() {
    let ward = Ward::without_operator().await;
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(&ward, directory.path());
    let alone = Replica::start_with(&ward, &kubeconfig, &["--no-leader-election"]);
    until("it leads", PATIENCE, || alone.leads()).await;
    ward.end().await;
}
