//! The published definition: what it says, and that the file beside the crate says the same.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{fs, path::Path};

use bpmonitor_crds::{
    ArchiveStore, BpMonitor, BpMonitorSpec, ElasticsearchAccess, KafkaAccess, KibanaAccess, definition,
    definition_yaml, manifest::read_manifest,
};
use kube::core::cel::apply_defaults;
use serde_json::{Value, json};

fn schema() -> Value {
    json!(definition().spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema)
}

#[test]
fn the_file_agrees_with_the_type() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpmonitors.bpmonitor.dev.yaml");
    let on_disk = fs::read_to_string(file).expect("crds/bpmonitors.bpmonitor.dev.yaml");
    assert!(
        on_disk == definition_yaml().unwrap(),
        "crds/bpmonitors.bpmonitor.dev.yaml is not what the types say: run `make crds` and commit the result"
    );
}

#[test]
fn the_definition_is_what_users_type() {
    let definition = json!(definition());
    assert_eq!(definition["metadata"]["name"], "bpmonitors.bpmonitor.dev");
    assert_eq!(definition["spec"]["scope"], "Namespaced");
    assert_eq!(
        definition["spec"]["names"],
        json!({
            "kind": "BpMonitor", "plural": "bpmonitors", "singular": "bpmonitor",
            "shortNames": ["bpm"], "categories": ["health"]
        })
    );
    let version = &definition["spec"]["versions"][0];
    assert_eq!(
        version["subresources"],
        json!({
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.classifier.replicas",
                "statusReplicasPath": ".status.classifier.replicas",
                "labelSelectorPath": ".status.classifier.selector"
            }
        })
    );
    let columns: Vec<_> = version["additionalPrinterColumns"].as_array().unwrap().iter().collect();
    let shown = |wide: bool| -> Vec<_> {
        columns
            .iter()
            .filter(|column| column.get("priority").is_some() == wide)
            .map(|column| &column["name"])
            .collect()
    };
    assert_eq!(shown(false), ["Ready", "Patients", "Rate", "Classified", "Anomalies", "Lag", "Age"]);
    assert_eq!(shown(true), ["Reason", "Thresholds", "Topic"]);
}

#[test]
fn conditions_merge_by_type() {
    let conditions = &schema()["properties"]["status"]["properties"]["conditions"];
    assert_eq!(conditions["x-kubernetes-list-type"], "map");
    assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
}

#[test]
fn every_field_of_ours_is_described() {
    let mut bare = Vec::new();
    bare_fields(&schema()["properties"]["spec"], "spec", &mut bare);
    assert_eq!(bare, [""; 0]);
}

/// The fields without a description, but for those below Kubernetes' own types.
fn bare_fields(schema: &Value, path: &str, found: &mut Vec<String>) {
    const OF_KUBERNETES: [&str; 5] =
        ["resources", "tolerations", "affinity", "topologySpreadConstraints", "imagePullSecrets"];
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if property["description"].as_str().unwrap_or_default().is_empty() {
            found.push(path.clone());
        }
        if !OF_KUBERNETES.contains(&name.as_str()) {
            bare_fields(property, &path, found);
            bare_fields(&property["items"], &path, found);
        }
    }
}

#[test]
fn the_schema_uses_only_what_the_manifest_reader_checks() {
    let mut keywords = std::collections::BTreeSet::new();
    collect_keywords(&schema()["properties"]["spec"], &mut keywords);
    let checked = [
        "additionalProperties",
        "default",
        "description",
        "enum",
        "exclusiveMinimum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maximum",
        "minLength",
        "minimum",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ];
    assert_eq!(keywords.iter().map(String::as_str).collect::<Vec<_>>(), checked);
}

fn collect_keywords(schema: &Value, found: &mut std::collections::BTreeSet<String>) {
    let keywords = schema.as_object().expect("a schema is an object");
    found.extend(keywords.keys().cloned());
    for property in schema["properties"].as_object().into_iter().flat_map(serde_json::Map::values) {
        collect_keywords(property, found);
    }
    for below in ["items", "additionalProperties"].iter().filter_map(|keyword| schema.get(keyword)) {
        collect_keywords(below, found);
    }
}

#[test]
fn the_schema_and_the_type_have_the_same_defaults() {
    for given in [
        json!({}),
        json!({"patients": {"mix": {"crisis": 9.0}, "history": {}}, "rate": {}, "thresholds": {}, "source": {}}),
        json!({"kafka": {"clusterRef": {"namespace": "kafka"}, "topic": {"partitions": 6}}, "privacy": {}}),
        json!({"kafka": {"bootstrapServers": "kafka:9092", "auth": {"secretRef": {"name": "user"}}, "tls": {}}}),
        json!({"elasticsearch": {"clusterRef": {}, "index": {}}, "kibana": {"clusterRef": {}}}),
        json!({"elasticsearch": {"url": "https://search.example", "caSecretRef": {"name": "ca"}}}),
        json!({"producer": {}, "classifier": {"pod": {}, "autoscaling": {"max": 2}}, "archive": {"s3": {"bucket": "wards"}}}),
        json!({"archive": {"persistentVolumeClaim": {}}}),
    ] {
        let by_schema = apply_defaults(&schema()["properties"]["spec"], &given);
        let by_type: BpMonitorSpec = serde_json::from_value(given.clone()).unwrap();
        assert_eq!(by_schema, json!(by_type), "{given}");
    }
}

#[test]
fn pressures_have_no_default() {
    let spec = json!(BpMonitorSpec::default());
    let mut thresholds: Vec<_> = spec["thresholds"].as_object().unwrap().keys().collect();
    thresholds.sort();
    assert_eq!(thresholds, ["anomalies", "profile"]);
}

#[test]
fn the_default_way_to_each_service_is_filled_in_by_the_type() {
    let spec = BpMonitorSpec::default();
    assert!(matches!(spec.kafka.access(), KafkaAccess::Cluster(cluster)
        if (cluster.name.as_str(), cluster.listener.as_str()) == ("bp-kafka", "tls")));
    assert!(
        matches!(spec.elasticsearch.access(), ElasticsearchAccess::Cluster(cluster) if cluster.name == "bp-elasticsearch")
    );
    assert!(
        matches!(spec.kibana.access(), Some(KibanaAccess::Cluster(cluster)) if cluster.name == "bp-kibana")
    );
    assert!(matches!(spec.archive.store(), ArchiveStore::Volume(volume) if volume.size.as_str() == "1Gi"));
}

#[test]
fn a_given_way_to_each_service_wins_over_the_default() {
    let spec = read_manifest(include_str!("manifests/elsewhere.yaml")).unwrap().spec;
    assert_eq!(spec.kafka.access(), KafkaAccess::BootstrapServers("kafka-0.example:9093,[2001:db8::1]:9093"));
    assert_eq!(spec.elasticsearch.access(), ElasticsearchAccess::Url("https://search.example:9200"));
    assert_eq!(spec.kibana.access(), Some(KibanaAccess::Url("https://kibana.example/base")));
    assert!(matches!(spec.archive.store(), ArchiveStore::S3(s3) if s3.bucket == "wards"));

    let mut kibana = spec.kibana;
    kibana.enabled = false;
    assert_eq!(kibana.access(), None);
}

#[test]
fn a_monitor_survives_the_way_through_json() {
    let monitor = BpMonitor::new("ward-3", BpMonitorSpec::default());
    let again: BpMonitor = serde_json::from_value(json!(monitor)).unwrap();
    assert_eq!(again, monitor);
}
