//! Which topics are read and written.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

mod common;

use bpmonitor_settings::{TopicArgs, Topics};
use serde_json::{Value, json};

use common::{compare, manifest, parse, refusal};

fn topics(observations: &str, rejected: &str, state: &str, group: &str) -> Topics {
    let [observations, rejected, state, group] = [observations, rejected, state, group].map(str::to_owned);
    Topics { observations, rejected, state, group }
}

const REJECTED: &str = "bp.icu.ward-3.rejected";
const STATE: &str = "bp.icu.ward-3.state";
const GROUP: &str = "bp.icu.ward-3.classifier";

#[test]
fn names_follow_from_the_manifest_unless_given() {
    let named = json!({"kafka": {"topic": {"name": "vitals"}}});
    for (flags, spec, expected) in [
        (&[][..], json!({}), topics("bp.icu.ward-3.observations", REJECTED, STATE, GROUP)),
        (&[], named.clone(), topics("vitals", REJECTED, STATE, GROUP)),
        (&["--topic", "t"], named.clone(), topics("t", REJECTED, STATE, GROUP)),
        (&["--rejected-topic", "r", "--group", "g"], named, topics("vitals", "r", STATE, "g")),
        (
            &["--topic", "t", "--rejected-topic", "r", "--state-topic", "s", "--group", "g"],
            Value::Null,
            topics("t", "r", "s", "g"),
        ),
    ] {
        let args: TopicArgs = parse(flags).unwrap();
        let manifest = manifest(&spec);
        assert_eq!(args.observations(manifest.as_ref()).unwrap(), expected.observations);
        compare(&format!("{flags:?} with {spec}"), args.topics(manifest.as_ref()), Ok(expected));
    }
}

#[test]
fn without_a_manifest_what_is_missing_is_named() {
    for (flags, says) in [
        (&[][..], "--topic is not given"),
        (&["--topic", "t"], "--rejected-topic is not given"),
        (&["--topic", "t", "--rejected-topic", "r"], "--state-topic is not given"),
        (&["--topic", "t", "--rejected-topic", "r", "--state-topic", "s"], "--group is not given"),
    ] {
        let args: TopicArgs = parse(flags).unwrap();
        compare(&format!("{flags:?}"), args.topics(None), Err(&[says, "a manifest"]));
    }
    let args: TopicArgs = parse(&["--topic", "t"]).unwrap();
    assert_eq!(args.observations(None).unwrap(), "t");
}

#[test]
fn no_two_are_one_topic() {
    for (flags, says) in [
        (["--topic", REJECTED], "--topic and --rejected-topic"),
        (["--state-topic", "bp.icu.ward-3.observations"], "--topic and --state-topic"),
        (["--rejected-topic", STATE], "--rejected-topic and --state-topic"),
    ] {
        let args: TopicArgs = parse(&flags).unwrap();
        compare(&format!("{flags:?}"), args.topics(manifest(&json!({})).as_ref()), Err(&[says, flags[1]]));
    }
}

#[test]
fn names_are_checked_as_they_are_given() {
    let long = "x".repeat(250);
    for wrong in ["", ".", "..", "a b", "a/b", "é", &long] {
        let says = refusal::<TopicArgs>(&["--topic", wrong]);
        assert!(says.contains("--topic"), "{wrong}: {says}");
    }
    parse::<TopicArgs>(&["--topic", &long[1..]]).unwrap();
}
