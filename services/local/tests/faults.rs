//! What goes wrong around a ward: each a clear message, no data lost, nothing changed that was there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use bpmonitor_test_support::mount::Mount;
use bpmonitor_test_support::observations::{lines, observation};
use common::held::{offset, segment_files};
use common::page::Page;
use common::process::Running;
use common::until;
use common::ward::{Ward, manifest};
use serde_json::{Value, json};

fn begun(count: u32) -> Ward {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", some(count));
    ward.run(&[&input]).good();
    ward
}

/// Normal readings, anomalies and nonsense.
fn some(count: u32) -> String {
    let one = |n: u32| match n % 10 {
        9 => "nonsense".to_owned(),
        _ => observation(&format!("o{n}"), &(n % 50).to_string(), 100 + n % 70, 76).to_string(),
    };
    lines((0..count).map(one))
}

/// Every file of a ward with its bytes, but for the lock and what SQLite keeps beside the database.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if name != "lock" && !name.ends_with("-shm") && !name.ends_with("-wal") {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}

/// A run that fails with this, and changes nothing.
#[track_caller]
fn check_refused(ward: &Ward, says: &[&str]) {
    let before = files(ward.data());
    for _ in 0..2 {
        ward.run(&[&ward.path("in.ndjson")]).failed(1, says);
    }
    assert!(files(ward.data()) == before, "something was changed");
}

#[test]
fn an_invalid_manifest_names_every_mistake() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "1", 118, 76).to_string());
    let spec = json!({
        "rate": {"perSecond": 0},
        "patients": {"count": -1, "colour": "blue"},
        "thresholds": {"profile": "aha-2018", "stage1": {"systolic": "high"}},
        "source": {"maxSkew": "soon", "baseUrl": "ftp://x"},
        "archive": {"compression": "gzip"},
    });
    ward.set_spec(&spec);
    let output = ward.run(&[&input]).failed(
        2,
        &[
            "ward.yaml has",
            "mistakes:",
            "spec.patients.count",
            "spec.patients.colour",
            "spec.thresholds.profile",
            "aha-2017",
            "esc-2024",
            "simple-140-90",
            "spec.thresholds.stage1.systolic",
            "spec.source.maxSkew",
            "spec.archive.compression",
            "zstd",
        ],
    );
    let named = output.err.lines().filter(|line| line.starts_with("  spec.")).count();
    assert!(output.err.contains(&format!("has {named} mistakes")), "{}", output.err);
    assert!(!ward.data().exists());
    for (text, says) in [
        ("", "BpMonitor"),
        ("nonsense: [", "ward.yaml"),
        (
            "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: a}\nspec: {}\n---\nkind: Pod\n",
            "one",
        ),
        (&manifest("", &json!({})), "metadata.name"),
        (&manifest("Ward 3", &json!({})), "metadata.name"),
    ] {
        fs::write(ward.manifest(), text).unwrap();
        ward.run(&[&input]).failed(2, &["ward.yaml", says]);
    }
    fs::write(ward.manifest(), [0xff, 0xfe, 0x00]).unwrap();
    ward.run(&[&input]).failed(2, &["ward.yaml"]);
}

#[test]
fn thresholds_that_contradict_their_profile_are_named() {
    let ward = Ward::new();
    let input = ward.write("in.json", observation("o", "1", 118, 76).to_string());
    for (thresholds, says) in [
        (json!({"stage1": {"systolic": 145}}), &["spec.thresholds", "stage1", "stage2", "145", "140"][..]),
        (json!({"profile": "esc-2024", "crisis": {"diastolic": 85}}), &["crisis", "stage2", "85", "90"]),
        (json!({"elevated": {"systolic": 85}}), &["hypotension", "elevated", "85"]),
        (json!({"stage2": {"systolic": 150, "diastolic": 150}}), &["spec.thresholds.stage2.diastolic"]),
        (json!({"perPatient": [{"patient": "a", "stage1": {"systolic": 145}}]}), &["perPatient[0]", "145"]),
        (json!({"perPatient": [{"patient": "a"}, {"patient": "a"}]}), &["perPatient"]),
    ] {
        ward.set_spec(&json!({"thresholds": thresholds}));
        ward.run(&[&input]).failed(2, says);
    }
    ward.set_spec(&json!({"thresholds": {"profile": "simple-140-90", "stage2": {"systolic": 125}}}));
    ward.run(&[&input]).good();
}

