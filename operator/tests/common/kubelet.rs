//! Runs the pods of a namespace as a node's kubelet would, but as processes on this machine: their variables, their mounted files, their
//! readiness; and says of them what a kubelet says. The lab's control plane has no node, so nobody else does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, EnvVar, KeyToPath, Pod, PodSpec, Secret, Volume};
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Ward, until};

/// How long a process may take to end when it is asked to.
const ENDS_WITHIN: Duration = Duration::from_secs(40);
/// How often pods are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the pods of a ward until it is stopped. What runs is killed when it is dropped.
pub(crate) struct Kubelet {
    host: Arc<Host>,
    task: JoinHandle<()>,
}

struct Host {
    client: Client,
    namespace: String,
    /// What volume claims hold, by name: it outlives pods.
    claims: PathBuf,
    pods: Mutex<BTreeMap<String, Running>>,
    /// Those that were asked to end.
    ending: Mutex<Vec<JoinHandle<()>>>,
}

/// The one container of a pod, running.
struct Running {
    name: String,
    container: String,
    child: Child,
    port: u16,
    /// What is mounted, by the path in the container.
    mounts: BTreeMap<String, PathBuf>,
    directory: TempDir,
    /// What was last said of its readiness.
    said: Option<bool>,
}

impl Kubelet {
    /// Begins to run the pods of a ward.
    pub(crate) fn begin(ward: &Ward) -> Self {
        let host = Arc::new(Host {
            client: ward.client.clone(),
            namespace: ward.namespace.clone(),
            claims: ward.claims.path().to_owned(),
            pods: Mutex::default(),
            ending: Mutex::default(),
        });
        let running = Arc::clone(&host);
        let task = tokio::spawn(async move {
            loop {
                running.look().await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { host, task }
    }

    /// What each running container of this name has mounted there.
    pub(crate) async fn mounted(&self, container: &str, path: &str) -> Vec<PathBuf> {
        let pods = self.host.pods.lock().await;
        pods.values().filter(|pod| pod.container == container).map(|pod| pod.mounts[path].clone()).collect()
    }

    /// Asks all to end, and waits; what each ends with is 0.
    pub(crate) async fn stop(self) {
        self.task.abort();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        for running in std::mem::take(&mut *self.host.pods.lock().await).into_values() {
            running.stop().await;
        }
        for ended in std::mem::take(&mut *self.host.ending.lock().await) {
            ended.await.unwrap();
        }
    }
}

impl Host {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn look(&self) {
        let ours = ListParams::default().labels("app.kubernetes.io/name=bp-monitor");
        let Ok(listed) = self.api::<Pod>().list(&ours).await else { return };
        let mut pods = self.pods.lock().await;
        let there: BTreeMap<_, _> = listed.iter().filter_map(|pod| Some((pod.uid()?, pod))).collect();
        let gone: Vec<_> = pods.keys().filter(|uid| !there.contains_key(*uid)).cloned().collect();
        for uid in gone {
            let running = pods.remove(&uid).unwrap();
            self.ending.lock().await.push(tokio::spawn(running.stop()));
        }
        for (uid, pod) in there {
            if let Entry::Vacant(place) = pods.entry(uid) {
                place.insert(self.run(pod).await);
            }
        }
        for running in pods.values_mut() {
            self.tell(running).await;
        }
    }

    /// Says whether a pod is ready, where that has changed.
    async fn tell(&self, running: &mut Running) {
        let is_ready = running.is_ready().await;
        if running.said == Some(is_ready) {
            return;
        }
        let word = if is_ready { "True" } else { "False" };
        let condition =
            |kind| json!({"type": kind, "status": word, "lastTransitionTime": jiff::Timestamp::now()});
        let status = json!({"status": {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "conditions": [condition("Ready"), condition("ContainersReady")],
        }});
        let api = self.api::<Pod>();
        if api.patch_status(&running.name, &PatchParams::default(), &Patch::Strategic(status)).await.is_ok() {
            running.said = Some(is_ready);
        }
    }

    /// Starts the one container of a pod. The program is the one that its image would have: `bpmonitor-` and its name.
    async fn run(&self, pod: &Pod) -> Running {
        let spec = pod.spec.as_ref().unwrap();
        let [container] = &spec.containers[..] else { panic!("one container") };
        let directory = tempfile::tempdir().unwrap();
        let mut mounts = BTreeMap::new();
        for mount in container.volume_mounts.iter().flatten() {
            let volume = volume(spec, &mount.name);
            let place = match &volume.persistent_volume_claim {
                Some(claim) => self.claims.join(&claim.claim_name),
                None => directory.path().join(&mount.name),
            };
            fs::create_dir_all(&place).unwrap();
            self.fill(volume, &place).await;
            mounts.insert(mount.mount_path.clone(), place);
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program(&container.name));
        command.env_clear().stdin(Stdio::null());
        for variable in container.env.iter().flatten() {
            command.env(&variable.name, inside(&mounts, &self.value(variable).await));
        }
        command.env("BPMONITOR_LISTEN", format!("127.0.0.1:{port}"));
        let log = File::create(directory.path().join("log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let (name, container) = (pod.name_any(), container.name.clone());
        let child = command.spawn().expect("it starts");
        Running { name, container, child, port, mounts, directory, said: None }
    }

    /// Puts into a directory what a volume has.
    async fn fill(&self, volume: &Volume, place: &Path) {
        if let Some(source) = &volume.config_map {
            let data = self.api::<ConfigMap>().get(&source.name).await.unwrap().data.unwrap_or_default();
            let data = data.into_iter().map(|(key, text)| (key, text.into_bytes())).collect();
            put(&data, source.items.as_deref().unwrap_or_default(), place);
        }
        let sources = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
        for source in sources.filter_map(|source| source.secret.as_ref()) {
            put(&self.secret(&source.name).await, source.items.as_deref().unwrap_or_default(), place);
        }
    }

    async fn secret(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let data = self.api::<Secret>().get(name).await.unwrap().data.unwrap_or_default();
        data.into_iter().map(|(key, value)| (key, value.0)).collect()
    }

    async fn value(&self, variable: &EnvVar) -> String {
        if let Some(value) = &variable.value {
            return value.clone();
        }
        let source = variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref());
        let source = source.expect("a value, or a Secret's entry");
        String::from_utf8(self.secret(&source.name).await[&source.key].clone()).unwrap()
    }
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

/// Only the entries that are named.
fn put(data: &BTreeMap<String, Vec<u8>>, items: &[KeyToPath], place: &Path) {
    for KeyToPath { key, path, .. } in items {
        let file = place.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, data.get(key).unwrap_or_else(|| panic!("there is no entry {key}"))).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    }
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
    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// Whether its readiness probe succeeds.
    async fn is_ready(&mut self) -> bool {
        let ended = self.child.try_wait().unwrap();
        assert!(ended.is_none(), "{} ended ({ended:?}): {}", self.name, self.log());
        let answer = reqwest::get(format!("http://127.0.0.1:{}/ready", self.port)).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Asks it to end, and waits; what it ended with is 0.
    async fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let child = &mut self.child;
        let mut code = None;
        until("the workload has ended", ENDS_WITHIN, || {
            code = child.try_wait().unwrap();
            std::future::ready(code.is_some())
        })
        .await;
        assert!(code.is_some_and(|code| code.success()), "{}: {code:?}: {}", self.name, self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
