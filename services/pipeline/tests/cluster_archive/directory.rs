//! The archive in a directory.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bpmonitor_pipeline::PortError;
use bpmonitor_pipeline::cluster::archive::{
    ArchiveReader, ArchiveStore, Compression, DirectorySettings, Lines, Mark, must_resume,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::model::{Model, Place, Step, TOPIC, append_one, lines, steps};

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        Self(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap())
    }

    fn settings(&self) -> DirectorySettings {
        DirectorySettings::new(self.0.path().join("archive"))
    }

    fn open(&self) -> ArchiveStore {
        ArchiveStore::directory(self.settings()).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let partition = self.0.path().join("archive").join(TOPIC).join("0");
        let mut files: Vec<_> =
            fs::read_dir(partition).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn opened(&self) -> PathBuf {
        let mut files = self.files();
        files.retain(|path| path.to_str().unwrap().contains(".open."));
        assert_eq!(files.len(), 1);
        files.remove(0)
    }

    async fn read(&self, mark: Option<&Mark>) -> Result<Vec<String>, PortError> {
        let mut found = Vec::new();
        let add = |_: &_, line: &[u8]| {
            found.push(String::from_utf8(line.to_owned()).unwrap());
            Ok(())
        };
        self.reader().for_each(|_, _| mark.cloned(), add).await?;
        Ok(found)
    }
}

impl Place for Directory {
    fn store(&self, variant: u8) -> ArchiveStore {
        let mut settings = self.settings();
        if variant.is_multiple_of(4) {
            settings.compression = Compression::None;
        }
        settings.segment_bytes = [64 << 20, 700, 1, 64 << 20][usize::from(variant / 4 % 4)];
        ArchiveStore::directory(settings).unwrap()
    }

    fn reader(&self) -> ArchiveReader {
        ArchiveReader::directory(self.0.path().join("archive"))
    }

    fn tear(&self) {
        for path in self.files().iter().filter(|path| path.to_str().unwrap().contains(".open.")) {
            // The beginning of a frame, or of a line.
            let torn = if path.extension().is_some_and(|suffix| suffix == "zst") {
                &zstd_frame(b"{\"topic\":0,\"offset\":99999999}\n")[..20]
            } else {
                &b"{\"topic\":0,\"off"[..]
            };
            OpenOptions::new().append(true).open(path).unwrap().write_all(torn).unwrap();
        }
    }
}

