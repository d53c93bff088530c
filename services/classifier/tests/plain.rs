//! The plain way: messages of every kind, and each entry is exactly where it belongs.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails may panic")]

mod common;

use common::deployment::Deployment;
use common::mixture::Mixture;
use common::seed;

#[test]
fn everything_is_accounted_for() {
    let deployment = Deployment::new();
    let messages = Mixture::new(seed()).take(6_000);
    let replica = deployment.start();
    deployment.publish(&messages);
    deployment.settled();
    let metrics = replica.metrics();
    assert_eq!(replica.stop(), Some(0));
    let accounts = deployment.account(&messages);
    let tally = &accounts.expected.tally;
    for (outcome, count) in [
        ("anomaly", tally.anomaly),
        ("normal", tally.normal),
        ("rejected", tally.rejected),
        ("skipped", tally.skipped),
        ("withdrawn", tally.withdrawn),
    ] {
        let name = format!("bpmonitor_observations_total{{outcome=\"{outcome}\"}}");
        assert!(count > 0, "the mixture has everything: {tally:?}");
        assert_eq!(metrics.get(&name).copied(), Some(count as f64), "{name}");
    }
    for (reason, count) in &tally.rejections {
        let name = format!("bpmonitor_rejections_total{{reason=\"{reason}\"}}");
        assert_eq!(metrics.get(&name).copied(), Some(*count as f64), "{name}");
    }
    assert_eq!(accounts.repeated_letters, 0, "nothing was disturbed, so nothing is repeated");
}
