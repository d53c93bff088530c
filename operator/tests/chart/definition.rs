//! The custom resource's definition is the one of `crds/`, and goes with the chart as its values say.

use std::fs;

use serde_json::{Value, json};

use crate::helm::{Rendered, chart, render, root};

/// Its name.
pub(crate) const NAME: &str = "bpmonitors.bpmonitor.dev";

fn definition(rendered: &Rendered) -> &Value {
    rendered.one("CustomResourceDefinition", NAME)
}

#[test]
fn what_the_chart_has_is_what_it_was_copied_from() {
    for original in ["crds/bpmonitors.bpmonitor.dev.yaml", "operator/rbac.yaml"] {
        let original = root().join(original);
        let copy = chart().join("files").join(original.file_name().unwrap());
        let are_alike = fs::read(&original).unwrap() == fs::read(&copy).unwrap();
        assert!(are_alike, "{} is not {}: run `make crds`", copy.display(), original.display());
    }
}

#[test]
fn it_is_rendered_whole_and_kept() {
    let text = fs::read_to_string(root().join("crds/bpmonitors.bpmonitor.dev.yaml")).unwrap();
    let original: Value = serde_saphyr::from_str(&text).unwrap();
    let rendered = render(&[]);
    let definition = definition(&rendered);
    assert_eq!(definition["spec"], original["spec"]);
    assert_eq!(definition["metadata"]["annotations"], json!({"helm.sh/resource-policy": "keep"}));
    assert_eq!(definition["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm");
}

#[test]
fn it_goes_with_the_chart_or_does_not_come_where_that_is_asked_for() {
    let rendered = render(&["crds.keep=false"]);
    assert_eq!(definition(&rendered)["metadata"].get("annotations"), None);
    let rendered = render(&[r#"crds.annotations={"a": "b"}"#]);
    let annotations = json!({"helm.sh/resource-policy": "keep", "a": "b"});
    assert_eq!(definition(&rendered)["metadata"]["annotations"], annotations);
    assert!(render(&["crds.install=false"]).all("CustomResourceDefinition").is_empty());
}