fn zstd_frame(text: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(text, 3).unwrap()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn today() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Claims the partition: a commit of its own.
async fn claim(store: &mut ArchiveStore, offset: u64, mark: Option<&Mark>) -> Mark {
    let claimed = store.resume(TOPIC, 0, offset, mark).await.unwrap();
    store.committed(TOPIC, 0).await;
    claimed
}

/// Appends and commits.
async fn work(store: &mut ArchiveStore, offsets: std::ops::Range<u64>, now: Timestamp) -> Mark {
    let mark = append_one(store, lines(0, offsets), now).await.unwrap();
    store.committed(TOPIC, 0).await;
    mark
}

fn expected(offsets: std::ops::Range<u64>) -> Vec<String> {
    let text = lines(0, offsets).text;
    String::from_utf8(text.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn every_committed_line_is_there_once_and_whole(steps in steps()) {
        let directory = Directory::new();
        block_on(Model::new(&directory).run(&steps));
    }
}

#[test]
fn the_least_that_may_happen() {
    use Step::{Day, Die, LoseAnswer, Recreate, TakeOver, Tear, Work, Zombie};
    for steps in [
        vec![],
        vec![TakeOver(1), Die(8), TakeOver(1), Work(8)],
        vec![TakeOver(1), Work(8), Tear, TakeOver(1), Tear],
        vec![TakeOver(1), Work(8), TakeOver(1), Zombie(0, 12), Day, Work(12), Zombie(0, 12)],
        vec![TakeOver(1), Work(8), LoseAnswer(8), TakeOver(1), Zombie(0, 12), Work(4), Zombie(0, 12)],
        vec![TakeOver(0), Work(8), TakeOver(1), Tear, Day, Zombie(0, 8)],
        vec![TakeOver(1), Work(8), Recreate(true), TakeOver(1), Work(8), Recreate(false), TakeOver(1)],
    ] {
        let directory = Directory::new();
        block_on(Model::new(&directory).run(&steps));
    }
}

#[tokio::test]
async fn a_segment_goes_on_until_the_day_ends_and_any_tool_reads_it() {
    let directory = Directory::new();
    let mut store = directory.open();
    claim(&mut store, 0, None).await;
    work(&mut store, 0..8, today()).await;
    let first = directory.opened();
    work(&mut store, 8..16, today() + SignedDuration::from_hours(11)).await;
    assert_eq!(directory.opened(), first);
    let name = first.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("00000000000000000000-19700101T000000000Z-"), "{name}");
    let text = zstd::stream::decode_all(File::open(&first).unwrap()).unwrap();
    assert_eq!(String::from_utf8(text).unwrap().lines().collect::<Vec<_>>(), expected(0..16));
    work(&mut store, 16..24, today() + SignedDuration::from_hours(13)).await;
    assert_eq!(directory.files().len(), 2);
    assert!(!first.exists() && directory.opened() != first);
}

#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let mut store = directory.open();
    claim(&mut store, 0, None).await;
    work(&mut store, 0..8, today()).await;
    for path in
        directory.opened().ancestors().take_while(|path| path.starts_with(directory.0.path().join("archive")))
    {
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

#[tokio::test]
async fn several_partitions_at_once() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut batch = Vec::new();
    for partition in 0..6 {
        store.resume(TOPIC, partition, 0, None).await.unwrap();
        store.committed(TOPIC, partition).await;
        batch.push(Lines { partition, ..lines(0, 0..8) });
    }
    batch.push(Lines { partition: 6, ..lines(0, 0..8) });
    let results = store.append_all(batch, today()).await;
    for result in &results[..6] {
        assert!(result.as_ref().unwrap().as_str().len() < 250);
    }
    assert!(must_resume(results[6].as_ref().unwrap_err()), "that one was not resumed");
    assert_eq!(directory.read(None).await.unwrap().len(), 6 * 4);
}

#[tokio::test]
async fn nothing_is_appended_before_what_was_appended_is_committed() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.resume(TOPIC, 0, 0, None).await.unwrap();
    assert!(must_resume(&append_one(&mut store, lines(0, 0..8), today()).await.unwrap_err()));
    store.committed(TOPIC, 0).await;
    append_one(&mut store, lines(0, 0..8), today()).await.unwrap();
    assert!(must_resume(&append_one(&mut store, lines(0, 8..16), today()).await.unwrap_err()));
    store.release(TOPIC, 0);
    assert!(must_resume(&append_one(&mut store, lines(0, 8..16), today()).await.unwrap_err()));
    assert_eq!(store.mark(TOPIC, 0), None);
}

#[tokio::test]
async fn what_is_missing_or_cut_off_is_said_and_nothing_changed() {
    for damage in ["removed", "cut", "other metadata"] {
        let directory = Directory::new();
        let mut store = directory.open();
        claim(&mut store, 0, None).await;
        let mut mark = work(&mut store, 0..8, today()).await;
        let file = directory.opened();
        match damage {
            "removed" => fs::remove_file(&file).unwrap(),
            "cut" => OpenOptions::new().write(true).open(&file).unwrap().set_len(20).unwrap(),
            _ => mark = Mark::from_metadata("another program's").unwrap(),
        }
        let before = directory.files();
        for _ in 0..2 {
            let error = directory.open().resume(TOPIC, 0, 8, Some(&mark)).await.unwrap_err();
            let PortError::Damaged(text) = error else { panic!("{error}") };
            assert!(text.contains("--reset-offsets"), "{text}");
            assert!(damage == "other metadata" || text.contains(".jsonl.zst"), "{text}");
            assert_eq!(directory.files(), before);
        }
    }
}

