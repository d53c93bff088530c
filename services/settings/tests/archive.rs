//! Where normal readings are archived: every combination of flags, environment and manifest that matters.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_crds::ArchiveCompression;
use bpmonitor_pipeline::cluster::SecretSource;
use bpmonitor_pipeline::cluster::archive::{AccessKey, Compression, S3Settings};
use bpmonitor_settings::{ArchiveArgs, ArchiveTarget, AwsEnvironment};
use jiff::SignedDuration;
use serde_json::{Value, json};

use common::{Files, compare, manifest, refusal};

struct Table {
    files: Files,
}

impl Table {
    fn new() -> Self {
        Self { files: Files::new(&["ca", "id", "secret"]) }
    }

    fn compare(
        &self,
        flags: &str,
        aws: &AwsEnvironment,
        archive: &Value,
        expected: Result<ArchiveTarget, &[&str]>,
    ) {
        let spec = if archive.is_null() { Value::Null } else { json!({"archive": archive}) };
        let args = ArchiveArgs { aws: aws.clone(), ..self.files.flags(flags) };
        compare(
            &format!("{flags} with {aws:?} and {archive}"),
            args.target(manifest(&spec).as_ref()),
            expected,
        );
    }
}

fn bucket(name: &str, prefix: &str) -> S3Settings {
    let retention = Some(SignedDuration::from_hours(24 * 365));
    S3Settings { prefix: prefix.to_owned(), retention, ..S3Settings::new(name) }
}

fn value(text: &str) -> SecretSource {
    SecretSource::Value(text.to_owned())
}

/// An environment with a region, an access key and the token of a session.
fn session() -> AwsEnvironment {
    AwsEnvironment {
        region: Some("eu-west-3".to_owned()),
        access_key_id: Some(value("id")),
        secret_access_key: Some(value("hunter2")),
        session_token: Some(value("token hunter2")),
    }
}

#[test]
fn a_directory_or_a_bucket() {
    let table = Table::new();
    let nothing = AwsEnvironment::default();
    for (flags, expected) in [
        ("--archive /archive", ArchiveTarget::Directory("/archive".into())),
        ("--archive s3", ArchiveTarget::Directory("s3".into())),
        ("--archive s3://normal", ArchiveTarget::from(bucket("normal", ""))),
        ("--archive s3://normal/", ArchiveTarget::from(bucket("normal", ""))),
        ("--archive s3://normal/icu/ward-3/", ArchiveTarget::from(bucket("normal", "icu/ward-3"))),
        (
            "--archive s3://normal --s3-endpoint https://s3.example/ --s3-region local --s3-ca @ca",
            ArchiveTarget::from(S3Settings {
                endpoint: Some("https://s3.example".to_owned()),
                region: Some("local".to_owned()),
                ca: Some(table.files.path("ca")),
                ..bucket("normal", "")
            }),
        ),
        (
            "--archive s3://normal --s3-endpoint http://localhost:9000 --s3-insecure",
            ArchiveTarget::from(S3Settings {
                endpoint: Some("http://localhost:9000".to_owned()),
                insecure: true,
                ..bucket("normal", "")
            }),
        ),
    ] {
        table.compare(flags, &nothing, &Value::Null, Ok(expected));
    }
}

#[test]
fn flags_are_stronger_than_the_environment_and_the_manifest_is_between() {
    let table = Table::new();
    let of_session = |s3| S3Settings {
        access_key: Some(AccessKey {
            id: value("id"),
            secret: value("hunter2"),
            token: Some(value("token hunter2")),
        }),
        ..s3
    };
    let region = |region: &str, s3| S3Settings { region: Some(region.to_owned()), ..s3 };
    let [id, secret] = ["id", "secret"].map(|name| SecretSource::File(table.files.path(name)));
    let key = AccessKey { id, secret, token: None };
    let of_files = |s3| S3Settings { access_key: Some(key.clone()), ..s3 };
    let theirs = json!({"s3": {"bucket": "theirs", "region": "eu-central-1"}});
    let here = "--s3-region here --s3-access-key-id-file @id --s3-secret-access-key-file @secret";
    for (flags, archive, expected) in [
        ("--archive s3://normal", &Value::Null, of_session(region("eu-west-3", bucket("normal", "")))),
        (
            &format!("--archive s3://normal {here}"),
            &Value::Null,
            of_files(region("here", bucket("normal", ""))),
        ),
        ("", &theirs, of_session(region("eu-central-1", bucket("theirs", "icu/ward-3")))),
        (here, &theirs, of_files(region("here", bucket("theirs", "icu/ward-3")))),
        ("--archive s3://normal", &theirs, of_session(region("eu-west-3", bucket("normal", "")))),
    ] {
        table.compare(flags, &session(), archive, Ok(ArchiveTarget::from(expected)));
    }
}

