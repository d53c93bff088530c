//! The position of a source that is no file is committed together with what was made of it, or not at all.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_clinical::Category;
use bpmonitor_pipeline::embedded::{Compression, EmbeddedPosition, NamedPosition, WardDirectory};
use bpmonitor_pipeline::files::FilePosition;
use bpmonitor_pipeline::{Checkpoint, Monitor, Tallies};
use common::{Made, Ward, What, Written, ago};

fn written(id: u8) -> Written {
    let made = Made {
        patient: 1,
        effective: ago(60),
        category: Category::HypertensionStage2,
        systolic: Some(1500),
        diastolic: None,
    };
    Written { id, version: 1, is_correction: false, what: What::Anomaly(made) }
}

#[test]
fn a_position_is_there_with_its_results_or_not_at_all() {
    let mut ward = Ward::new();
    assert_eq!(ward.store().named_position("test").unwrap(), None);
    let tally = ward.write(&[written(1)]);
    ward.commit("one", &tally);
    ward.write(&[written(2)]);
    ward.restart();
    assert_eq!(ward.store().named_position("test").unwrap().as_deref(), Some("one"));
    assert_eq!(ward.readings().len(), 1, "what was not committed is gone");
    assert_eq!(ward.store().tally().anomaly, 1);
    let tally = ward.write(&[written(2)]);
    ward.commit("two", &tally);
    ward.restart();
    assert_eq!(ward.store().named_position("test").unwrap().as_deref(), Some("two"));
    assert_eq!((ward.readings().len(), ward.store().tally().anomaly), (2, 2));
    assert_eq!(ward.store().named_position("another").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_commits_files_and_others() {
    let root = tempfile::tempdir().unwrap();
    let directory = WardDirectory::new(root.path());
    let mut store = directory.open(&Monitor::default(), Compression::None).unwrap();
    let file = FilePosition { offset: 7, ..FilePosition::start("/in.ndjson") };
    let named = NamedPosition { source: "simulation".to_owned(), state: "{}".to_owned() };
    for position in [EmbeddedPosition::from(file.clone()), named.into()] {
        store.commit(position, &Tallies::default()).await.unwrap();
    }
    assert_eq!(store.position("/in.ndjson").unwrap(), file);
    assert_eq!(store.named_position("simulation").unwrap().as_deref(), Some("{}"));
}
