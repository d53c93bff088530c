//! The operator as a process.

use std::collections::VecDeque;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kube::config::Kubeconfig;
use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, Ward, until};

/// An operator that is killed when the test ends.
pub(crate) struct Replica {
    pub(crate) child: Child,
    address: String,
    directory: TempDir,
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Replica {
    /// Starts one for the namespace of a ward, with the kubeconfig at `kubeconfig` and further flags.
    pub(crate) fn start(ward: &Ward, kubeconfig: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bpmonitor-operator"));
        command.args(["--namespaces", &ward.namespace]);
        Self::spawn(ward, kubeconfig, command, flags)
    }

    /// The same, of a command that runs the operator.
    pub(crate) fn spawn(ward: &Ward, kubeconfig: &str, mut command: Command, flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let child = command
            .args(["--listen", &address, "--log-format", "json"])
            .args([
                "--producer-image",
                "bpmonitor-producer:test",
                "--classifier-image",
                "bpmonitor-classifier:test",
            ])
            .args(flags)
            .env("KUBECONFIG", lease_in(ward, kubeconfig, directory.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, address, directory }
    }

    /// What it answers.
    pub(crate) async fn get(&self, path: &str) -> Option<(u16, String)> {
        let answer = reqwest::get(format!("http://{}{path}", self.address)).await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// The sum of a metric over all labels that contain `label`.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let Some((_, text)) = self.get("/metrics").await else { return 0.0 };
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until it works, or stands by.
    pub(crate) async fn is_ready(&self) {
        until("the operator is ready", PATIENCE, || async {
            self.get("/ready").await.is_some_and(|(status, _)| status == 200)
        })
        .await;
    }

    pub(crate) async fn leads(&self) -> bool {
        self.metric("bpmonitor_operator_leads ", "").await > 0.5
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until it has ended; gives what it ended with.
    pub(crate) async fn ended(&mut self, limit: Duration) -> std::process::ExitStatus {
        let mut status = None;
        let child = &mut self.child;
        until("the operator has ended", limit, || {
            status = child.try_wait().unwrap();
            std::future::ready(status.is_some())
        })
        .await;
        status.unwrap()
    }

    /// The most memory that it has used so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// What it logged, each line an object.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("log")).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The end of what it logged, for a message.
    pub(crate) fn last_lines(&self) -> String {
        let mut last = VecDeque::new();
        for line in self.log() {
            last.push_back(line.to_string());
            if last.len() > 20 {
                last.pop_front();
            }
        }
        Vec::from(last).join("\n")
    }
}

/// A kubeconfig with the ward's namespace, for the Lease.
fn lease_in(ward: &Ward, kubeconfig: &str, directory: &Path) -> std::path::PathBuf {
    let mut kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    for context in &mut kubeconfig.contexts {
        if let Some(context) = &mut context.context {
            context.namespace = Some(ward.namespace.clone());
        }
    }
    let path = directory.join("kubeconfig");
    // JSON is YAML.
    fs::write(&path, serde_json::to_vec(&kubeconfig).unwrap()).unwrap();
    path
}
