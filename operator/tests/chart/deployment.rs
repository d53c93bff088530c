//! The operator's Deployment: what its program is told, and what its pods are.

use bpmonitor_operator::Cli;
use bpmonitor_operator::model::PullPolicy;
use clap::Parser as _;
use serde_json::{Value, json};

use crate::helm::{Rendered, refusal, render};

/// The command line, read as the program reads it.
fn cli(rendered: &Rendered) -> Cli {
    let arguments =
        rendered.container()["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    Cli::try_parse_from(std::iter::once("bpmonitor-operator").chain(arguments)).unwrap()
}

#[test]
fn the_program_takes_what_it_is_told() {
    let version = env!("CARGO_PKG_VERSION");
    let rendered = render(&[]);
    let cli_by_default = cli(&rendered);
    let settings = cli_by_default.settings();
    assert_eq!(settings.images.producer, format!("bpmonitor-producer:{version}"));
    assert_eq!(settings.images.classifier, format!("bpmonitor-classifier:{version}"));
    assert_eq!(settings.images.pull_policy, PullPolicy::IfNotPresent);
    assert!(settings.namespaces.is_empty() && cli_by_default.elects());
    assert_eq!(rendered.container()["image"], format!("bpmonitor-operator:{version}"));
    assert_eq!(rendered.container()["ports"][0]["containerPort"], cli_by_default.listen.listen.port());

    let cli = cli(&render(&[
        r#"namespaces=["b", "a"]"#,
        "leaderElection.enabled=false",
        r#"resync="90s""#,
        "concurrency=3",
        r#"image.pullPolicy="Never""#,
    ]));
    let settings = cli.settings();
    assert_eq!((settings.namespaces, cli.elects()), (vec!["a".to_owned(), "b".to_owned()], false));
    assert_eq!((settings.resync.as_secs(), settings.concurrency), (90, 3));
    assert_eq!(settings.images.pull_policy, PullPolicy::Never);
}

#[test]
fn images_have_registries_tags_and_digests() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let rendered = render(&[
        r#"image.registry="registry.example.org/hospital/""#,
        r#"image.tag="2.0""#,
        r#"producer.image.tag="2.1""#,
        &format!("classifier.image.digest={digest:?}"),
        r#"classifier.image.registry="other.example.org""#,
    ]);
    let settings = cli(&rendered).settings();
    assert_eq!(rendered.container()["image"], "registry.example.org/hospital/bpmonitor-operator:2.0");
    assert_eq!(settings.images.producer, "registry.example.org/hospital/bpmonitor-producer:2.1");
    assert_eq!(settings.images.classifier, format!("other.example.org/bpmonitor-classifier@{digest}"));
}

#[test]
fn probes_ask_what_the_program_answers() {
    let rendered = render(&[]);
    let container = rendered.container();
    let path = |probe: &str| container[probe]["httpGet"]["path"].clone();
    assert_eq!((path("livenessProbe"), path("startupProbe")), (json!("/live"), json!("/live")));
    assert_eq!(path("readinessProbe"), "/ready");
}

#[test]
fn pods_carry_what_they_are_given() {
    let rendered = render(&[
        r#"pod={"labels": {"team": "cardiology", "app.kubernetes.io/component": "mine"}, "annotations": {"a": "b"}, "nodeSelector": {"disk": "fast"}, "priorityClassName": "high", "tolerations": [{"key": "k", "operator": "Exists"}], "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]}"#,
        r#"imagePullSecrets=[{"name": "registry"}]"#,
        r#"commonLabels={"cost": "center", "app.kubernetes.io/name": "mine"}"#,
    ]);
    let template = &rendered.deployment()["spec"]["template"];
    let labels = &template["metadata"]["labels"];
    assert_eq!((&labels["team"], &labels["cost"]), (&json!("cardiology"), &json!("center")));
    // What selects stays.
    assert_eq!(
        (&labels["app.kubernetes.io/component"], &labels["app.kubernetes.io/name"]),
        (&json!("operator"), &json!("bp-monitor"))
    );
    assert_eq!(template["metadata"]["annotations"]["a"], "b");
    let spec = &template["spec"];
    assert_eq!((&spec["nodeSelector"]["disk"], &spec["priorityClassName"]), (&json!("fast"), &json!("high")));
    assert_eq!(
        (&spec["tolerations"][0]["key"], &spec["imagePullSecrets"]),
        (&json!("k"), &json!([{"name": "registry"}]))
    );
    let variables = rendered.container()["env"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["name"] == "HTTPS_PROXY"));
}

#[test]
fn every_selector_selects_the_pods() {
    let rendered = render(&[
        "metrics.podMonitor.enabled=true",
        "networkPolicy.egress.enabled=true",
        "networkPolicy.egress.ports=[9443]",
    ]);
    let pods = rendered.deployment()["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
    let selectors = [
        &rendered.deployment()["spec"]["selector"]["matchLabels"],
        &rendered.one("PodDisruptionBudget", "bp-monitor-operator")["spec"]["selector"]["matchLabels"],
        &rendered.one("NetworkPolicy", "bp-monitor-operator")["spec"]["podSelector"]["matchLabels"],
        &rendered.one("PodMonitor", "bp-monitor-operator")["spec"]["selector"]["matchLabels"],
        &rendered.one("Service", "bp-monitor-operator-metrics")["spec"]["selector"],
    ];
    for selector in selectors {
        let labels = selector.as_object().unwrap();
        assert!(
            labels.len() == 3 && labels.iter().all(|(label, value)| pods.get(label) == Some(value)),
            "{selector}"
        );
    }
    let egress = &rendered.one("NetworkPolicy", "bp-monitor-operator")["spec"]["egress"];
    assert_eq!(egress[1], json!({"ports": [{"port": 9443, "protocol": "TCP"}]}));
}

#[test]
fn two_never_work_at_the_same_time() {
    let strategy = |rendered: &Rendered| rendered.deployment()["spec"]["strategy"]["type"].clone();
    assert_eq!(strategy(&render(&["replicas=2"])), "RollingUpdate");
    let alone = render(&["leaderElection.enabled=false"]);
    assert_eq!(strategy(&alone), "Recreate");
    assert!(alone.all("Role").is_empty(), "there is no Lease to have rights to");
    let said = refusal(&["leaderElection.enabled=false", "replicas=2"]);
    assert!(said.contains("two operators would work against each other"), "{said}");
}

#[test]
fn names_follow_the_release_and_its_overrides() {
    for (values, name) in [
        (vec![], "bp-monitor-operator"),
        (vec![r#"fullnameOverride="ward""#], "ward-operator"),
        (vec![r#"nameOverride="pressure""#], "bp-monitor-pressure-operator"),
    ] {
        let rendered = render(&values);
        let names: Vec<&Value> =
            rendered.all("Deployment").iter().map(|object| &object["metadata"]["name"]).collect();
        assert_eq!(names, [name]);
    }
}
