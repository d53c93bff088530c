//! A running classifier: its log, its probes and metrics, its memory, signals.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{until, within};

/// A classifier in the background; killed when it is dropped.
pub(crate) struct Replica {
    child: Child,
    name: String,
    log: PathBuf,
    port: u16,
    agent: ureq::Agent,
}

impl Replica {
    /// Starts it, with its log in this directory. `command` listens on `port`.
    pub(crate) fn start(mut command: Command, name: &str, directory: &Path, port: u16) -> Self {
        let log = directory.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let agent = ureq::Agent::config_builder().http_status_as_error(false);
        let agent = agent.timeout_global(Some(Duration::from_secs(5))).build().into();
        Self { child: command.spawn().unwrap(), name: name.to_owned(), log, port, agent }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// All it has logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// The lines it has logged, as JSON.
    pub(crate) fn logged(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Status and text of an answer; none where nobody answers.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut answer = self.agent.get(format!("http://127.0.0.1:{}{path}", self.port)).call().ok()?;
        let text = answer.body_mut().with_config().limit(1 << 24).read_to_string().ok()?;
        Some((answer.status().as_u16(), text))
    }

    pub(crate) fn is_live(&self) -> bool {
        self.get("/live").is_some_and(|(status, _)| status == 200)
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.get("/ready").is_some_and(|(status, _)| status == 200)
    }

    /// Why it is not ready; none where it is, or does not answer.
    pub(crate) fn why_not_ready(&self) -> Option<String> {
        self.get("/ready").filter(|(status, _)| *status != 200).map(|(_, why)| why)
    }

    #[track_caller]
    pub(crate) fn await_ready(&mut self) {
        let mut has_ended = false;
        until("the classifier is ready", || {
            has_ended = !self.is_running();
            has_ended || self.is_ready()
        });
        assert!(!has_ended, "the classifier ended");
    }

    /// Waits until it says that it is not ready for a reason that has this in it.
    #[track_caller]
    pub(crate) fn await_trouble(&self, reason: &str) {
        let mut last = None;
        let is_said = within(super::PATIENCE, || {
            last = self.get("/ready");
            last.as_ref().is_some_and(|(status, why)| *status == 503 && why.contains(reason))
        });
        assert!(is_said, "{reason} was not said by /ready, but {last:?}");
    }

    /// All metrics by name and labels, as they are written; none while nobody answers.
    pub(crate) fn metrics(&self) -> BTreeMap<String, f64> {
        let Some((status, text)) = self.get("/metrics") else { return BTreeMap::new() };
        assert_eq!(status, 200, "{text}");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        samples
            .map(|line| line.rsplit_once(' ').unwrap())
            .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
            .collect()
    }

    /// Resident memory now, and the most it ever was, in MiB.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end; its exit code, none where a signal ended it.
    pub(crate) fn wait(mut self) -> Option<i32> {
        until("the classifier ends", || !self.is_running());
        self.child.wait().unwrap().code()
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if self.is_running() {
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(25)..];
            println!("--- the end of {}'s log:\n{}", self.name, last.join("\n"));
        }
    }
}