#[test]
fn a_file_in_place_of_a_directory() {
    let ward = Ward::new();
    let input = ward.write("in.ndjson", some(10));
    ward.write("data", "a file");
    ward.run(&[&input]).failed(1, &[ward.data().to_str().unwrap()]);
    assert_eq!(fs::read_to_string(ward.data()).unwrap(), "a file");
    fs::remove_file(ward.data()).unwrap();
    fs::create_dir(ward.data()).unwrap();
    ward.write("data/archive", "a file");
    ward.run(&[&input]).failed(1, &["data/archive"]);
}

#[test]
fn a_directory_that_cannot_be_written_to() {
    let mount = Mount::new("size=64m");
    let ward = Ward::new().with_data(&mount.path().join("data"));
    let input = ward.write("in.ndjson", some(100));
    ward.run(&[&input]).good();
    let held = ward.held();
    mount.remount("ro");
    ward.run(&[&input]).failed(1, &[ward.data().to_str().unwrap(), "Read-only"]);
    // What only reads goes on.
    assert_eq!(ward.tail().len(), 90);
    assert_eq!(ward.rejected().len(), 10);
    assert!(!ward.exported_ids().is_empty());
    mount.remount("rw");
    assert!(ward.run(&[&input]).good().out.contains("nothing new"));
    ward.held().assert_same(&held);
}

#[test]
fn a_full_disk_is_said_so_and_goes_on_once_there_is_room() {
    const COUNT: u32 = 60_000;
    let undisturbed = Ward::new();
    let input = undisturbed.write("in.ndjson", some(COUNT));
    undisturbed.run(&[&input]).good();
    for compression in ["zstd", "none"] {
        let mount = Mount::new("size=1m");
        let ward = Ward::new().with_data(&mount.path().join("data")).with_key_of(&undisturbed);
        ward.set_spec(&json!({"archive": {"compression": compression}}));
        let mut failures = 0;
        for megabytes in [1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 256] {
            mount.remount(&format!("size={megabytes}m"));
            let output = ward.run(&[&input]);
            if output.code == Some(0) {
                break;
            }
            output.failed(1, &["the disk is full", "run the same command again"]);
            failures += 1;
        }
        assert!(failures >= 3, "the disk was full {failures} times");
        ward.held().assert_same(&undisturbed.held());
    }
}

#[test]
fn a_live_ward_waits_while_the_disk_is_full() {
    let mount = Mount::new("size=24m");
    let ward = Ward::new().with_data(&mount.path().join("data"));
    ward.set_spec(&json!({"patients": {"count": 50, "history": {"days": 400, "readingsPerDay": 4}}}));
    let mut run = Running::start(&mut ward.live());
    let page = Page::of(&mut run);
    let is_full = |status: &Value| status["notices"].to_string().contains("disk_full");
    page.until("the page says that the disk is full", "/status", is_full);
    mount.remount("size=256m");
    let status = page.until("the ward goes on by itself", "/status", |status| {
        status["phase"] == "live" && !is_full(status)
    });
    assert_eq!(status["history"], json!({"done": 80_000, "total": 80_000}));
    run.signal("INT");
    let output = run.wait().good();
    assert!(output.count("entries") >= Some(80_000), "{output:#?}");
    let documents = ward.documents().len() as u64;
    assert_eq!(Some(documents), output.count("anomalies"));
}

#[test]
fn what_only_reads_says_that_its_target_is_full() {
    let ward = begun(20_000);
    let mount = Mount::new("size=1m");
    let target = mount.path().join("out");
    let export = |target: &Path| ward.does(&["archive", "export", "--by", "day", target.to_str().unwrap()]);
    let output = export(&target).failed(1, &["No space left", target.to_str().unwrap()]);
    assert_eq!(output.err.matches("No space left").count(), 1, "{output:#?}");
    export(&target).failed(1, &["is not empty"]);
    mount.remount("size=64m");
    export(&mount.path().join("other")).good();
}

