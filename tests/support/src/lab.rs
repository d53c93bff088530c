//! Where Kafka and Elasticsearch are: named by the environment, or else in the lab, which is brought up when it is first asked for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// An Elasticsearch with TLS and authentication.
#[derive(Clone, Debug)]
pub struct SecureElasticsearch {
    /// Its URL.
    pub url: String,
    /// Its certificate authority, in PEM.
    pub ca: PathBuf,
    /// The password of the user `elastic`.
    pub password: String,
}

/// `host:port` of Kafka, in plain text.
pub fn kafka() -> String {
    variable("BPMONITOR_TEST_KAFKA", "kafka")
}

/// `host:port` of Kafka, with client certificates.
pub fn kafka_mtls() -> String {
    variable("BPMONITOR_TEST_KAFKA_MTLS", "kafka")
}

/// `host:port` of Kafka, with SCRAM over TLS.
pub fn kafka_scram() -> String {
    variable("BPMONITOR_TEST_KAFKA_SCRAM", "kafka")
}

/// The directory of Kafka's certificates and keys.
pub fn kafka_pki() -> PathBuf {
    variable("BPMONITOR_TEST_KAFKA_PKI", "kafka").into()
}

/// The file with the password of Kafka's user `pipeline`.
pub fn kafka_scram_password_file() -> PathBuf {
    variable("BPMONITOR_TEST_KAFKA_SCRAM_PASSWORD_FILE", "kafka").into()
}

/// The file with the password of Kafka's user `stranger`, who may do nothing.
pub fn kafka_scram_stranger_password_file() -> PathBuf {
    variable("BPMONITOR_TEST_KAFKA_SCRAM_STRANGER_PASSWORD_FILE", "kafka").into()
}

/// The directory of Kafka's command-line tools.
pub fn kafka_tools() -> PathBuf {
    variable("BPMONITOR_TEST_KAFKA_TOOLS", "kafka").into()
}

/// URL of Elasticsearch without encryption and authentication.
pub fn elasticsearch() -> String {
    variable("BPMONITOR_TEST_ELASTICSEARCH", "elasticsearch")
}

/// Elasticsearch with TLS and authentication.
pub fn elasticsearch_secure() -> SecureElasticsearch {
    let of = |name: &str| variable(&format!("BPMONITOR_TEST_ELASTICSEARCH_{name}"), "elasticsearch-secure");
    let file = of("PASSWORD_FILE");
    let password = fs::read_to_string(&file).unwrap_or_else(|error| panic!("reading {file}: {error}"));
    SecureElasticsearch { url: of("SECURE"), ca: of("CA").into(), password: password.trim_end().to_owned() }
}

/// A variable as the environment has it, or else as the lab does.
fn variable(name: &str, part: &str) -> String {
    static UP: Mutex<Vec<String>> = Mutex::new(Vec::new());
    if let Ok(value) = env::var(name) {
        return value;
    }
    let mut up = UP.lock().unwrap_or_else(PoisonError::into_inner);
    if !up.iter().any(|known| known == part) {
        Lab::shared().up(part);
        up.push(part.to_owned());
    }
    Lab::shared().variable(name)
}

/// A lab: what `tests/lab` brings up.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Where its data is; none: where `tests/lab` puts it by itself.
    data: Option<PathBuf>,
}

/// A lab of a test's own, for what would disturb others. Ended, and its data removed, when dropped.
#[derive(Debug)]
pub struct OwnLab {
    lab: Lab,
    data: PathBuf,
}

impl OwnLab {
    /// Brings `part` up in a lab of its own called `name`; where it was left behind, it is ended first.
    pub fn up(name: &str, part: &str) -> Self {
        let data = root().join("target/lab-of-tests").join(name);
        let own = Self { lab: Lab { data: Some(data.clone()) }, data };
        own.end();
        own.lab.up(part);
        own
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    fn end(&self) {
        if !self.data.exists() {
            return;
        }
        self.lab.run("down.sh", &[]);
        fs::remove_dir_all(&self.data)
            .unwrap_or_else(|error| panic!("removing {}: {error}", self.data.display()));
    }
}

impl Drop for OwnLab {
    fn drop(&mut self) {
        self.end();
    }
}

impl Lab {
    /// The one that all tests share.
    pub fn shared() -> Self {
        Self { data: env::var_os("LAB_DATA").map(PathBuf::from) }
    }

    /// Brings a part up, and waits until it answers; nothing where it does already.
    pub fn up(&self, part: &str) {
        self.run("up.sh", &[part]);
    }

    /// Sends a signal to a part, and waits for its end unless that is STOP or CONT.
    pub fn signal(&self, part: &str, signal: &str) {
        self.run("kill.sh", &[part, signal]);
    }

    /// An address, as the lab names it.
    pub fn variable(&self, name: &str) -> String {
        let file = self.data.clone().unwrap_or_else(|| root().join("target/lab")).join("env");
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("reading {}: {error}", file.display()));
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("{} does not have {name}", file.display())).to_owned()
    }

    fn run(&self, script: &str, arguments: &[&str]) {
        let mut command = Command::new(root().join("tests/lab").join(script));
        if let Some(data) = &self.data {
            let dist = env::var_os("LAB_DIST").map_or_else(|| root().join("target/lab/dist"), PathBuf::from);
            command.env("LAB_DATA", data).env("LAB_DIST", dist);
        }
        // What it starts lives on, and would hold the pipes of `output` open.
        let status = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
        let is_done = status.unwrap_or_else(|error| panic!("tests/lab/{script}: {error}")).success();
        assert!(is_done, "tests/lab/{script} {} failed: see above", arguments.join(" "));
    }
}

fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the crate is two directories below the repository's root")
}
