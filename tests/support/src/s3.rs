//! A real S3 server on this machine, with its objects as files in a directory, that can be ended and begun again.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Its one bucket.
pub const BUCKET: &str = "archive";
/// The id of its one access key.
pub const ACCESS_KEY_ID: &str = "the-key";
/// The access key's secret.
pub const SECRET_ACCESS_KEY: &str = "the-secret";

/// How long requests under way may take when it is ended.
const GRACE: Duration = Duration::from_secs(10);

/// A server with one bucket.
#[derive(Debug)]
pub struct S3Server {
    directory: TempDir,
    address: SocketAddr,
    running: Option<Runtime>,
}

impl S3Server {
    /// Starts one on a port of its own, with an empty bucket.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        fs::create_dir(directory.path().join(BUCKET)).expect("a bucket is a directory");
        let mut server = Self { directory, address: ([127, 0, 0, 1], 0).into(), running: None };
        server.restart();
        server
    }

    /// Ends it with all its connections.
    pub fn stop(&mut self) {
        self.running.take().expect("it runs").shutdown_timeout(GRACE);
    }

    /// Begins again at the same address, with the same objects.
    pub fn restart(&mut self) {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts");
        let listener = TcpListener::bind(self.address).expect("the port is free");
        self.address = listener.local_addr().expect("a listener has an address");
        listener.set_nonblocking(true).expect("a listener can be asynchronous");
        let files = FileSystem::new(self.directory.path()).expect("the directory is there");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let service = service.build();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("the listener is asynchronous");
            while let Ok((connection, _)) = listener.accept().await {
                let served =
                    http1::Builder::new().serve_connection(TokioIo::new(connection), service.clone());
                tokio::spawn(served);
            }
        });
        self.running = Some(runtime);
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The directory of the objects whose keys begin with this.
    pub fn directory(&self, prefix: &str) -> PathBuf {
        self.directory.path().join(BUCKET).join(prefix)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}