#[test]
fn the_manifest_is_last() {
    let table = Table::new();
    let nothing = AwsEnvironment::default();
    let endpoint = |url: &str, insecure, s3| S3Settings { endpoint: Some(url.to_owned()), insecure, ..s3 };
    let lab =
        json!({"s3": {"bucket": "lab", "prefix": "/a/b/", "endpoint": "http://m:9000", "insecure": true}});
    let of_lab = || bucket("lab", "a/b");
    table.compare("", &nothing, &lab, Ok(ArchiveTarget::from(endpoint("http://m:9000", true, of_lab()))));
    let flag = "--s3-endpoint https://a:1";
    table.compare(flag, &nothing, &lab, Ok(ArchiveTarget::from(endpoint("https://a:1", false, of_lab()))));
    // Another endpoint than the manifest's needs the flag to go without encryption.
    table.compare(
        "--s3-endpoint http://a:1",
        &nothing,
        &lab,
        Err(&["http://a:1 is not encrypted", "--s3-insecure"]),
    );
    table.compare("--archive /archive", &nothing, &lab, Ok(ArchiveTarget::Directory("/archive".into())));
    let plain = json!({"s3": {"bucket": "lab"}, "compression": "none", "retention": "1d"});
    let retention = Some(SignedDuration::from_hours(24));
    let of_plain = S3Settings { compression: Compression::None, retention, ..bucket("lab", "icu/ward-3") };
    table.compare("", &nothing, &plain, Ok(ArchiveTarget::from(of_plain.clone())));
    let zstd = S3Settings { compression: Compression::Zstd, ..of_plain };
    table.compare("--archive-compression zstd", &nothing, &plain, Ok(ArchiveTarget::from(zstd)));
}

#[test]
fn what_cannot_be_says_what_to_change() {
    let table = Table::new();
    let nothing = AwsEnvironment::default();
    let half = AwsEnvironment { secret_access_key: None, ..session() };
    for (flags, aws, archive, says) in [
        ("", &nothing, Value::Null, ["no archive is given", "--archive DIR"]),
        ("", &nothing, json!({}), ["a volume", "--archive DIR"]),
        (
            "",
            &nothing,
            json!({"s3": {"bucket": "abc", "credentialsSecretRef": {"name": "s"}}}),
            ["credentialsSecretRef", "--s3-access-key-id-file"],
        ),
        (
            "",
            &nothing,
            json!({"s3": {"bucket": "abc", "endpoint": "https://m", "caSecretRef": {"name": "s"}}}),
            ["spec.archive.s3.caSecretRef", "--s3-ca"],
        ),
        ("--archive d --s3-region r", &nothing, Value::Null, ["--s3-region is for", "a directory"]),
        ("--archive d --s3-insecure", &nothing, Value::Null, ["--s3-insecure is for", "a directory"]),
        ("--archive s3://abc --s3-insecure --s3-ca @ca", &nothing, Value::Null, ["--s3-insecure", "--s3-ca"]),
        ("--archive s3://abc --s3-ca @gone", &nothing, Value::Null, ["--s3-ca", "No such file"]),
        (
            "--archive s3://abc --s3-endpoint http://a",
            &nothing,
            Value::Null,
            ["http://a is not encrypted", "--s3-insecure"],
        ),
        (
            "--s3-ca @ca",
            &nothing,
            json!({"s3": {"bucket": "abc", "endpoint": "http://m", "insecure": true}}),
            ["http://m is not encrypted", "--s3-ca"],
        ),
        (
            "--archive s3://abc --s3-endpoint https://nurse:hunter2@a",
            &nothing,
            Value::Null,
            ["--s3-endpoint must not", "password"],
        ),
        (
            "--archive s3://abc --s3-access-key-id-file @id",
            &session(),
            Value::Null,
            ["--s3-access-key-id-file needs", "--s3-secret-access-key-file"],
        ),
        (
            "--archive s3://abc --s3-secret-access-key-file @secret",
            &session(),
            Value::Null,
            ["--s3-secret-access-key-file needs", "--s3-access-key-id-file"],
        ),
        (
            "--archive s3://abc --s3-access-key-id-file @gone --s3-secret-access-key-file @secret",
            &nothing,
            Value::Null,
            ["--s3-access-key-id-file", "No such file"],
        ),
        ("--archive s3://abc", &half, Value::Null, ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "both"]),
    ] {
        table.compare(flags, aws, &archive, Err(&says));
    }
    for wrong in
        ["", "s3://", "s3://ab", "s3://Normal", "s3://a_b_c/x", "gs://normal", "https://s3.example/b"]
    {
        let says = refusal::<ArchiveArgs>(&["--archive", wrong]);
        assert!(says.contains("--archive"), "{wrong}: {says}");
    }
}

#[test]
fn compression_and_retention_are_the_flags_then_the_manifests() {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let theirs = json!({"archive": {"compression": "none", "retention": "30d"}});
    for (flags, spec, compression, retention) in [
        ("", Value::Null, ArchiveCompression::Zstd, days(365)),
        ("", theirs.clone(), ArchiveCompression::None, days(30)),
        ("--archive-compression zstd --archive-retention 7d", theirs, ArchiveCompression::Zstd, days(7)),
        ("--archive-compression none", Value::Null, ArchiveCompression::None, days(365)),
    ] {
        let args: ArchiveArgs = Table::new().files.flags(flags);
        let manifest = manifest(&spec);
        assert_eq!(args.compression(manifest.as_ref()), compression, "{flags} with {spec}");
        assert_eq!(args.retention(manifest.as_ref()), retention, "{flags} with {spec}");
    }
    for (flag, wrong) in [("--archive-retention", "1y"), ("--archive-compression", "gzip")] {
        let says = refusal::<ArchiveArgs>(&[flag, wrong]);
        assert!(says.contains(flag), "{says}");
    }
}

#[test]
fn secrets_are_never_shown() {
    let args = ArchiveArgs { aws: session(), ..Table::new().files.flags("--archive s3://normal") };
    let target = args.target(None).unwrap();
    assert!(!format!("{args:?} {target:?}").contains("hunter2"));
}
