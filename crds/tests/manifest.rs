//! Manifests read from files: what is accepted, and how mistakes are told.

#![allow(clippy::expect_used, reason = "a failing helper fails its test")]

use bpmonitor_crds::{BpMonitor, BpMonitorSpec, manifest::read_manifest};
use serde_json::json;

const SMALLEST: &str = include_str!("manifests/smallest.yaml");
const FULL: &str = include_str!("manifests/full.yaml");

/// A manifest with the given lines below `spec`.
fn manifest(spec: &str) -> String {
    let head = "apiVersion: bpmonitor.dev/v1alpha1\nkind: BpMonitor\nmetadata: {name: ward-3}\nspec:\n";
    spec.lines().fold(head.to_owned(), |text, line| format!("{text}  {line}\n"))
}

fn mistakes(text: &str) -> Vec<String> {
    read_manifest(text).expect_err(text).iter().map(ToString::to_string).collect()
}

#[test]
fn the_smallest_manifest_is_the_defaults() {
    assert_eq!(read_manifest(SMALLEST).unwrap(), BpMonitor::new("ward-3", BpMonitorSpec::default()));
}

#[test]
fn the_full_manifest_is_accepted() {
    let monitor = read_manifest(FULL).unwrap();
    assert_eq!(monitor.metadata.namespace.as_deref(), Some("hospital"));
    assert_eq!(monitor.spec.thresholds.per_patient[0].stage2.unwrap().systolic, Some(150));
    assert_eq!(monitor.spec.patients, BpMonitorSpec::default().patients);
    assert_eq!(monitor.spec.classifier.pod.priority_class_name.as_deref(), Some("wards"));
}

#[test]
fn json_is_accepted() {
    let text = serde_json::to_string_pretty(&read_manifest(FULL).unwrap()).unwrap();
    assert_eq!(read_manifest(&text).unwrap(), read_manifest(FULL).unwrap());
    assert_eq!(read_manifest(&text.replace("  ", "\t")).unwrap(), read_manifest(FULL).unwrap());
}

