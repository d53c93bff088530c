//! The labels of what belongs to a monitor, and whose an object is by them.

use std::collections::BTreeMap;

/// Who applies: the field manager, and the value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "bp-monitor-operator";
/// Selects everything that the operator manages.
pub const MANAGED: &str = "app.kubernetes.io/managed-by=bp-monitor-operator";
/// The monitor's name.
pub const MONITOR: &str = "bpmonitor.dev/monitor";
/// The monitor's namespace.
pub const NAMESPACE: &str = "bpmonitor.dev/namespace";
/// The annotation of pods with the checksum over all that they mount.
pub const CHECKSUM: &str = "bpmonitor.dev/checksum";
/// The annotation that lets monitors of other namespaces use a cluster: namespaces separated by commas, or `*`.
pub const ALLOW_NAMESPACES: &str = "bpmonitor.dev/allow-namespaces";
/// The annotation of a monitor with which its data goes together with it, where it is `true`.
pub const DELETE_DATA: &str = "bpmonitor.dev/delete-data";
/// The label of Strimzi's topics and users with the name of their cluster.
pub const STRIMZI_CLUSTER: &str = "strimzi.io/cluster";

/// The labels that never change, for selectors.
pub fn selector(monitor: &str, component: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "bp-monitor"),
        ("app.kubernetes.io/instance", monitor),
        ("app.kubernetes.io/component", component),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// All labels of an object of the monitor of this namespace and name.
pub fn all(namespace: &str, monitor: &str, component: &str) -> BTreeMap<String, String> {
    let mut labels = selector(monitor, component);
    labels.extend(
        [
            ("app.kubernetes.io/part-of", "bp-monitor"),
            ("app.kubernetes.io/managed-by", MANAGER),
            (MONITOR, monitor),
            (NAMESPACE, namespace),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    labels
}

/// The namespace and name of the monitor that an object with these labels belongs to.
pub fn owner(labels: &BTreeMap<String, String>) -> Option<(&str, &str)> {
    Some((labels.get(NAMESPACE)?.as_str(), labels.get(MONITOR)?.as_str()))
}

/// Selects the objects of one monitor, wherever they are.
pub fn selects(namespace: &str, monitor: &str) -> String {
    format!("{MANAGED},{NAMESPACE}={namespace},{MONITOR}={monitor}")
}
