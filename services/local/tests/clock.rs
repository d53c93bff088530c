//! A clock that jumps while a ward runs: the page says so, and nothing is lost. The clock is libfaketime's; the steady one stays true.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::page::Page;
use common::process::Running;
use common::ward::Ward;
use serde_json::{Value, json};

/// Where Debian's package libfaketime puts its library.
fn library() -> PathBuf {
    let multiarch = Command::new("gcc").arg("-print-multiarch").output().unwrap().stdout;
    let multiarch = String::from_utf8(multiarch).unwrap();
    let path = Path::new("/usr/lib").join(multiarch.trim()).join("faketime/libfaketime.so.1");
    assert!(path.exists(), "{} is missing: `make test-tools` installs it", path.display());
    path
}

/// Sets the clock of a run that looks at this file; it is put there in one piece.
fn set_clock(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, offset).unwrap();
    std::fs::rename(new, file).unwrap();
}

fn live(ward: &Ward, clock: &Path) -> Running {
    let mut command = ward.live();
    command
        .env("LD_PRELOAD", library())
        .env("FAKETIME_TIMESTAMP_FILE", clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Running::start(&mut command)
}

fn entries(status: &Value) -> u64 {
    ["anomaly", "normal"].iter().map(|name| status["entries"][name].as_u64().unwrap()).sum()
}

#[test]
fn readings_go_on_after_a_jump_and_the_page_says_so() {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 10, "history": {"days": 0}}, "rate": {"perSecond": 50}}));
    let clock = ward.path("clock");
    set_clock(&clock, "+0");
    let mut run = live(&ward, &clock);
    let page = Page::of(&mut run);
    page.until("it runs", "/status", |status| entries(status) > 20);
    for (offset, code, seconds) in [
        ("+3h", "clock_went_ahead", 3 * 3600),
        ("-2h", "clock_went_back", 5 * 3600),
        ("-115m", "clock_went_ahead", 300),
    ] {
        let before = page.get("/status");
        set_clock(&clock, offset);
        let status = page.until(&format!("the page tells of {offset}"), "/status", |status| {
            let notices = status["notices"].as_array().unwrap();
            notices.iter().any(|notice| {
                let off = notice["seconds"].as_i64().unwrap() - seconds;
                notice["code"] == code && off.abs() <= 2
            })
        });
        page.until("readings go on", "/status", |now| entries(now) > entries(&status) + 20);
        assert!(entries(&status) >= entries(&before));
    }
    // Five minutes ahead were near enough to be made up for.
    page.until("they are made up for", "/status", |now| {
        entries(now) > 5 * 60 * 50 && now["lag_seconds"].as_f64() < Some(1.0)
    });
    let totals = page.get("/status");
    run.signal("TERM");
    let output = run.wait().good();
    assert!(output.count("entries") >= Some(entries(&totals)));
    assert_eq!(output.count("rejected"), Some(0), "{output:#?}");
    assert!(output.err.contains("the clock jumped"), "{output:#?}");
}

#[test]
fn a_history_that_lies_ahead_of_the_clock_is_said() {
    let ward = Ward::new();
    ward.set_spec(&json!({"patients": {"count": 100, "history": {"days": 3650, "readingsPerDay": 4}}}));
    let clock = ward.path("clock");
    set_clock(&clock, "+400d");
    let mut run = live(&ward, &clock);
    let page = Page::of(&mut run);
    page.until("the history has begun", "/status", |status| status["history"]["done"].as_u64() > Some(0));
    run.kill();
    common::process::finish(&mut ward.live()).failed(2, &["ahead of this machine's clock", "--data"]);
}