#[test]
fn what_kubectl_prints_is_accepted() {
    let mut object = json!(read_manifest(SMALLEST).unwrap());
    object["metadata"]["creationTimestamp"] = json!(null);
    object["metadata"]["uid"] = json!("1f8c");
    object["metadata"]["managedFields"] =
        json!([{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": {"f:rate": {}}}}]);
    object["status"] = json!({"conditions": "whatever the operator says"});
    assert!(read_manifest(&object.to_string()).is_ok());
}

#[test]
fn a_null_means_not_given() {
    let monitor =
        read_manifest(&manifest("kafka:\nrate: {perSecond: null}\nelasticsearch: {url: null}")).unwrap();
    assert_eq!(monitor.spec, BpMonitorSpec::default());
}

#[test]
fn comments_and_markers_around_the_one_document_are_no_documents() {
    assert!(read_manifest(&format!("# ward 3\n---\n{SMALLEST}---\n# end\n")).is_ok());
}

#[test]
fn numbers_may_be_written_either_way() {
    let monitor = read_manifest(&manifest("patients: {count: 20.0}\nrate: {perSecond: 1e3}")).unwrap();
    assert_eq!(monitor.spec.patients.count, 20);
    assert!((monitor.spec.rate.per_second - 1000.0).abs() < f64::EPSILON);
}

#[test]
fn each_mistake_says_where_it_is_and_what_is_allowed() {
    let cases = [
        (
            "rate: {perSecond: 0}",
            "spec.rate.perSecond: 0 is not allowed; a number above 0 and at most 100000",
        ),
        (
            "rate: {perSecond: fast}",
            "spec.rate.perSecond: \"fast\" is not allowed; a number above 0 and at most 100000",
        ),
        ("patients: {count: -1}", "spec.patients.count: -1 is not allowed; a whole number from 0 to 1000000"),
        (
            "patients: {count: 1.5}",
            "spec.patients.count: 1.5 is not allowed; a whole number from 0 to 1000000",
        ),
        (
            "patients: {count: \"7\"}",
            "spec.patients.count: \"7\" is not allowed; a whole number from 0 to 1000000",
        ),
        ("patients: {cuont: 7}", "spec.patients.cuont: there is no such field; did you mean count?"),
        (
            "patients: {people: 7}",
            "spec.patients.people: there is no such field; allowed here: count, history, locale, mix, seed",
        ),
        ("patients: 7", "spec.patients: 7 is not allowed; a mapping of count, history, locale, mix, seed"),
        (
            "patients: {mix: {normal: -1}}",
            "spec.patients.mix.normal: -1 is not allowed; a number of at least 0",
        ),
        (
            "source: {maxSkew: 5}",
            "spec.source.maxSkew: 5 is not allowed; text of at most 16 characters; it must be a whole number above 0 of \
             up to 8 digits and a unit (s, m, h or d), as in 90m, 24h or 7d",
        ),
        ("paused: \"yes\"", "spec.paused: \"yes\" is not allowed; true or false"),
        (
            "thresholds: {profile: aha}",
            "spec.thresholds.profile: \"aha\" is not allowed; one of aha-2017, esc-2024, simple-140-90",
        ),
        (
            "thresholds: {crisis: {systolic: 401}}",
            "spec.thresholds.crisis.systolic: 401 is not allowed; a whole number from 1 to 400",
        ),
        (
            "thresholds: {perPatient: [{stage2: {systolic: 150}}]}",
            "spec.thresholds.perPatient[0].patient: is missing; text of 1 to 128 characters",
        ),
        (
            "thresholds: {perPatient: [{patient: a}, {patient: b}, {patient: a}]}",
            "spec.thresholds.perPatient[2]: \"a\" is there already; every entry once",
        ),
        (
            "thresholds: {anomalies: [elevated, elevated]}",
            "spec.thresholds.anomalies[1]: \"elevated\" is there already; every entry once",
        ),
        (
            "thresholds: {anomalies: [high]}",
            "spec.thresholds.anomalies[0]: \"high\" is not allowed; one of hypertensive_crisis, hypertension_stage2, \
             hypertension_stage1, elevated, hypotension, normal",
        ),
        (
            "thresholds: {anomalies: elevated}",
            "spec.thresholds.anomalies: \"elevated\" is not allowed; a list of at most 6 entries",
        ),
        (
            "classifier: {resources: {limits: {cpu: [2]}}}",
            "spec.classifier.resources.limits.cpu: a list is not allowed; a whole number, or text such as 500m",
        ),
        (
            "producer: {pod: {labels: {example.com/on: true}}}",
            "spec.producer.pod.labels[\"example.com/on\"]: true is not allowed; text",
        ),
        (
            "producer: {pod: {tolerations: [{keey: a}]}}",
            "spec.producer.pod.tolerations[0].keey: there is no such field; did you mean key?",
        ),
        (
            "kafka: {auth: {}, bootstrapServers: \"a:1\"}",
            "spec.kafka.auth.secretRef: is missing; a mapping of name",
        ),
        (
            "risk: {enabled: true}",
            "spec.risk: there is no such field; allowed here: archive, classifier, elasticsearch, kafka, kibana, patients, paused, privacy, producer, rate, source, thresholds",
        ),
    ];
    for (spec, expected) in cases {
        assert_eq!(mistakes(&manifest(spec)), [expected]);
    }
}

#[test]
fn too_many_patients_of_their_own_are_refused() {
    let entries: Vec<_> = (0..257).map(|number| format!("{{patient: p{number}}}")).collect();
    let entries = entries.join(",");
    assert_eq!(
        mistakes(&manifest(&format!("thresholds: {{perPatient: [{entries}]}}"))),
        ["spec.thresholds.perPatient: 257 entries are not allowed; a list of at most 256 entries"]
    );
}

#[test]
fn long_values_are_cut() {
    let told = &mistakes(&manifest(&format!("paused: {}", "é".repeat(500))))[0];
    assert_eq!(told, &format!("spec.paused: \"{}... is not allowed; true or false", "é".repeat(59)));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = "
apiVersion: bpmonitor.dev/v1
kind: BPMonitor
metadata: {labels: {ward: 3}}
spec:
  rate: {perSecond: 200000}
  patients: {cuont: 7, mix: {normal: 0, elevated: 0, stage1: 0, stage2: 0, crisis: 0, hypotension: 0}}
  thresholds:
    profile: aha
    stage1: {systolic: 150}
    stage2: {systolic: 140}
  kafka: {clusterRef: {}, bootstrapServers: 'kafka:9092', topic: {retention: 7 days}}
  elasticsearch: {url: [], caSecretRef: {name: ca}}
";
    assert_eq!(
        mistakes(text),
        [
            "apiVersion: \"bpmonitor.dev/v1\" is not allowed; only bpmonitor.dev/v1alpha1",
            "kind: \"BPMonitor\" is not allowed; only BpMonitor",
            "metadata.labels.ward: 3 is not allowed; text",
            "metadata.name: is missing; text that is not empty",
            "spec.elasticsearch.url: a list is not allowed; text of 1 to 2048 characters",
            "spec.patients.cuont: there is no such field; did you mean count?",
            "spec.rate.perSecond: 200000 is not allowed; a number above 0 and at most 100000",
            "spec.thresholds.profile: \"aha\" is not allowed; one of aha-2017, esc-2024, simple-140-90",
            "spec.kafka.bootstrapServers: cannot be set beside clusterRef: remove one of them",
            "spec.kafka.topic.retention: must be a whole number above 0 of up to 8 digits and a unit (s, m, h or d), \
             as in 90m, 24h or 7d",
            "spec.patients.mix: must have at least one weight above 0",
            "spec.thresholds.stage2.systolic: must be above the systolic limits of hypotension, elevated and stage1: \
             raise it, or lower what it is measured against",
        ]
    );
}

#[test]
fn a_bad_name_is_told_at_the_name() {
    assert_eq!(
        mistakes(&SMALLEST.replace("ward-3", "ward.3")),
        [
            "metadata.name: the name must be at most 35 lower-case letters, digits and hyphens, without dots, beginning \
          with a letter and ending with a letter or digit"
        ]
    );
}

#[test]
fn what_is_missing_at_the_top_is_told() {
    assert_eq!(
        mistakes("kind: BpMonitor\nspec:\n"),
        [
            "apiVersion: is missing; only bpmonitor.dev/v1alpha1",
            "metadata: is missing; a mapping",
            "spec: is missing; a mapping of archive, classifier, elasticsearch, kafka, kibana, patients, paused, privacy, \
 producer, rate, source, thresholds",
        ]
    );
    assert_eq!(mistakes("[1, 2]"), ["a list is not allowed; a mapping of apiVersion, kind, metadata, spec"]);
}

#[test]
fn only_one_document_is_accepted() {
    assert_eq!(mistakes(""), ["the file is empty; it must hold one BpMonitor"]);
    assert_eq!(mistakes("# nothing\n---\n"), ["the file is empty; it must hold one BpMonitor"]);
    assert_eq!(
        mistakes(&format!("{SMALLEST}---\n{SMALLEST}")),
        ["the file holds 2 documents; it must hold one BpMonitor and nothing else"]
    );
}

#[test]
fn a_syntax_error_says_where() {
    let cases = [
        (
            "kind: BpMonitor\nspec:\n  rate: {perSecond: 5\n  paused: true\n",
            "line 4, column 9: while parsing a flow mapping, did not find expected ',' or '}'",
        ),
        ("spec:\n\trate: 5\n", "line 2, column 2: tabs disallowed within this context (block indentation)"),
        (
            "kind: BpMonitor\nkind: BpMonitor\n",
            "line 2, column 1: duplicate mapping key `kind` is not allowed here",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistakes(text), [expected]);
    }
}
