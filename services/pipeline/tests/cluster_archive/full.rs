//! A disk that is full.

use bpmonitor_pipeline::cluster::archive::{ArchiveReader, ArchiveStore, Compression, DirectorySettings};
use bpmonitor_test_support::mount::Mount;
use jiff::Timestamp;

use crate::model::{TOPIC, append_one, lines};

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing_torn() {
    for compression in [Compression::None, Compression::Zstd] {
        for is_taken_over in [false, true] {
            fills_up(compression, is_taken_over).await;
        }
    }
}

async fn fills_up(compression: Compression, is_taken_over: bool) {
    const STEP: u64 = 4000;
    let mount = Mount::new("size=64k");
    let settings = DirectorySettings { compression, ..DirectorySettings::new(mount.path().join("archive")) };
    let open = || ArchiveStore::directory(settings.clone()).unwrap();
    let now = Timestamp::now();
    let mut store = open();
    let mut mark = store.resume(TOPIC, 0, 0, None).await.unwrap();
    store.committed(TOPIC, 0).await;
    let (mut next, mut failures, mut size) = (0, 0, 64);
    while next < 10 * STEP {
        match append_one(&mut store, lines(0, next..next + STEP), now).await {
            Ok(appended) => {
                mark = appended;
                store.committed(TOPIC, 0).await;
                next += STEP;
            }
            Err(error) => {
                assert!(error.is_disk_full(), "{error}");
                failures += 1;
                // The same lines again, in vain, by the same owner or the next one.
                if is_taken_over {
                    store = open();
                    mark = store.resume(TOPIC, 0, next, Some(&mark)).await.unwrap();
                    store.committed(TOPIC, 0).await;
                }
                size += 48;
                mount.remount(&format!("size={size}k"));
            }
        }
    }
    assert!(failures >= 3, "it was full {failures} times");
    let expected = String::from_utf8(lines(0, 0..next).text.to_vec()).unwrap();
    for mark in [None, Some(mark)] {
        let mut found = Vec::new();
        let add = |_: &_, line: &[u8]| {
            found.push(String::from_utf8(line.to_owned()).unwrap());
            Ok(())
        };
        let reader = ArchiveReader::directory(mount.path().join("archive"));
        reader.for_each(|_, _| mark.clone(), add).await.unwrap();
        assert!(found.iter().map(String::as_str).eq(expected.lines()));
    }
}