#[test]
fn what_was_written_and_not_committed_is_cut_off() {
    let ward = begun(1000);
    let held = ward.held();
    let segment = segment_files(ward.data()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    bytes.extend(b"garbage behind the end \xff\x00");
    fs::write(&segment, &bytes).unwrap();
    fs::write(segment.with_file_name("readings-0-00000000000000009999-20260101T000000Z.jsonl.zst"), "begun")
        .unwrap();
    // Who reads sees nothing of it.
    assert_eq!(ward.tail().len(), 900);
    assert!(ward.run(&[&ward.path("in.ndjson")]).good().out.contains("nothing new"));
    ward.held().assert_same(&held);
    assert_eq!(segment_files(ward.data()).len(), 1);
}

#[test]
fn other_files_in_the_archive_are_left_alone() {
    let ward = begun(100);
    let strangers = ["notes.txt", "readings-0-1.jsonl.bak", "other-0-00.jsonl"];
    for name in strangers {
        fs::write(ward.data().join("archive").join(name), "mine").unwrap();
    }
    ward.run(&[&ward.path("in.ndjson")]).good();
    assert_eq!(segment_files(ward.data()).len(), 1 + strangers.len());
}

#[test]
fn a_segment_shorter_than_what_was_committed() {
    let ward = begun(1000);
    let segment = segment_files(ward.data()).remove(0);
    let whole = fs::read(&segment).unwrap();
    fs::write(&segment, &whole[..whole.len() - 1]).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    check_refused(&ward, &[name, &whole.len().to_string(), "copy", "nothing was changed"]);
    let target = ward.path("out");
    ward.does(&["archive", "export", "--by", "day", target.to_str().unwrap()]).failed(1, &[name]);
    fs::write(&segment, &whole).unwrap();
    ward.run(&[&ward.path("in.ndjson")]).good();
}

#[test]
fn a_missing_segment() {
    let ward = begun(1000);
    let segment = segment_files(ward.data()).remove(0);
    let name = segment.file_name().unwrap().to_str().unwrap().to_owned();
    let away = ward.path("away");
    fs::rename(&segment, &away).unwrap();
    check_refused(&ward, &[&name, "copy", "nothing was changed"]);
    fs::rename(&away, &segment).unwrap();
    ward.run(&[&ward.path("in.ndjson")]).good();
}

#[test]
fn a_segment_damaged_in_its_middle_is_found_by_an_export() {
    for compression in ["zstd", "none"] {
        let ward = Ward::new();
        ward.set_spec(&json!({"archive": {"compression": compression}}));
        let input = ward.write("in.ndjson", some(1000));
        ward.run(&[&input]).good();
        let segment = segment_files(ward.data()).remove(0);
        let mut bytes = fs::read(&segment).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(b'\n');
        fs::write(&segment, bytes).unwrap();
        let name = segment.file_name().unwrap().to_str().unwrap().to_owned();
        let target = ward.path("out");
        ward.does(&["archive", "export", "--by", "day", target.to_str().unwrap()])
            .failed(1, &[&name, "damaged", "copy"]);
        ward.does(&["tail", "--all", "--once"]).failed(1, &[&name]);
        ward.does(&["erase", "--patient", "1"]).failed(1, &[&name]);
        assert!(segment.exists());
    }
}

#[test]
fn a_damaged_database() {
    for (name, damage) in [
        ("overwritten", &(|bytes: &mut Vec<u8>| bytes.fill(b'x')) as &dyn Fn(&mut Vec<u8>)),
        ("first page", &|bytes| bytes[100..4096].fill(0xff)),
        ("cut short", &|bytes| bytes.truncate(bytes.len() / 2)),
    ] {
        let ward = begun(5000);
        let database = ward.data().join("ward.db");
        let mut bytes = fs::read(&database).unwrap();
        damage(&mut bytes);
        fs::write(&database, &bytes).unwrap();
        let archive = files(&ward.data().join("archive"));
        ward.run(&[&ward.path("in.ndjson")]).failed(1, &["ward.db", "damaged", "copy"]);
        assert!(files(&ward.data().join("archive")) == archive, "{name}: the archive was changed");
        ward.does(&["tail", "--all", "--once"]).failed(1, &["damaged", "copy"]);
    }
}

#[test]
fn a_missing_or_empty_database_does_not_cost_the_archive() {
    for leave_empty in [false, true] {
        let ward = begun(1000);
        for name in ["ward.db", "ward.db-wal", "ward.db-shm"] {
            let _ = fs::remove_file(ward.data().join(name));
        }
        if leave_empty {
            ward.write("data/ward.db", "");
        }
        let archive = files(&ward.data().join("archive"));
        ward.run(&[&ward.path("in.ndjson")]).failed(1, &["ward.db", "copy", "nothing was changed"]);
        assert!(files(&ward.data().join("archive")) == archive, "the archive was changed");
    }
}

#[test]
fn a_second_process_on_the_same_directory() {
    let ward = begun(100);
    let mut run = ward.follow(&[&ward.path("in.ndjson")]);
    ward.until_looked_at(&mut run);
    let process = run.id().to_string();
    for command in [&["rejected", "replay"][..], &["erase", "--patient", "1"]] {
        ward.does(command).failed(1, &["in use", &process, "stop it"]);
    }
    ward.run(&[&ward.path("in.ndjson")]).failed(1, &["in use", &process, ward.data().to_str().unwrap()]);
    assert_eq!(ward.tail().len(), 90, "reading goes on beside it");
    let more = ward.write("more.ndjson", some(20).replace("\"o", "\"p"));
    ward.import(&[&more]).good();
    assert_eq!(run.stop().good().count("entries"), Some(20));
    ward.run(&[&ward.path("in.ndjson")]).good();
}

#[test]
fn two_processes_that_begin_the_same_ward_at_once() {
    for _ in 0..10 {
        let ward = Ward::new();
        let input = ward.write("in.ndjson", some(100));
        let runs: Vec<Running> = (0..3).map(|_| Running::start(&mut ward.running(&[&input]))).collect();
        let outputs: Vec<_> = runs.into_iter().map(Running::wait).collect();
        assert!(outputs.iter().any(|output| output.code == Some(0)), "{outputs:#?}");
        for output in outputs {
            if output.code != Some(0) {
                output.failed(1, &["in use"]);
            }
        }
        assert_eq!(ward.held().totals["rejected"], 10);
    }
}

#[test]
fn a_missing_or_damaged_pseudonym_key() {
    for damage in [None, Some(""), Some("nonsense"), Some("00112233")] {
        let ward = begun(100);
        let key = ward.data().join("pseudonym.key");
        let whole = fs::read(&key).unwrap();
        match damage {
            None => fs::remove_file(&key).unwrap(),
            Some(text) => fs::write(&key, text).unwrap(),
        }
        check_refused(&ward, &["PseudonymKeyMissing", "pseudonym.key", "copy"]);
        ward.does(&["pseudonym", "1"]).failed(1, &["PseudonymKeyMissing"]);
        assert_eq!(key.exists(), damage.is_some(), "a new key was made");
        fs::write(&key, whole).unwrap();
        ward.run(&[&ward.path("in.ndjson")]).good();
    }
}

#[test]
fn a_key_is_secret_and_each_wards_own() {
    use std::os::unix::fs::PermissionsExt;
    let wards = [begun(10), begun(10)];
    let [one, other] =
        wards.each_ref().map(|ward| fs::read_to_string(ward.data().join("pseudonym.key")).unwrap());
    assert!(one != other && one.trim().len() == 64);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&wards[0].data().join("pseudonym.key")), 0o600);
    assert_eq!(mode(wards[0].data()), 0o700);
}

