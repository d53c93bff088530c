//! Clocks that are wrong: records and Observations of other times, and a classifier whose own clock is an hour off.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bpmonitor_test_support::observations::{observation, with};
use common::deployment::{Deployment, free_port};
use common::load::Load;
use common::mixture::{Mixture, Sent};
use common::{pass, seed};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

#[test]
fn records_and_readings_of_other_times() {
    let deployment = Deployment::new();
    let replica = deployment.start();
    let now = Timestamp::now();
    let mut all = Vec::new();
    for hours in [-24 * 365 * 40, -24 * 365, -1, 0, 1, 23, 25, 24 * 365 * 100] {
        let time = now + SignedDuration::from_hours(hours);
        // The effective time in the skew, the record of another time, and with and without a version of its own.
        for (record, effective) in [(time, now), (now, time), (time, time)] {
            for meta in [json!(null), json!({"lastUpdated": "2024-03-01T08:00:00Z"})] {
                let id = format!("{}-{hours}", all.len());
                let fields = json!({"meta": meta, "effectiveDateTime": effective.to_string()});
                let resource = with(observation(&id, "1", 150, 95), &fields);
                all.push(Sent { time: Some(record.as_millisecond().max(0)), ..Sent::json("1", &resource) });
            }
        }
    }
    deployment.publish(&all);
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    let accounts = deployment.account(&all);
    let future = accounts.expected.tally.rejections["future"];
    assert_eq!(future, 2 * 2 * 2, "further ahead than a day");
}

/// Where Debian's package libfaketime puts its library.
fn library() -> PathBuf {
    let multiarch = Command::new("gcc").arg("-print-multiarch").output().unwrap().stdout;
    let multiarch = String::from_utf8(multiarch).unwrap();
    let path = Path::new("/usr/lib").join(multiarch.trim()).join("faketime/libfaketime.so.1");
    assert!(path.exists(), "{} is missing: `make test-tools` installs it", path.display());
    path
}

/// The clock jumps forth and back while readings come; the steady clock stays true. Versions do not come from it.
#[test]
fn a_clock_that_jumps_changes_no_version() {
    let deployment = Deployment::new();
    let seed = seed();
    let clock = deployment.file("clock");
    let set_clock = |offset: &str| {
        let new = deployment.file("clock.new");
        fs::write(&new, offset).unwrap();
        fs::rename(new, &clock).unwrap();
    };
    set_clock("+0");
    let load = Load::start(&deployment.place.kafka, &deployment.topic, Mixture::new(seed), 500);
    let port = free_port();
    let mut command = deployment.command(port);
    command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &clock);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut replica = deployment.launch_command(command, port);
    replica.await_ready();
    for offset in ["+3600", "-3600", "+90000", "+0"] {
        set_clock(offset);
        pass(Duration::from_secs(2));
        assert!(replica.is_ready() && replica.is_live(), "at {offset}");
    }
    assert_eq!(replica.stop(), Some(0));
    // The next one's clock is right again.
    let replica = deployment.start();
    let sent = load.stop();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&sent);
}
