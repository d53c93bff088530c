//! The probes: whether a container has started, lives, and does its work now.

use k8s_openapi::api::core::v1::{HTTPGetAction, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::PORT_NAME;

/// A second apart, so that a quick start is seen soon, and for five minutes.
pub(super) fn startup() -> Probe {
    probe("/live", 1, 300)
}

/// The binaries say themselves when nothing but a new start helps.
pub(super) fn liveness() -> Probe {
    probe("/live", 10, 3)
}

/// What fails is told by `/ready`, and is mostly outside of the pod.
pub(super) fn readiness() -> Probe {
    probe("/ready", 3, 2)
}

fn probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(PORT_NAME.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}
