//! What Kafka's errors mean: a code, and what to do about it.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// No broker answers.
pub(super) const UNREACHABLE: &str = "KafkaUnreachable";

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
        Code::AllBrokersDown => {
            (UNREACHABLE, "no Kafka broker can be reached: are the bootstrap servers right, and is Kafka running?")
        }
        Code::Resolve => (UNREACHABLE, "a Kafka broker's name is not known: are the bootstrap servers right?"),
        Code::SSL => (
            "KafkaTlsFailed",
            "no encrypted connection to Kafka: does the CA match the brokers' certificates, is the port a TLS one, and is the \
             client's certificate wanted and valid?",
        ),
        Code::Authentication | Code::SaslAuthenticationFailed => {
            ("KafkaUnauthenticated", "Kafka refuses the credentials: are user name, password and mechanism right?")
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