#[tokio::test]
async fn a_file_removed_under_its_owner_is_noticed() {
    let directory = Directory::new();
    let mut store = directory.open();
    claim(&mut store, 0, None).await;
    work(&mut store, 0..8, today()).await;
    fs::remove_file(directory.opened()).unwrap();
    let error = append_one(&mut store, lines(0, 8..16), today()).await.unwrap_err();
    assert!(must_resume(&error), "{error}");
}

#[tokio::test]
async fn damage_within_a_closed_segment_is_no_end() {
    let directory = Directory::new();
    let mut store = directory.open();
    claim(&mut store, 0, None).await;
    work(&mut store, 0..8, today()).await;
    let mark = work(&mut store, 8..16, today() + SignedDuration::from_hours(24)).await;
    let closed = directory.files().remove(0);
    let mut bytes = fs::read(&closed).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&closed, &bytes).unwrap();
    for mark in [None, Some(&mark)] {
        assert!(matches!(directory.read(mark).await, Err(PortError::Damaged(_))));
    }
}

#[tokio::test]
async fn old_segments_expire_but_none_that_grows() {
    let directory = Directory::new();
    let settings =
        DirectorySettings { retention: Some(SignedDuration::from_hours(48)), ..directory.settings() };
    let mut store = ArchiveStore::directory(settings.clone()).unwrap();
    claim(&mut store, 0, None).await;
    let now = Timestamp::now();
    let day = SignedDuration::from_hours(24);
    work(&mut store, 0..8, now - day).await;
    let mark = work(&mut store, 8..16, now).await;
    assert_eq!(directory.files().len(), 2);
    assert_eq!(store.expire(now + day).await.unwrap().segments, 0);
    // Another replica may do it, of a partition that is not its own.
    let mut other = ArchiveStore::directory(settings.clone()).unwrap();
    fs::File::options()
        .write(true)
        .open(&directory.files()[0])
        .unwrap()
        .set_modified((now - day * 3).into())
        .unwrap();
    let expired = other.expire(now).await.unwrap();
    assert_eq!((expired.segments, expired.bytes > 0), (1, true));
    assert_eq!(directory.read(None).await.unwrap(), expected(8..16));
    // One that nobody has written to for long, although it is open.
    fs::File::options()
        .write(true)
        .open(directory.opened())
        .unwrap()
        .set_modified((now - day * 3).into())
        .unwrap();
    assert_eq!(other.expire(now).await.unwrap().segments, 1);
    assert!(directory.files().is_empty());
    // Its owner names it no more, and goes on.
    assert_eq!(store.mark(TOPIC, 0), Some(&mark));
    assert_eq!(store.expire(now + day * 3).await.unwrap().segments, 0);
    assert_ne!(store.mark(TOPIC, 0), Some(&mark));
    work(&mut store, 16..24, now + day * 3).await;
    assert_eq!(directory.read(None).await.unwrap(), expected(16..24));
}

#[tokio::test]
async fn what_retention_removed_is_no_damage() {
    let directory = Directory::new();
    let mut settings = directory.settings();
    let mut store = ArchiveStore::directory(settings.clone()).unwrap();
    claim(&mut store, 0, None).await;
    let now = Timestamp::now();
    let mark = work(&mut store, 0..8, now - SignedDuration::from_hours(72)).await;
    fs::remove_file(directory.opened()).unwrap();
    assert!(
        ArchiveStore::directory(settings.clone()).unwrap().resume(TOPIC, 0, 8, Some(&mark)).await.is_err()
    );
    settings.retention = Some(SignedDuration::from_hours(48));
    let mut next = ArchiveStore::directory(settings).unwrap();
    claim(&mut next, 8, Some(&mark)).await;
    work(&mut next, 8..16, now).await;
    assert_eq!(directory.read(None).await.unwrap(), expected(8..16));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_said() {
    let error = ArchiveStore::directory(DirectorySettings::new("/dev/null/archive")).unwrap_err();
    assert!(error.to_string().contains("/dev/null/archive"), "{error}");
}
