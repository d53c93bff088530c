//! A real S3 server, with its objects in a directory, that can be ended and begun again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::archive::{AccessKey, S3Settings};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(crate) const BUCKET: &str = "archive";

pub(crate) struct Server {
    directory: tempfile::TempDir,
    address: SocketAddr,
    running: Option<Runtime>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let mut server = Self { directory, address: ([127, 0, 0, 1], 0).into(), running: None };
        server.restart();
        server
    }

    /// Ends it with all its connections.
    pub(crate) fn stop(&mut self) {
        self.running.take().unwrap().shutdown_timeout(Duration::from_secs(10));
    }

    pub(crate) fn restart(&mut self) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(self.directory.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("the-key", "the-secret"));
        let service = service.build();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let served = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), service.clone());
                tokio::spawn(served);
            }
        });
        self.running = Some(runtime);
    }

    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            prefix: "wards/ward-3".to_owned(),
            endpoint: Some(format!("http://{}", self.address)),
            access_key: Some(AccessKey {
                id: SecretSource::Value("the-key".to_owned()),
                secret: SecretSource::Value("the-secret".to_owned()),
                token: None,
            }),
            insecure: true,
            ..S3Settings::new(BUCKET)
        }
    }

    /// Where the objects of a partition are.
    pub(crate) fn objects(&self, topic: &str, partition: i32) -> Vec<PathBuf> {
        let directory = self.directory.path().join(format!("{BUCKET}/wards/ward-3/{topic}/{partition}"));
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}
