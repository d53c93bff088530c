//! How a type states its CEL rules (`x-kubernetes-validations`), which the API server and the manifest reader run.

use kube::core::{Reason, Rule, validate};
use schemars::Schema;

/// Appends rules to the schema they judge.
#[expect(clippy::expect_used, reason = "a rule is plain strings, which always serialise")]
pub(crate) fn add(schema: &mut Schema, rules: impl IntoIterator<Item = Rule>) {
    for rule in rules {
        validate(schema, rule).expect("a rule serialises");
    }
}

/// A rule on the value that carries it.
pub(crate) fn rule(expression: impl Into<String>, message: &str) -> Rule {
    Rule::new(expression).message(message).reason(Reason::FieldValueInvalid)
}

/// A rule whose failure is shown at `field` below the value that carries it (`.url`).
pub(crate) fn rule_at(field: &str, expression: impl Into<String>, message: &str) -> Rule {
    rule(expression, message).field_path(field)
}

/// A rule that some setting makes no sense here and has to go.
pub(crate) fn forbidden_at(field: &str, expression: impl Into<String>, message: &str) -> Rule {
    rule_at(field, expression, message).reason(Reason::FieldValueForbidden)
}

/// Keeps a value as it was set when the resource was made; `why` says what a change would break.
pub(crate) fn immutable(why: &str) -> Rule {
    let message = format!("cannot be changed, {why}: set it back, or create another BpMonitor");
    rule("self == oldSelf", &message).reason(Reason::FieldValueForbidden)
}

/// Refuses two ways to reach one service: the operator would have to guess which is meant.
pub(crate) fn one_way(first: &str, second: &str) -> Rule {
    forbidden_at(
        &format!(".{second}"),
        format!("!has(self.{first}) || !has(self.{second})"),
        &format!("cannot be set beside {first}: remove one of them"),
    )
}

/// Refuses `fields` without the field they belong to.
pub(crate) fn only_with<'a>(owner: &'a str, fields: &'a [&'a str]) -> impl Iterator<Item = Rule> + 'a {
    fields.iter().map(move |field| {
        forbidden_at(
            &format!(".{field}"),
            format!("has(self.{owner}) || !has(self.{field})"),
            &format!("belongs to {owner}, which is not set: remove it, or set {owner}"),
        )
    })
}

/// Wants an HTTP URL with a host, over TLS unless `insecure` says otherwise.
pub(crate) fn http_url(field: &str) -> [Rule; 2] {
    let value = format!("self.{field}");
    let at = format!(".{field}");
    [
        rule_at(
            &at,
            format!(
                "!has({value}) || (isURL({value}) && url({value}).getScheme() in ['http', 'https'] \
                 && url({value}).getHost() != '')"
            ),
            "must be an http or https URL with a host, as in https://search.example:9200",
        ),
        rule_at(
            &at,
            format!("!has({value}) || !{value}.startsWith('http://') || self.insecure"),
            "is not encrypted: use https, or set insecure: true beside it",
        ),
    ]
}
