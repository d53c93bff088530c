//! A ward in a directory of its own: its manifest, its inputs, and commands on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::held::{self, Held};
use super::process::{Output, Running, bpmonitor, finish};
use super::until;

/// A manifest of this name and `spec`.
pub(crate) fn manifest(name: &str, spec: &Value) -> String {
    json!({
        "apiVersion": "bpmonitor.dev/v1alpha1",
        "kind": "BpMonitor",
        "metadata": {"name": name},
        "spec": spec,
    })
    .to_string()
}

/// A ward; removed when it is dropped.
pub(crate) struct Ward {
    directory: TempDir,
    data: PathBuf,
}

impl Ward {
    /// With the smallest manifest, and never run yet.
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("bpmonitor-test-").tempdir().unwrap();
        let data = directory.path().join("data");
        let ward = Self { directory, data };
        ward.set_spec(&json!({}));
        ward
    }

    /// The same with its data elsewhere.
    pub(crate) fn with_data(mut self, data: &Path) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    /// The same with the pseudonym key of another ward.
    pub(crate) fn with_key_of(self, other: &Self) -> Self {
        fs::create_dir_all(self.data()).unwrap();
        fs::copy(other.data().join("pseudonym.key"), self.data().join("pseudonym.key")).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.path("ward.yaml")
    }

    pub(crate) fn set_spec(&self, spec: &Value) {
        fs::write(self.manifest(), manifest("ward-3", spec)).unwrap();
    }

    /// Writes a file beside the data.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A command on this ward, with `--data` behind it.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = bpmonitor(args);
        command.arg("--data").arg(self.data());
        command
    }

    /// Does a command on this ward.
    pub(crate) fn does(&self, args: &[&str]) -> Output {
        finish(&mut self.command(args))
    }

    /// `run` on these files.
    pub(crate) fn running(&self, inputs: &[&Path]) -> Command {
        let mut command = bpmonitor(["run", "-f"]);
        command.arg(self.manifest()).arg("--data").arg(self.data()).arg("--input").args(inputs);
        command
    }

    pub(crate) fn run(&self, inputs: &[&Path]) -> Output {
        finish(&mut self.running(inputs))
    }

    /// `run --follow` in the background.
    pub(crate) fn follow(&self, inputs: &[&Path]) -> Running {
        Running::start(self.running(inputs).arg("--follow"))
    }

    /// `run` without files: simulated patients and the page.
    pub(crate) fn live(&self) -> Command {
        let mut command = bpmonitor(["run", "-f"]);
        command.arg(self.manifest()).arg("--data").arg(self.data());
        command
    }

    /// `import` of these files.
    pub(crate) fn importing(&self, files: &[&Path]) -> Command {
        let mut command = bpmonitor(["import", "--into"]);
        command.arg(self.data()).args(files);
        command
    }

    pub(crate) fn import(&self, files: &[&Path]) -> Output {
        finish(&mut self.importing(files))
    }

    /// Waits until a run has the ward: from then on everybody else has to ask it.
    pub(crate) fn until_taken_by(&self, run: &mut Running) {
        let (lock, process) = (self.data().join("lock"), run.id().to_string());
        until("the run has the ward", || {
            fs::read_to_string(&lock).is_ok_and(|it| it == process) || !run.is_running()
        });
    }

    /// Waits until a run has looked at its files and its inbox again, and so has seen what was done before.
    pub(crate) fn until_looked_at(&self, run: &mut Running) {
        let inbox = self.data().join("inbox");
        for name in ["look-1", "look-2"] {
            let (asked, request) = (self.write(name, ""), inbox.join(format!("{name}.json")));
            until("the inbox is there", || inbox.exists() || !run.is_running());
            fs::write(&request, json!({"path": asked}).to_string()).unwrap();
            until("the inbox is looked at", || !request.exists() || !run.is_running());
        }
        assert!(run.is_running(), "{}", run.err());
    }

    /// Version and document by id; fit to be asked for while somebody writes.
    pub(crate) fn documents(&self) -> BTreeMap<String, (i64, Value)> {
        held::documents(&held::open(&self.data().join("ward.db")))
    }

    pub(crate) fn held(&self) -> Held {
        Held::of(self.data())
    }

    /// Everything that `tail --all --once` prints.
    pub(crate) fn tail(&self) -> Vec<Value> {
        self.does(&["tail", "--all", "--once", "-o", "json"]).good().rows()
    }

    /// What `rejected list` prints.
    pub(crate) fn rejected(&self) -> Vec<Value> {
        self.does(&["rejected", "list", "-o", "json"]).good().rows()
    }

    /// What `archive export` writes: each file's name and readings, in order of names.
    pub(crate) fn export(&self, by: &str) -> Vec<(String, Vec<Value>)> {
        let target = tempfile::tempdir_in(self.directory.path()).unwrap();
        let path = target.path().to_str().unwrap();
        self.does(&["archive", "export", "--by", by, path]).good();
        let mut files: Vec<(String, Vec<Value>)> = fs::read_dir(path)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let text = fs::read_to_string(entry.path()).unwrap();
                let readings = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                (entry.file_name().into_string().unwrap(), readings)
            })
            .collect();
        files.sort_by(|one, other| one.0.cmp(&other.0));
        files
    }

    /// The ids of the exported readings, sorted.
    pub(crate) fn exported_ids(&self) -> Vec<String> {
        let files = self.export("day");
        let mut ids: Vec<String> = files.iter().flat_map(|(_, readings)| readings.iter().map(id)).collect();
        ids.sort();
        ids
    }
}

/// The Observation's id in a document.
pub(crate) fn id(document: &Value) -> String {
    document["observation_id"].as_str().unwrap_or_default().to_owned()
}
