//! Runs what a Deployment asks for as a kubelet would, but as a process on this machine: its variables, its mounted files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, EnvVar, KeyToPath, PodSpec, Secret, Volume};
use tempfile::TempDir;

use super::{PATIENCE, Ward, until};

/// How long a process may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

/// A container of a Deployment, running.
pub(crate) struct Running {
    child: Child,
    port: u16,
    /// What is mounted, by the path in the container.
    mounts: BTreeMap<String, PathBuf>,
    directory: TempDir,
}

/// Starts the one container of a Deployment. The program is the one that its image would have: `bpmonitor-` and its name.
pub(crate) async fn run(ward: &Ward, deployment: &str) -> Running {
    let deployment = ward.api::<Deployment>().get(deployment).await.expect("the Deployment is there");
    let pod = deployment.spec.unwrap().template.spec.unwrap();
    let [container] = &pod.containers[..] else { panic!("one container") };
    let directory = tempfile::tempdir().unwrap();
    let mut mounts = BTreeMap::new();
    for mount in container.volume_mounts.iter().flatten() {
        let volume = volume(&pod, &mount.name);
        let place = match &volume.persistent_volume_claim {
            // It outlives the pod.
            Some(claim) => ward.claims.path().join(&claim.claim_name),
            None => directory.path().join(&mount.name),
        };
        fs::create_dir_all(&place).unwrap();
        fill(ward, volume, &place).await;
        mounts.insert(mount.mount_path.clone(), place);
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(program(&container.name));
    command.env_clear().stdin(Stdio::null());
    for variable in container.env.iter().flatten() {
        command.env(&variable.name, inside(&mounts, &value(ward, variable).await));
    }
    command.env("BPMONITOR_LISTEN", format!("127.0.0.1:{port}"));
    let log = File::create(directory.path().join("log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    Running { child: command.spawn().expect("it starts"), port, mounts, directory }
}

/// Where a program was built: beside this test.
fn program(container: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join(format!("bpmonitor-{container}"));
    assert!(program.exists(), "{} is not there: cargo build --workspace makes it", program.display());
    program
}

fn volume<'p>(pod: &'p PodSpec, name: &str) -> &'p Volume {
    pod.volumes.iter().flatten().find(|volume| volume.name == name).expect("what is mounted is a volume")
}

/// Puts into a directory what a volume has.
async fn fill(ward: &Ward, volume: &Volume, place: &Path) {
    if let Some(source) = &volume.config_map {
        let data = ward.api::<ConfigMap>().get(&source.name).await.unwrap().data.unwrap_or_default();
        let data = data.into_iter().map(|(key, text)| (key, text.into_bytes())).collect();
        put(&data, source.items.as_deref().unwrap_or_default(), place);
    }
    let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    for source in sources.filter_map(|source| source.secret.as_ref()) {
        put(&secret(ward, &source.name).await, source.items.as_deref().unwrap_or_default(), place);
    }
}

async fn secret(ward: &Ward, name: &str) -> BTreeMap<String, Vec<u8>> {
    let data = ward.api::<Secret>().get(name).await.unwrap().data.unwrap_or_default();
    data.into_iter().map(|(key, value)| (key, value.0)).collect()
}

/// Only the entries that are named.
fn put(data: &BTreeMap<String, Vec<u8>>, items: &[KeyToPath], place: &Path) {
    for KeyToPath { key, path, .. } in items {
        let file = place.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, data.get(key).unwrap_or_else(|| panic!("there is no entry {key}"))).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    }
}

async fn value(ward: &Ward, variable: &EnvVar) -> String {
    if let Some(value) = &variable.value {
        return value.clone();
    }
    let source = variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref());
    let source = source.expect("a value, or a Secret's entry");
    String::from_utf8(secret(ward, &source.name).await[&source.key].clone()).unwrap()
}

/// A path in the container as one on this machine.
fn inside(mounts: &BTreeMap<String, PathBuf>, value: &str) -> String {
    for (mounted, place) in mounts {
        if let Some(rest) = value.strip_prefix(mounted.as_str()) {
            return format!("{}{rest}", place.display());
        }
    }
    value.to_owned()
}

impl Running {
    /// What is mounted there.
    pub(crate) fn mounted(&self, path: &str) -> &Path {
        &self.mounts[path]
    }

    /// Waits until its readiness probe succeeds.
    pub(crate) async fn is_ready(&mut self) {
        let url = format!("http://127.0.0.1:{}/ready", self.port);
        let log = self.directory.path().join("log");
        let child = &mut self.child;
        until("the workload is ready", PATIENCE, || {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended ({ended:?}): {}", fs::read_to_string(&log).unwrap());
            let answer = reqwest::get(url.clone());
            async { answer.await.is_ok_and(|answer| answer.status().is_success()) }
        })
        .await;
    }

    /// Asks it to end, and waits; what it ended with is 0.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let child = &mut self.child;
        let mut code = None;
        until("the workload has ended", ENDS_WITHIN, || {
            code = child.try_wait().unwrap();
            std::future::ready(code.is_some())
        })
        .await;
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap();
        assert!(code.is_some_and(|code| code.success()), "{code:?}: {log}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
