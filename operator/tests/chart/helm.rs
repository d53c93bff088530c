//! Runs the lab's helm and kubectl.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use bpmonitor_test_support::lab::Lab;
use serde_json::Value;

/// The namespace that the chart is rendered for.
pub(crate) const NAMESPACE: &str = "hospital";

/// The objects that the chart makes of these values, each as `--set` takes it.
pub(crate) struct Rendered(pub(crate) Vec<Value>);

/// Renders the chart.
pub(crate) fn render(values: &[&str]) -> Rendered {
    let output = template(values);
    assert!(output.status.success(), "{values:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    Rendered(documents.into_iter().filter(Value::is_object).collect())
}

/// Why helm does not render the chart with these values.
pub(crate) fn refusal(values: &[&str]) -> String {
    let output = template(values);
    assert!(!output.status.success(), "{values:?} are taken");
    String::from_utf8(output.stderr).unwrap()
}

fn template(values: &[&str]) -> Output {
    let set = values.iter().flat_map(|value| ["--set-json", value]);
    tool("helm")
        .args(["template", "bp-monitor"])
        .arg(chart())
        .args(["--namespace", NAMESPACE])
        .args(set)
        .output()
        .unwrap()
}

impl Rendered {
    /// The objects of a kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The one of a kind and name.
    pub(crate) fn one(&self, kind: &str, name: &str) -> &Value {
        let found = self.all(kind).into_iter().find(|object| object["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The operator's Deployment.
    pub(crate) fn deployment(&self) -> &Value {
        self.one("Deployment", "bp-monitor-operator")
    }

    /// The operator's container.
    pub(crate) fn container(&self) -> &Value {
        &self.deployment()["spec"]["template"]["spec"]["containers"][0]
    }
}

/// Where the chart is.
pub(crate) fn chart() -> PathBuf {
    root().join("charts/bp-monitor")
}

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A tool of the lab's Kubernetes.
pub(crate) fn tool(name: &str) -> Command {
    Command::new(Path::new(&variable("BPMONITOR_TEST_KUBERNETES_TOOLS")).join(name))
}

/// The directory of definitions that others make.
pub(crate) fn definitions_of_others() -> PathBuf {
    variable("BPMONITOR_TEST_CRDS").into()
}

/// What the environment, or the lab, says of where something is.
pub(crate) fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        Lab::shared().up("kubernetes");
        Lab::shared().variable(name)
    })
}

/// Runs kubectl with objects to read; what it says, where it succeeds.
pub(crate) fn kubectl(arguments: &[&str], objects: &[Value]) -> String {
    let mut command = tool("kubectl");
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for object in objects {
        writeln!(input, "---\n{object}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {said}");
    // What Pod Security warns of would be refused once a pod is made.
    assert!(!said.contains("Warning"), "kubectl {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
