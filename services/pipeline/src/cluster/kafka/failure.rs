//! What Kafka's errors mean: a code, and what to do about it.

use rdkafka::Statistics;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Broker;

use crate::cluster::{Condition, Failure};

/// No broker answers.
const UNREACHABLE: &str = "KafkaUnreachable";
/// Why none does, where it is known.
const TLS_FAILED: &str = "KafkaTlsFailed";
const UNAUTHENTICATED: &str = "KafkaUnauthenticated";

/// Says what is wrong with a client. That nobody can be reached says less than why: what is known of that stays.
pub(super) fn tell(condition: &Condition, code: &'static str, advice: impl Into<String>) {
    let explains = |failure: Failure| matches!(failure.reason, TLS_FAILED | UNAUTHENTICATED);
    if code != UNREACHABLE || !condition.get().is_some_and(explains) {
        condition.failing(code, advice);
    }
}

/// Takes note that a client is connected, if it is: also one that has nothing to send.
pub(super) fn look(condition: &Condition, statistics: &Statistics) {
    let is_up = |broker: &Broker| broker.nodeid >= 0 && matches!(broker.state.as_str(), "UP" | "UPDATE");
    if statistics.brokers.values().any(is_up) {
        for reason in [UNREACHABLE, TLS_FAILED, UNAUTHENTICATED] {
            condition.recovered_from(reason);
        }
    }
}

/// What an error that librdkafka reports about the client itself means; none where it mends itself without being worth a word.
pub(super) fn of_client(error: &KafkaError, reason: &str) -> Option<(&'static str, String)> {
    let code = error.rdkafka_error_code()?;
    let (reason_code, advice) = of_code(code)?;
    Some((reason_code, format!("{advice} ({reason})")))
}

/// What an error means, as far as somebody has to do something about it.
pub(super) fn of_code(code: RDKafkaErrorCode) -> Option<(&'static str, &'static str)> {
    use RDKafkaErrorCode as Code;
    Some(match code {
        Code::AllBrokersDown => (
            UNREACHABLE,
            "no Kafka broker can be reached: are the bootstrap servers right, is Kafka running, and does it want a client certificate?",
        ),
        Code::Resolve => {
            (UNREACHABLE, "a Kafka broker's name is not known: are the bootstrap servers right?")
        }
        Code::SSL => (
            TLS_FAILED,
            "no encrypted connection to Kafka: does the CA match the brokers' certificates, is the port a TLS one, and is the \
             client's certificate wanted and valid?",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed => {
            (UNAUTHENTICATED, "Kafka refuses the credentials: are user name, password and mechanism right?")
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => (
            "KafkaForbidden",
            "this Kafka user may not do that: it needs Read and Describe on the observations' topic, Read on the group, Write on the \
             dead letters' topic",
        ),
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => (
            "TopicMissing",
            "the topic does not exist: make it, or give the right name; it is looked for every ten seconds",
        ),
        Code::PollExceeded => {
            ("KafkaPollTooLate", "the group took this member for stuck; it joins again by itself")
        }
        _ => return None,
    })
}

/// librdkafka's own log lines: what matters of them is said by conditions.
pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "librdkafka: {message}");
        }
        _ => tracing::debug!(facility, "librdkafka: {message}"),
    }
}