#[test]
fn the_directory_of_another_monitor() {
    let ward = begun(100);
    for (name, namespace) in [("ward-4", "default"), ("ward-3", "other")] {
        let mut text: Value = serde_json::from_str(&manifest(name, &json!({}))).unwrap();
        text["metadata"]["namespace"] = namespace.into();
        fs::write(ward.manifest(), text.to_string()).unwrap();
        check_refused(
            &ward,
            &["belongs to the monitor default/ward-3", &format!("{namespace}/{name}"), "--data"],
        );
    }
}

#[test]
fn a_schema_from_the_future() {
    let ward = begun(100);
    let database = rusqlite::Connection::open(ward.data().join("ward.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    check_refused(&ward, &["schema version 99", "ward.db"]);
    ward.does(&["tail", "--once"]).failed(1, &["schema version 99"]);
}

#[test]
fn an_input_that_vanishes_while_it_waits() {
    let ward = begun(10);
    let mut run = ward.follow(&[&ward.path("in.ndjson")]);
    ward.until_looked_at(&mut run);
    fs::remove_file(ward.path("in.ndjson")).unwrap();
    ward.until_looked_at(&mut run);
    let input = ward.write("in.ndjson", some(20));
    until("the new file is read", || offset(ward.data(), &input) == fs::metadata(&input).unwrap().len());
    run.stop().good();
}
