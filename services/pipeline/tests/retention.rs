//! What is past its retention goes, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use bpmonitor_clinical::{Category, Source, Thresholds};
use bpmonitor_pipeline::embedded::{Compression, EmbeddedStore, Retention, Tail, WardDirectory};
use bpmonitor_pipeline::files::{FilePosition, FileSource, Input, NoFeed};
use bpmonitor_pipeline::{Classifier, Monitor, PortError, Privacy, run};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

const OBSERVATIONS: &str = r#"{"resourceType":"Observation","id":"a","status":"final","subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-01-01T00:00:00Z","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":190,"code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":100,"code":"mm[Hg]"}}]}
{"resourceType":"Observation","id":"b","status":"final","subject":{"reference":"Patient/1"},"effectiveDateTime":"2026-01-01T00:00:00Z","code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}]},"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":110,"code":"mm[Hg]"}},{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":70,"code":"mm[Hg]"}}]}
not JSON
"#;

mod common;

/// How many documents (anomalies and archived) and dead letters a ward holds.
fn held(directory: &WardDirectory) -> (usize, usize) {
    let mut documents = 0;
    let mut tail = Tail::new(directory, true).unwrap();
    tail.read::<PortError>(|_| {
        documents += 1;
        Ok(())
    })
    .unwrap();
    (documents, directory.dead_letters(0, 100).unwrap().len())
}

fn open(directory: &WardDirectory) -> EmbeddedStore {
    directory.open(&Monitor::default(), Compression::Zstd).unwrap()
}

async fn filled(root: &std::path::Path) -> WardDirectory {
    let directory = WardDirectory::new(root.join("ward"));
    let file = root.join("observations.ndjson");
    std::fs::write(&file, OBSERVATIONS).unwrap();
    let store = open(&directory);
    let classifier = Classifier {
        source: Source::default(),
        thresholds: Thresholds::default(),
        key: store.key().clone(),
        privacy: Privacy::default(),
        monitor: Monitor::default(),
        origins: bpmonitor_pipeline::Origins::Files,
        erased: std::collections::HashSet::new(),
    };
    let input = Input { position: FilePosition::start(file.to_str().unwrap()), follow: false };
    let source = FileSource::new([input], NoFeed);
    run(source, classifier, store.sinks(), CancellationToken::new(), |_| {}).await.unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn each_class_goes_by_its_own_time() {
    let root = tempfile::tempdir().unwrap();
    let directory = filled(root.path()).await;
    assert_eq!(held(&directory), (2, 1));
    let over = SignedDuration::ZERO;
    open(&directory).retain(Retention::default()).unwrap();
    assert_eq!(held(&directory), (2, 1), "nothing is past its time");
    open(&directory).retain(Retention { dead_letters: over, ..Retention::default() }).unwrap();
    assert_eq!(held(&directory), (2, 0));
    open(&directory).retain(Retention { anomalies: over, ..Retention::default() }).unwrap();
    assert_eq!(held(&directory), (1, 0));
    open(&directory).retain(Retention { archive: over, ..Retention::default() }).unwrap();
    assert_eq!(held(&directory), (0, 0));
    let left = std::fs::read_dir(directory.archive()).unwrap().count();
    assert_eq!(left, 0, "the segment's file goes with it");
}

#[test]
fn the_ward_goes_on_where_its_open_segment_is_removed() {
    let over = Retention { archive: -SignedDuration::from_hours(1), ..Retention::default() };
    let mut ward = common::Ward::new();
    let of = |id| common::Written {
        id,
        version: 1,
        is_correction: false,
        what: common::What::Normal(common::Made {
            patient: 1,
            effective: common::ago(60),
            category: Category::Normal,
            systolic: Some(1100),
            diastolic: Some(700),
        }),
    };
    ward.take_in(&[of(1)]);
    ward.store().retain(over).unwrap();
    ward.take_in(&[of(2)]);
    let lost = ward.write(&[of(3)]);
    ward.store().retain(over).unwrap();
    assert_eq!((lost.normal, held(&ward.directory).0), (1, 1), "nothing is gone before it is committed");
    ward.restart();
    assert_eq!(held(&ward.directory).0, 1, "the transaction and what was removed within it are taken back");
    let tally = ward.write(&[of(4)]);
    ward.store().retain(over).unwrap();
    ward.commit("", &tally);
    ward.take_in(&[of(5)]);
    ward.restart();
    assert_eq!(held(&ward.directory).0, 1);
    assert_eq!(ward.readings().len(), 1);
    ward.check_counts();
}
