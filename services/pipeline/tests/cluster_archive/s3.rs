//! The archive in an object store.

use std::fs;
use std::time::{Duration, Instant};

use bpmonitor_pipeline::PortError;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::archive::{
    ArchiveReader, ArchiveStore, Compression, Mark, S3Settings, S3SetupError, must_resume,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::model::{Model, Place, TOPIC, append_one, lines, steps};
use crate::server::Server;

impl Place for Server {
    fn store(&self, variant: u8) -> ArchiveStore {
        let compression = if variant.is_multiple_of(4) { Compression::None } else { Compression::Zstd };
        ArchiveStore::s3(&S3Settings { compression, ..self.settings() }).unwrap()
    }

    fn reader(&self) -> ArchiveReader {
        ArchiveReader::s3(&self.settings()).unwrap()
    }
}

async fn read(settings: &S3Settings, mark: Option<&Mark>) -> Vec<String> {
    let mut found = Vec::new();
    let add = |_: &_, line: &[u8]| {
        found.push(String::from_utf8(line.to_owned()).unwrap());
        Ok(())
    };
    ArchiveReader::s3(settings).unwrap().for_each(|_, _| mark.cloned(), add).await.unwrap();
    found
}

fn expected(offsets: std::ops::Range<u64>) -> Vec<String> {
    String::from_utf8(lines(0, offsets).text.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

/// A store that owns the partition from `offset` on.
async fn owner(settings: &S3Settings, offset: u64, mark: Option<&Mark>) -> (ArchiveStore, Mark) {
    let mut store = ArchiveStore::s3(settings).unwrap();
    let mark = store.resume(TOPIC, 0, offset, mark).await.unwrap();
    store.committed(TOPIC, 0).await;
    (store, mark)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 16))]

    #[test]
    fn every_committed_line_is_there_once(steps in steps()) {
        let server = Server::start();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Model::new(&server).run(&steps));
    }
}

#[tokio::test]
async fn one_object_an_append_and_a_rewrite_replaces_what_was_not_committed() {
    let server = Server::start();
    let settings = server.settings();
    let (mut store, claim) = owner(&settings, 0, None).await;
    append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap();
    assert_eq!(read(&settings, None).await, expected(0..8));
    assert_eq!(read(&settings, Some(&claim)).await, Vec::<String>::new());
    let [object] = server.objects(TOPIC, 0).try_into().unwrap();
    let name = object.file_name().unwrap().to_str().unwrap().to_owned();
    assert!(name.starts_with("00000000000000000000-19700101T000000000Z-"), "{name}");
    assert!(name.ends_with("-1.jsonl.zst"), "{name}");
    // Killed here. The next owner's batch is shorter.
    let (mut store, _) = owner(&settings, 0, Some(&claim)).await;
    append_one(&mut store, lines(0, 0..3), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    let mark = append_one(&mut store, lines(0, 3..20), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    for mark in [None, Some(&mark)] {
        assert_eq!(read(&settings, mark).await, expected(0..20));
    }
    assert_eq!(server.objects(TOPIC, 0).len(), 2);
}

#[tokio::test]
async fn what_a_former_owner_writes_late_is_passed_over_and_removed_later() {
    let server = Server::start();
    let mut settings = server.settings();
    settings.retention = Some(SignedDuration::from_hours(48));
    let (mut zombie, mark) = owner(&settings, 0, None).await;
    let (mut store, _) = owner(&settings, 0, Some(&mark)).await;
    let mark = append_one(&mut store, lines(0, 0..20), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    append_one(&mut zombie, lines(0, 0..8), Timestamp::now()).await.unwrap();
    for mark in [None, Some(&mark)] {
        assert_eq!(read(&settings, mark).await, expected(0..20));
    }
    assert_eq!(server.objects(TOPIC, 0).len(), 2);
    assert_eq!(store.expire(Timestamp::now()).await.unwrap().segments, 0);
    assert_eq!(server.objects(TOPIC, 0).len(), 1);
    assert_eq!(read(&settings, None).await, expected(0..20));
}

#[tokio::test]
async fn old_objects_expire() {
    let server = Server::start();
    let settings = S3Settings { retention: Some(SignedDuration::from_hours(48)), ..server.settings() };
    let (mut store, _) = owner(&settings, 0, None).await;
    append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    let hours = |hours| Timestamp::now() + SignedDuration::from_hours(hours);
    assert_eq!(store.expire(hours(47)).await.unwrap().segments, 0);
    assert_eq!(store.expire(hours(49)).await.unwrap().segments, 1);
    assert!(read(&settings, None).await.is_empty());
    append_one(&mut store, lines(0, 8..20), Timestamp::now()).await.unwrap();
    assert_eq!(read(&settings, None).await, expected(8..20));
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_a_renewed_one_is_taken_at_once() {
    let server = Server::start();
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    fs::write(&secret, "wrong\n").unwrap();
    let mut settings = server.settings();
    settings.access_key.as_mut().unwrap().secret = SecretSource::File(secret.clone());
    let (mut store, _) = owner(&settings, 0, None).await;
    let error = append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap_err();
    assert!(!must_resume(&error) && !error.is_disk_full(), "{error}");
    let PortError::Store { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("SignatureDoesNotMatch"), "{source}");
    assert!(!format!("{error:?}").contains("the-secret"));
    assert!(server.objects(TOPIC, 0).is_empty());
    fs::write(&secret, "the-secret\n").unwrap();
    append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap();
    assert_eq!(read(&settings, None).await, expected(0..8));
    fs::remove_file(&secret).unwrap();
    store.committed(TOPIC, 0).await;
    let error = append_one(&mut store, lines(0, 8..20), Timestamp::now()).await.unwrap_err();
    assert!(format!("{error:?}").contains(secret.to_str().unwrap()), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_and_comes_back() {
    let mut server = Server::start();
    let settings = S3Settings { limit: Duration::from_secs(2), ..server.settings() };
    let (mut store, _) = owner(&settings, 0, None).await;
    append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    let mut server = tokio::task::spawn_blocking(move || {
        server.stop();
        server
    })
    .await
    .unwrap();
    for _ in 0..2 {
        let begun = Instant::now();
        let error = append_one(&mut store, lines(0, 8..20), Timestamp::now()).await.unwrap_err();
        assert!(!must_resume(&error), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    server.restart();
    // More has come meanwhile.
    append_one(&mut store, lines(0, 8..28), Timestamp::now()).await.unwrap();
    store.committed(TOPIC, 0).await;
    assert_eq!(read(&settings, None).await, expected(0..28));
}

#[tokio::test]
async fn a_server_that_never_answers_has_a_limit() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = Server::start().settings();
    settings.endpoint = Some(format!("http://{}", silent.local_addr().unwrap()));
    settings.limit = Duration::from_secs(1);
    let (mut store, _) = owner(&settings, 0, None).await;
    let begun = Instant::now();
    let error = append_one(&mut store, lines(0, 0..8), Timestamp::now()).await.unwrap_err();
    assert!(!must_resume(&error), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[test]
fn plain_http_takes_a_word() {
    let settings = S3Settings { insecure: false, ..Server::start().settings() };
    assert!(matches!(ArchiveStore::s3(&settings), Err(S3SetupError::Insecure)));
    let settings = S3Settings { ca: Some("/nowhere".into()), ..Server::start().settings() };
    let error = ArchiveStore::s3(&settings).unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}
