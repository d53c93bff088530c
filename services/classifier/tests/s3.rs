//! The archive in a bucket: the object store goes away, the classifier is killed, and each normal reading is there once.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use bpmonitor_test_support::s3::{ACCESS_KEY_ID, BUCKET, S3Server, SECRET_ACCESS_KEY};
use common::deployment::Deployment;
use common::mixture::Mixture;
use common::{seed, until};

const PREFIX: &str = "wards/ward-3";

/// A deployment whose archive is a bucket.
fn with_bucket(server: &S3Server) -> Deployment {
    let mut deployment = Deployment::new();
    let secret = |name: &str, text: &str| {
        std::fs::write(deployment.file(name), text).unwrap();
        deployment.file(name).display().to_string()
    };
    let id = secret("access-key-id", ACCESS_KEY_ID);
    let key = secret("secret-access-key", SECRET_ACCESS_KEY);
    let place = format!("s3://{BUCKET}/{PREFIX}");
    let options = [
        ["--archive", &place],
        ["--s3-endpoint", &server.url()],
        ["--s3-access-key-id-file", &id],
        ["--s3-secret-access-key-file", &key],
    ];
    let options = options.concat().into_iter().chain(["--s3-insecure"]);
    deployment.archive_options = Some(options.map(str::to_owned).collect());
    deployment.archive = server.directory(PREFIX);
    deployment
}

#[test]
fn a_bucket_takes_each_reading_once() {
    let mut server = S3Server::start();
    let deployment = with_bucket(&server);
    let mut mixture = Mixture::new(seed());
    let mut replica = deployment.start();
    let mut all = mixture.take(2_000);
    deployment.publish(&all);
    until("something is committed", || deployment.lag() < 2_000);
    server.stop();
    let more = mixture.take(2_000);
    deployment.publish(&more);
    all.extend(more);
    replica.await_trouble("ArchiveFailed");
    assert!(replica.is_live());
    // Objects may have arrived whose commit did not.
    replica.kill();
    server.restart();
    replica = deployment.start();
    let more = mixture.take(2_000);
    deployment.publish(&more);
    all.extend(more);
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}
