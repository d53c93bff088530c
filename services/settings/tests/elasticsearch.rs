//! How Elasticsearch is reached: every combination of flags, secrets and manifest that matters.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::elasticsearch::{Authentication, ElasticsearchConnection};
use bpmonitor_settings::ElasticsearchArgs;
use serde_json::{Value, json};

use common::{Files, compare, manifest, refusal};

const KEY: &str = "key hunter2";
const PASSWORD: &str = "password hunter2";

/// Secrets of the environment: the API key and the password.
type Environment = (Option<&'static str>, Option<&'static str>);

struct Table {
    files: Files,
}

impl Table {
    fn new() -> Self {
        Self { files: Files::new(&["ca", "key", "password"]) }
    }

    fn given(&self, flags: &str, (key, password): Environment) -> ElasticsearchArgs {
        ElasticsearchArgs {
            elasticsearch_api_key: key.map(value),
            elasticsearch_password: password.map(value),
            ..self.files.flags(flags)
        }
    }

    fn compare(
        &self,
        flags: &str,
        environment: Environment,
        elasticsearch: &Value,
        expected: Result<ElasticsearchConnection, &[&str]>,
    ) {
        let spec =
            if elasticsearch.is_null() { Value::Null } else { json!({"elasticsearch": elasticsearch}) };
        let result = self.given(flags, environment).connection(manifest(&spec).as_ref());
        compare(&format!("{flags} with {environment:?} and {elasticsearch}"), result, expected);
    }
}

fn value(text: &str) -> SecretSource {
    SecretSource::Value(text.to_owned())
}

fn user(password: SecretSource) -> Authentication {
    Authentication::Password { username: "nurse".to_owned(), password }
}

fn at(url: &str) -> ElasticsearchConnection {
    ElasticsearchConnection { url: url.to_owned(), ca: None, authentication: Authentication::None }
}

#[test]
fn flags_are_taken_as_they_are() {
    let table = Table::new();
    let https = "https://search.example:9200";
    let file = |name| SecretSource::File(table.files.path(name));
    let as_whom = |authentication| ElasticsearchConnection { authentication, ..at(https) };
    let none = (None, None);
    for (flags, environment, expected) in [
        ("", none, at(https)),
        (
            "--elasticsearch-ca @ca",
            none,
            ElasticsearchConnection { ca: Some(table.files.path("ca").into()), ..at(https) },
        ),
        ("--elasticsearch-api-key-file @key", none, as_whom(Authentication::ApiKey(file("key")))),
        ("", (Some(KEY), None), as_whom(Authentication::ApiKey(value(KEY)))),
        (
            "--elasticsearch-api-key-file @key",
            (Some(KEY), None),
            as_whom(Authentication::ApiKey(file("key"))),
        ),
        ("--elasticsearch-username nurse", (None, Some(PASSWORD)), as_whom(user(value(PASSWORD)))),
        (
            "--elasticsearch-username nurse --elasticsearch-password-file @password",
            (None, Some(PASSWORD)),
            as_whom(user(file("password"))),
        ),
        ("--elasticsearch-insecure", none, at(https)),
    ] {
        let flags = format!("--elasticsearch-url https://search.example:9200/ {flags}");
        table.compare(&flags, environment, &Value::Null, Ok(expected));
    }
    let lab = "--elasticsearch-url http://localhost:9200 --elasticsearch-insecure";
    table.compare(lab, none, &Value::Null, Ok(at("http://localhost:9200")));
}

#[test]
fn the_manifest_is_last() {
    let table = Table::new();
    let none = (None, None);
    let theirs = json!({"url": "https://m:9200"});
    let insecure = json!({"url": "http://m:9200", "insecure": true});
    let auth = json!({"url": "https://m:9200", "auth": {"secretRef": {"name": "s"}}});
    table.compare("", none, &theirs, Ok(at("https://m:9200")));
    table.compare("", none, &insecure, Ok(at("http://m:9200")));
    table.compare("--elasticsearch-url https://a:1", none, &insecure, Ok(at("https://a:1")));
    // Another Elasticsearch than the manifest's needs the flag to go without encryption.
    table.compare("--elasticsearch-url http://a:1", none, &insecure, Err(&["http://a:1 is not encrypted"]));
    let expected = ElasticsearchConnection {
        authentication: Authentication::ApiKey(value(KEY)),
        ..at("https://m:9200")
    };
    table.compare("", (Some(KEY), None), &auth, Ok(expected));
}

