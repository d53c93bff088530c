//! The operator's rights are those of `rbac.yaml`, in all namespaces or in those that are listed; people's come with the cluster's own roles.

use std::fs;

use serde_json::{Value, json};

use crate::helm::{NAMESPACE, Rendered, render, root};

/// The rules of `rbac.yaml`: the operator's own, and those for the Lease.
fn rules() -> [Value; 2] {
    let text = fs::read_to_string(root().join("operator/rbac.yaml")).unwrap();
    let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap();
    let rules: Vec<Value> = documents.into_iter().map(|document| document["rules"].clone()).collect();
    rules.try_into().unwrap()
}

/// Who has a role: whom each binding of it names.
fn bound(rendered: &Rendered, kind: &str, role: &Value) -> Vec<Value> {
    let of_role = |binding: &&Value| {
        binding["roleRef"]["kind"] == role["kind"]
            && binding["roleRef"]["name"] == role["metadata"]["name"]
            && binding["metadata"]["namespace"] == role["metadata"]["namespace"]
    };
    rendered.all(kind).into_iter().filter(of_role).map(|binding| binding["subjects"].clone()).collect()
}

fn operator(name: &str) -> Value {
    json!([{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}])
}

#[test]
fn in_all_namespaces() {
    let [own, lease] = rules();
    let rendered = render(&[]);
    let role = rendered.one("ClusterRole", "bp-monitor-operator");
    assert_eq!(role["rules"], own);
    assert_eq!(bound(&rendered, "ClusterRoleBinding", role), [operator("bp-monitor-operator")]);
    let roles = rendered.all("Role");
    assert_eq!(roles.len(), 1);
    assert_eq!((&roles[0]["rules"], &roles[0]["metadata"]["namespace"]), (&lease, &json!(NAMESPACE)));
    assert_eq!(bound(&rendered, "RoleBinding", roles[0]), [operator("bp-monitor-operator")]);
}

#[test]
fn in_those_that_are_listed_and_nowhere_else() {
    let [own, lease] = rules();
    let rendered = render(&[
        r#"namespaces=["ward", "clinic"]"#,
        r#"referencedNamespaces=["kafka", "ward"]"#,
        "rbac.aggregate=false",
    ]);
    assert!(rendered.all("ClusterRole").is_empty() && rendered.all("ClusterRoleBinding").is_empty());
    let roles = rendered.all("Role");
    let places: Vec<_> = roles
        .iter()
        .map(|role| {
            (role["metadata"]["namespace"].as_str().unwrap(), role["rules"] == own, role["rules"] == lease)
        })
        .collect();
    assert_eq!(
        places,
        [("clinic", true, false), ("kafka", true, false), ("ward", true, false), (NAMESPACE, false, true)]
    );
    for role in roles {
        assert_eq!(bound(&rendered, "RoleBinding", role), [operator("bp-monitor-operator")]);
    }
    let arguments = rendered.container()["args"].as_array().unwrap();
    assert!(
        arguments.contains(&json!("--namespaces=ward,clinic")),
        "what is only referred to is not seen to"
    );
}

#[test]
fn none_where_somebody_else_gives_them() {
    let rendered =
        render(&["rbac.create=false", "serviceAccount.create=false", r#"serviceAccount.name="given""#]);
    for kind in ["Role", "RoleBinding", "ClusterRoleBinding", "ServiceAccount"] {
        assert!(rendered.all(kind).is_empty(), "{kind}");
    }
    assert_eq!(rendered.deployment()["spec"]["template"]["spec"]["serviceAccountName"], "given");
}

#[test]
fn people_get_theirs_with_the_clusters_own_roles() {
    let rendered = render(&[]);
    let aggregated = |name: &str| -> Vec<&str> {
        let labels = rendered.one("ClusterRole", name)["metadata"]["labels"].as_object().unwrap();
        labels
            .keys()
            .filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"))
            .collect()
    };
    assert_eq!(aggregated("bp-monitor-view"), ["admin", "edit", "view"]);
    assert_eq!(aggregated("bp-monitor-edit"), ["admin", "edit"]);
    let verbs = |name: &str| -> Vec<&str> {
        let rules = rendered.one("ClusterRole", name)["rules"].as_array().unwrap();
        rules.iter().flat_map(|rule| rule["verbs"].as_array().unwrap()).filter_map(Value::as_str).collect()
    };
    assert_eq!(verbs("bp-monitor-view"), ["get", "list", "watch"]);
    assert!(verbs("bp-monitor-edit").contains(&"create"));
}
