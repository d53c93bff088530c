//! Values: those that are wrong are refused by name, and those that are right are documented.

use std::fs;

use serde_json::Value;

use crate::helm::{chart, refusal, render, tool};

#[test]
fn wrong_ones_are_refused_by_name() {
    let cases = [
        ("replica=2", "'replica' not allowed"),
        (r#"replicas="2""#, "'/replicas': got string, want integer"),
        ("replicas=-1", "'/replicas': minimum: got -1, want 0"),
        (
            r#"image.pullPolicy="Sometimes""#,
            "'/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
        ),
        (r#"image.digest="sha256:short""#, "'/image/digest'"),
        (r#"image.repository="bpmonitor-operator:0.1""#, "'/image/repository'"),
        ("image.tag=1.0", "'/image/tag': got number, want string"),
        (r#"resync="5 minutes""#, "'/resync'"),
        ("concurrency=0", "'/concurrency': minimum: got 0, want 1"),
        (r#"namespaces="ward""#, "'/namespaces': got string, want array"),
        (r#"namespaces=["Ward"]"#, "'/namespaces/0'"),
        (r#"namespaces=["ward", "ward"]"#, "'/namespaces': items at 0 and 1 are equal"),
        (r#"log.format="xml""#, "'/log/format': value must be one of 'json', 'text'"),
        (
            "networkPolicy.egress.ports=[70000]",
            "'/networkPolicy/egress/ports/0': maximum: got 70,000, want 65,535",
        ),
        (r#"imagePullSecrets=["registry"]"#, "'/imagePullSecrets/0': got string, want object"),
        ("metrics.podMonitor.labels={\"a\": 1}", "'/metrics/podMonitor/labels/a': got number, want string"),
        (r#"test={"monitor": "ward-3"}"#, "'/test/elasticsearch/url': minLength"),
        (r#"referencedNamespaces=["kafka"]"#, "referencedNamespaces is of use only beside namespaces"),
        ("serviceAccount.create=false", "serviceAccount.name must say which one there is"),
    ];
    for (value, expected) in cases {
        let said = refusal(&[value]);
        assert!(said.contains(expected), "{value}: {said}");
    }
}

/// The schema knows every value, and every value of the schema has a default.
#[test]
fn the_schema_has_all_values_and_no_others() {
    let text = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&text).unwrap();
    let text = fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    compare(&values, &schema, "");
}

fn compare(values: &Value, schema: &Value, path: &str) {
    let (Some(values), Some(properties)) = (values.as_object(), schema["properties"].as_object()) else {
        return;
    };
    // Objects as Kubernetes has them are given whole.
    if path == "/resources" {
        return;
    }
    for (name, value) in values {
        let of_name =
            properties.get(name).unwrap_or_else(|| panic!("the schema does not know {path}/{name}"));
        compare(value, of_name, &format!("{path}/{name}"));
    }
    for name in properties.keys().filter(|name| *name != "global") {
        assert!(values.contains_key(name), "values.yaml says nothing of {path}/{name}");
    }
}

#[test]
fn helm_finds_nothing_to_say() {
    let output = tool("helm").args(["lint", "--strict"]).arg(chart()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn what_is_off_is_not_there() {
    let rendered = render(&[
        "podDisruptionBudget.enabled=false",
        "networkPolicy.enabled=false",
        "metrics.service.enabled=false",
        "rbac.aggregate=false",
    ]);
    for kind in
        ["PodDisruptionBudget", "NetworkPolicy", "Service", "PodMonitor", "PrometheusRule", "ConfigMap"]
    {
        assert!(rendered.all(kind).is_empty(), "{kind}");
    }
    assert_eq!(rendered.all("ClusterRole").len(), 1);
}
