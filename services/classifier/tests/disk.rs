//! The archive's disk is full: the classifier says so and waits, and goes on once there is room; no line is torn, lost or repeated.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use std::fs;
use std::path::Path;

use bpmonitor_test_support::mount::Mount;
use common::deployment::Deployment;
use common::mixture::Mixture;
use common::{seed, until};

#[test]
fn a_full_disk_is_waited_for() {
    let mut deployment = Deployment::new();
    let mount = Mount::new("size=4m");
    deployment.archive = mount.path().to_owned();
    deployment.options = ["--archive-compression", "none"].map(str::to_owned).to_vec();
    let seed = seed();
    let mut all = Mixture::new(seed).take(1_000);
    let replica = deployment.start();
    deployment.publish(&all);
    deployment.settled();
    // Somebody else's file fills it up, but for a little: so that an append is cut off in the middle of a line.
    let ballast = deployment.archive.join("ballast");
    let free = 4 * 1024 * 1024 - used(&deployment.archive);
    fs::write(&ballast, vec![0; free - 40_000]).unwrap();
    let more = Mixture::new(seed + 1).take(4_000);
    deployment.publish(&more);
    all.extend(more);
    replica.await_trouble("ArchiveFull");
    assert!(replica.is_live());
    let left = deployment.lag();
    assert!(left > 0, "nothing is committed whose lines are not archived");
    fs::remove_file(&ballast).unwrap();
    deployment.settled();
    until("it is ready again", || replica.is_ready());

    // The same, and killed while it is full.
    let free = 4 * 1024 * 1024 - used(&deployment.archive);
    fs::write(&ballast, vec![0; free.saturating_sub(20_000)]).unwrap();
    let more = Mixture::new(seed + 2).take(1_000);
    deployment.publish(&more);
    all.extend(more);
    replica.await_trouble("ArchiveFull");
    replica.kill();
    fs::remove_file(&ballast).unwrap();
    let replica = deployment.start();
    deployment.settled();
    assert_eq!(replica.stop(), Some(0));
    deployment.account(&all);
}

fn used(directory: &Path) -> usize {
    common::held::files(directory)
        .iter()
        .map(|path| usize::try_from(fs::metadata(path).unwrap().len()).unwrap())
        .sum()
}