#[test]
fn what_cannot_be_says_what_to_change() {
    let table = Table::new();
    let none = (None, None);
    let url = "--elasticsearch-url https://a:1";
    for (flags, environment, says) in [
        ("--elasticsearch-url http://a:1", none, ["http://a:1 is not encrypted", "--elasticsearch-insecure"]),
        (
            &format!("{url} --elasticsearch-insecure --elasticsearch-ca @ca"),
            none,
            ["--elasticsearch-insecure", "--elasticsearch-ca"],
        ),
        (
            &format!("{url} --elasticsearch-username nurse"),
            (Some(KEY), Some(PASSWORD)),
            ["two ways to authenticate", "--elasticsearch-api-key-file"],
        ),
        (url, (Some(KEY), Some(PASSWORD)), ["two ways to authenticate", "--elasticsearch-username"]),
        (
            &format!("{url} --elasticsearch-username nurse"),
            none,
            ["needs a password", "--elasticsearch-password-file"],
        ),
        (url, (None, Some(PASSWORD)), ["needs a user name", "--elasticsearch-username"]),
        (&format!("{url} --elasticsearch-ca @gone"), none, ["--elasticsearch-ca", "No such file"]),
        (
            &format!("{url} --elasticsearch-api-key-file @gone"),
            none,
            ["--elasticsearch-api-key-file", "No such file"],
        ),
        (
            &format!("{url} --elasticsearch-username n --elasticsearch-password-file @gone"),
            none,
            ["--elasticsearch-password-file", "No such file"],
        ),
        ("", none, ["no Elasticsearch is given", "--elasticsearch-url"]),
        ("--elasticsearch-url search:9200", none, ["--elasticsearch-url must be", "https"]),
        ("--elasticsearch-url ftp://a", none, ["--elasticsearch-url must be", "https"]),
        ("--elasticsearch-url https://a/?q=1", none, ["--elasticsearch-url must be", "https"]),
        ("--elasticsearch-url https://nurse:hunter2@a:1", none, ["--elasticsearch-url must not", "password"]),
    ] {
        table.compare(flags, environment, &Value::Null, Err(&says));
    }
}

#[test]
fn what_only_the_operator_can_resolve_is_said() {
    let table = Table::new();
    for (elasticsearch, says) in [
        (json!({}), ["the cluster bp-elasticsearch", "--elasticsearch-url"]),
        (json!({"clusterRef": {"name": "logs"}}), ["the cluster logs", "--elasticsearch-url"]),
        (
            json!({"url": "https://m:1", "caSecretRef": {"name": "s"}}),
            ["spec.elasticsearch.caSecretRef", "--elasticsearch-ca"],
        ),
        (
            json!({"url": "https://m:1", "auth": {"secretRef": {"name": "s"}}}),
            ["spec.elasticsearch.auth.secretRef", "--elasticsearch-api-key-file"],
        ),
    ] {
        table.compare("", (None, None), &elasticsearch, Err(&says));
        table.compare("--elasticsearch-url https://a:1", (None, None), &elasticsearch, Ok(at("https://a:1")));
    }
}

#[test]
fn index_and_alias_follow_from_the_manifest_unless_given() {
    let given: ElasticsearchArgs = common::parse(&["--index", "i", "--alias", "a"]).unwrap();
    let manifest = manifest(&json!({}));
    compare("given", given.alias(manifest.as_ref()), Ok("a".to_owned()));
    compare("derived", ElasticsearchArgs::default().alias(manifest.as_ref()), Ok("bp.icu.ward-3".to_owned()));
    compare("nothing", ElasticsearchArgs::default().alias(None), Err(&["--alias is not given"]));
    compare("given", given.index(manifest.as_ref()), Ok("i".to_owned()));
    let none = ElasticsearchArgs::default();
    compare("derived", none.index(manifest.as_ref()), Ok("bp.icu.ward-3.anomalies".to_owned()));
    compare("nothing", none.index(None), Err(&["--index is not given"]));
    for wrong in ["", "Ward", "a b", "_all", "-a", "+a", "a/b", "a,b", "a*", "..", &"x".repeat(256)] {
        let says = refusal::<ElasticsearchArgs>(&[&format!("--index={wrong}")]);
        assert!(says.contains("--index"), "{wrong}: {says}");
    }
}

#[test]
fn secrets_are_never_flags_and_never_shown() {
    for flag in ["--elasticsearch-api-key", "--elasticsearch-password"] {
        let says = refusal::<ElasticsearchArgs>(&[flag, "x"]);
        assert!(says.contains(&format!("unexpected argument '{flag}'")), "{says}");
    }
    let args = Table::new().given("--elasticsearch-url https://a:1", (Some(KEY), None));
    let connection = args.connection(None).unwrap();
    assert!(!format!("{args:?} {connection:?}").contains("hunter2"));
}
