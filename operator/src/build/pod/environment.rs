//! The settings of a workload, as environment variables that its binary knows.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, SecretKeySelector};

use super::secret_files::SecretFiles;
use super::{MANIFEST_DIRECTORY, PORT};
use crate::build::config_map;
use crate::model::{SecretEntry, Username};

/// Environment variables, and the files of Secrets that they name.
#[derive(Debug)]
pub(in crate::build) struct Environment {
    variables: BTreeMap<&'static str, EnvVar>,
    files: SecretFiles,
}

impl Environment {
    /// What both workloads are told: the manifest, where to listen, how to log.
    pub(in crate::build) fn new() -> Self {
        let mut environment = Self { variables: BTreeMap::new(), files: SecretFiles::default() };
        environment.set("BPMONITOR_FILE", format!("{MANIFEST_DIRECTORY}/{}", config_map::ENTRY));
        environment.set("BPMONITOR_LISTEN", format!("0.0.0.0:{PORT}"));
        environment.set("BPMONITOR_LOG_FORMAT", "json");
        environment
    }

    /// Sets a variable.
    pub(in crate::build) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        let value = Some(value.into());
        self.variables.insert(name, EnvVar { name: name.to_owned(), value, value_from: None });
    }

    /// Sets a variable to the path of a Secret's entry, which is mounted as the file `path`.
    pub(super) fn file(&mut self, name: &'static str, entry: &SecretEntry, path: &str) {
        let path = self.files.add(entry, path);
        self.set(name, path);
    }

    /// Sets a variable to a user name.
    pub(super) fn username(&mut self, name: &'static str, username: &Username) {
        match username {
            Username::Given(username) => self.set(name, username),
            Username::In(entry) => {
                let secret_key_ref =
                    SecretKeySelector { name: entry.secret.clone(), key: entry.key.clone(), optional: None };
                let source = EnvVarSource { secret_key_ref: Some(secret_key_ref), ..EnvVarSource::default() };
                let variable = EnvVar { name: name.to_owned(), value: None, value_from: Some(source) };
                self.variables.insert(name, variable);
            }
        }
    }

    /// The variables by name, and the files where there are any.
    pub(super) fn finish(self) -> (Vec<EnvVar>, Option<SecretFiles>) {
        let files = Some(self.files).filter(|files| !files.is_empty());
        (self.variables.into_values().collect(), files)
    }
}
