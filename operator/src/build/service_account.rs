//! A workload's `ServiceAccount`: it may do nothing with the API server, and gives a cloud's identity something to hold on to.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata::owned;
use crate::model::Monitor;
use crate::names::{self, Component};

/// The `ServiceAccount` of a workload.
pub fn service_account(monitor: &Monitor, component: Component) -> ServiceAccount {
    ServiceAccount {
        metadata: owned(monitor, names::workload(&monitor.name, component), component.as_str()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::fixtures::monitor;

    #[test]
    fn no_token_is_mounted() {
        let account = service_account(&monitor(""), Component::Classifier);
        assert_eq!(account.metadata.name.as_deref(), Some("ward-3-classifier"));
        assert_eq!(account.automount_service_account_token, Some(false));
    }
}
