//! Stable ids: the same monitor and space give the same ones, and no other monitor or space does.

use uuid::Uuid;

use crate::Ward;

/// Of a saved object. Readable, since it stands in the address of a dashboard.
pub(crate) fn object(ward: &Ward, what: &str) -> String {
    // A dot stands in none of these names.
    let Ward { namespace, name, space, .. } = ward;
    if space.is_empty() {
        format!("bp.{namespace}.{name}.{what}")
    } else {
        format!("bp.{namespace}.{name}.{space}.{what}")
    }
}

/// Of a rule or connector, which must be a UUID.
pub(crate) fn uuid(ward: &Ward, what: &str) -> String {
    let ours = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"bpmonitor.dev");
    Uuid::new_v5(&ours, object(ward, what).as_bytes()).to_string()
}
