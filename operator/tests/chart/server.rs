//! A real API server takes what is rendered, where pods must be restricted; and it takes the Kafka and Elasticsearch of `make kind-up`.

use std::fs;

use bpmonitor_crds::manifest::read_manifest;
use bpmonitor_test_support::unique;
use serde_json::{Value, json};

use crate::helm::{NAMESPACE, definitions_of_others, kubectl, render, root, tool};

/// A namespace in which pods must be restricted; gone when dropped.
struct Place {
    namespace: String,
}

/// Definitions that others make; gone when dropped.
struct Definitions(Vec<String>);

impl Definitions {
    /// Of the Prometheus operator.
    fn monitoring() -> Self {
        let kinds = ["podmonitors", "prometheusrules"];
        let definitions = Self(kinds.map(|kind| format!("crd/{kind}.monitoring.coreos.com")).to_vec());
        for kind in kinds {
            let file = definitions_of_others()
                .join(format!("prometheus-operator/monitoring.coreos.com_{kind}.yaml"));
            kubectl(&["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()], &[]);
        }
        for definition in &definitions.0 {
            kubectl(&["wait", "--for", "condition=Established", "--timeout", "60s", definition], &[]);
        }
        definitions
    }
}

impl Drop for Definitions {
    fn drop(&mut self) {
        let _ = tool("kubectl").args(["delete", "--ignore-not-found"]).args(&self.0).output();
    }
}

impl Place {
    fn new() -> Self {
        let namespace = unique::name("chart");
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}});
        kubectl(&["create", "-f", "-"], &[object]);
        Self { namespace }
    }

    /// Would the API server take them?
    fn try_out(&self, objects: &[Value]) {
        let objects: Vec<Value> = objects.iter().cloned().map(|object| self.here(object)).collect();
        kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-"], &objects);
    }

    /// An object that was rendered for another namespace.
    fn here(&self, mut object: Value) -> Value {
        let namespace = &mut object["metadata"]["namespace"];
        if namespace.is_string() {
            *namespace = json!(self.namespace);
        } else {
            object["metadata"].as_object_mut().unwrap().remove("namespace");
        }
        object
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = tool("kubectl").args(["delete", "--wait=false", "namespace", &self.namespace]).output();
    }
}

#[test]
fn it_takes_everything() {
    let place = Place::new();
    let _definitions = Definitions::monitoring();
    let everything = render(&[
        "metrics.podMonitor.enabled=true",
        "metrics.prometheusRule.enabled=true",
        "metrics.dashboard.enabled=true",
        "networkPolicy.egress.enabled=true",
        r#"networkPolicy.metricsFrom=[{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]"#,
        "replicas=2",
        r#"test={"monitor": "ward-3", "elasticsearch": {"url": "https://elasticsearch:9200"}}"#,
    ]);
    for kind in [
        "Pod",
        "Deployment",
        "CustomResourceDefinition",
        "PodMonitor",
        "PrometheusRule",
        "ConfigMap",
        "NetworkPolicy",
    ] {
        assert!(!everything.all(kind).is_empty(), "{kind}");
    }
    place.try_out(&everything.0);
    // Pod Security is asked of a pod itself.
    let template = &everything.deployment()["spec"]["template"];
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
    pod["metadata"]["name"] = json!("operator");
    pod["metadata"]["namespace"] = json!(NAMESPACE);
    pod["spec"]["serviceAccountName"] = json!("default");
    kubectl(
        &["wait", "--for", "create", "--timeout", "30s", "-n", &place.namespace, "serviceaccount/default"],
        &[],
    );
    place.try_out(&[pod]);
}

#[test]
fn it_takes_the_servers_of_the_local_cluster() {
    let place = Place::new();
    let mut ports = Vec::new();
    for file in ["kafka.yaml", "elasticsearch.yaml"] {
        let text = fs::read_to_string(root().join("deploy/kind").join(file)).unwrap();
        let objects = serde_saphyr::from_multiple::<Value>(&text).unwrap();
        for object in objects {
            let services = object["spec"]["http"]["service"]["spec"]["ports"].as_array().cloned();
            ports.extend(services.into_iter().flatten().map(|port| port["nodePort"].clone()));
            let mut object = object;
            object["metadata"]["namespace"] = json!(place.namespace);
            place.try_out(&[object]);
        }
    }
    let text = fs::read_to_string(root().join("kind-config.yaml")).unwrap();
    let config: Value = serde_saphyr::from_str(&text).unwrap();
    let mappings = config["nodes"][0]["extraPortMappings"].as_array().unwrap();
    let mut mapped: Vec<Value> = mappings.iter().map(|mapping| mapping["containerPort"].clone()).collect();
    mapped.sort_by_key(Value::as_u64);
    ports.sort_by_key(Value::as_u64);
    assert_eq!(mapped, ports, "kind-config.yaml maps the ports of the Services");
    assert!(mappings.iter().all(|mapping| mapping["listenAddress"] == "127.0.0.1"));
}

#[test]
fn the_notes_have_a_monitor_that_is_taken() {
    let chart = crate::helm::chart();
    let output = tool("helm")
        // Other tests may have the definition there.
        .args(["install", "bp-monitor", "--dry-run=client", "--take-ownership", "--namespace", NAMESPACE])
        .arg(&chart)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, notes) = text.split_once("\nNOTES:\n").unwrap();
    let (_, rest) = notes.split_once("<<YAML\n").unwrap();
    let (manifest, _) = rest.split_once("    YAML\n").unwrap();
    let manifest: Vec<&str> = manifest.lines().map(|line| line.strip_prefix("    ").unwrap()).collect();
    let monitor = read_manifest(&manifest.join("\n")).unwrap();
    assert_eq!(monitor.metadata.name.as_deref(), Some("ward-3"));
    assert!(notes.contains("not a medical device"));
}
