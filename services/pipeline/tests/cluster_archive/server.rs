//! The archive's S3 server, as the archive is told of it.

use std::path::PathBuf;

use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::archive::{AccessKey, S3Settings};
use bpmonitor_test_support::s3::{ACCESS_KEY_ID, BUCKET, S3Server, SECRET_ACCESS_KEY};

const PREFIX: &str = "wards/ward-3";

pub(crate) struct Server(S3Server);

impl Server {
    pub(crate) fn start() -> Self {
        Self(S3Server::start())
    }

    pub(crate) fn stop(&mut self) {
        self.0.stop();
    }

    pub(crate) fn restart(&mut self) {
        self.0.restart();
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            prefix: PREFIX.to_owned(),
            endpoint: Some(self.0.url()),
            access_key: Some(AccessKey {
                id: SecretSource::Value(ACCESS_KEY_ID.to_owned()),
                secret: SecretSource::Value(SECRET_ACCESS_KEY.to_owned()),
                token: None,
            }),
            insecure: true,
            ..S3Settings::new(BUCKET)
        }
    }

    /// Where the objects of a partition are.
    pub(crate) fn objects(&self, topic: &str, partition: i32) -> Vec<PathBuf> {
        let directory = self.0.directory(PREFIX).join(format!("{topic}/{partition}"));
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}
