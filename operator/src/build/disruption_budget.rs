//! The classifiers' `PodDisruptionBudget`: a drained node takes one of them at a time.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{owned, pods};
use crate::model::Monitor;
use crate::names::{self, Component};

/// The `PodDisruptionBudget` of the classifiers. One that is not ready may always go: it protects nothing, and would hold up the drain.
pub fn disruption_budget(monitor: &Monitor) -> PodDisruptionBudget {
    let component = Component::Classifier;
    PodDisruptionBudget {
        metadata: owned(monitor, names::workload(&monitor.name, component), component.as_str()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(pods(monitor, component)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn one_may_always_go() {
        let spec = disruption_budget(&monitor("")).spec.unwrap();
        assert_eq!((spec.max_unavailable, spec.min_available), (Some(IntOrString::Int(1)), None));
        let selected = spec.selector.unwrap().match_labels.unwrap();
        assert_eq!(selected["app.kubernetes.io/component"], "classifier");
    }
}
