//! The index has a place for every field of a document, and a document waits for an index that has not.

use bpmonitor_crds::index::{index, mappings, template};
use bpmonitor_pipeline::AnomalyStore;
use serde_json::Value;

use super::common::{Ward, done, fails, start, write, writes};

/// The names of all fields, with dots; an array's are its items', and those of `fhir_resource` are anybody's.
fn fields(prefix: &str, value: &Value) -> Vec<String> {
    let Value::Object(object) = value else { return vec![prefix.to_owned()] };
    let below = |(name, value): (&String, &Value)| match (prefix, name.as_str()) {
        ("", "fhir_resource") => vec![name.clone()],
        ("", name) => fields(name, value),
        (prefix, name) => fields(&format!("{prefix}.{name}"), value),
    };
    object.iter().flat_map(below).collect()
}

#[test]
fn every_field_of_a_document_is_in_the_mapping_and_none_besides() {
    fn mapped(prefix: &str, mapping: &Value) -> Vec<String> {
        let below = |(name, field): (&String, &Value)| {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            if field["properties"].is_object() { mapped(&path, field) } else { vec![path] }
        };
        mapping["properties"].as_object().unwrap().iter().flat_map(below).collect()
    }
    let document = serde_json::to_value(&write(1, 1).document).unwrap();
    assert_eq!(fields("", &document), mapped("", &mappings()));
}

#[tokio::test]
async fn the_index_is_as_we_describe_it() {
    let ward = Ward::new().await;
    let name = ward.names().index();
    assert_eq!(ward.setup.mapping_differences(&name, &mappings()).await.unwrap(), []);
    assert_eq!(ward.setup.mapping_differences(&ward.alias(), &mappings()).await.unwrap(), []);
    assert!(!ward.make().await, "it is there already");
    assert!(ward.setup.delete_index(&name).await.unwrap());
    assert!(!ward.setup.delete_index(&name).await.unwrap());
    assert!(ward.make().await);
    assert!(!ward.setup.version().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_template_guards_the_name_of_the_index() {
    let ward = Ward::new().await;
    let name = ward.names().index();
    ward.setup.put_template(&name, &template(&ward.names(), 2)).await.unwrap();
    ward.setup.delete_index(&name).await.unwrap();
    let document = serde_json::json!({"withdrawn": false});
    let target = format!("{name}/_doc");
    let written =
        ward.setup.ask(elasticsearch::http::Method::Post, &target, Some(&document), "writing").await;
    assert_eq!(written.unwrap_err().status, Some(404), "not made by writing");
    ward.setup.ensure_index(&name, &serde_json::json!({})).await.unwrap();
    assert_eq!(
        ward.setup.mapping_differences(&name, &mappings()).await.unwrap(),
        [],
        "made from the template"
    );
    ward.setup.delete_template(&name).await.unwrap();
    ward.setup.delete_template(&name).await.unwrap();
}

#[tokio::test]
async fn documents_wait_for_a_mapping_that_is_behind() {
    let ward = Ward::new().await;
    let name = ward.names().index();
    ward.setup.delete_index(&name).await.unwrap();
    let mut behind = index(&ward.names(), 1);
    behind["mappings"]["properties"].as_object_mut().unwrap().remove("flags");
    ward.setup.ensure_index(&name, &behind).await.unwrap();
    let differences = ward.setup.mapping_differences(&name, &mappings()).await.unwrap();
    assert_eq!(
        differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [r#"flags is missing, but is to be {"ignore_above":8191,"type":"keyword"}"#]
    );

    let (store, condition) = ward.store();
    let writes = writes(10);
    let writing = start(store, &writes);
    fails(&condition, "MappingOutdated").await;
    assert!(!ward.make().await);
    assert_eq!(done(writing).await, []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
}

#[tokio::test]
async fn documents_may_look_otherwise() {
    let ward = Ward::new().await;
    let settings = bpmonitor_pipeline::cluster::elasticsearch::BulkSettings {
        render: |write, text| {
            text.extend_from_slice(format!("{{\"withdrawn\":{}}}", write.document.withdrawn).as_bytes());
            Ok(())
        },
        ..Default::default()
    };
    let (mut store, _) = ward.store_at(ward.connection.clone(), settings);
    assert_eq!(store.write(&[write(1, 1)]).await.unwrap(), []);
    assert_eq!(ward.held().await.into_values().next().unwrap().1, serde_json::json!({"withdrawn": false}));
}
