//! What tests of settings share: flags without the environment, manifests, files.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

use std::fs;
use std::path::PathBuf;

use bpmonitor_settings::SettingsError;
use bpmonitor_settings::manifest::{self, Settings};
use clap::builder::Resettable;
use clap::{Args, Command};
use serde_json::{Value, json};

/// What flags give, whatever the environment of this test is.
pub(crate) fn parse<A: Args>(flags: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(Command::new("test")).mut_args(|arg| arg.env(Resettable::Reset));
    A::from_arg_matches(&command.try_get_matches_from(["test"].iter().chain(flags))?)
}

/// What a command says of a flag that it does not take.
pub(crate) fn refusal<A: Args + std::fmt::Debug>(flags: &[&str]) -> String {
    parse::<A>(flags).unwrap_err().to_string()
}

/// The manifest of ward-3 in the namespace icu with this spec; none for null.
pub(crate) fn manifest(spec: &Value) -> Option<Settings> {
    if spec.is_null() {
        return None;
    }
    let resource = json!({
        "apiVersion": "bpmonitor.dev/v1alpha1",
        "kind": "BpMonitor",
        "metadata": {"name": "ward-3", "namespace": "icu"},
        "spec": spec,
    });
    Some(manifest::parse(&resource.to_string(), "ward.yaml").unwrap())
}

/// Files that exist: in flags, `@ca` is the file `ca` among them.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new(names: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(directory.path().join(name), format!("what {name} holds\n")).unwrap();
        }
        Self(directory)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What flags give, written as one line.
    pub(crate) fn flags<A: Args>(&self, line: &str) -> A {
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.path(name).display().to_string(),
                None => word.to_owned(),
            })
            .collect();
        parse(&words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap()
    }
}

/// Compares with what is expected: a value, or all the pieces that an error must have.
pub(crate) fn compare<T: PartialEq + std::fmt::Debug>(
    case: &str,
    result: Result<T, SettingsError>,
    expected: Result<T, &[&str]>,
) {
    match (result, expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{case}"),
        (Err(error), Err(pieces)) => {
            let text = error.to_string();
            for piece in pieces {
                assert!(text.contains(piece), "{case}\n{text}\nlacks {piece}");
            }
            assert!(!text.contains("hunter2"), "{case} shows a secret: {text}");
        }
        (result, expected) => panic!("{case}: {result:?}, expected {expected:?}"),
    }
}
