//! What a client says is wrong, and what to do about it.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::PublishError;

/// The last trouble that a client told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>);

impl Trouble {
    pub(crate) fn tell(&self, error: &KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        tracing::debug!(%code, "{reason}");
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That all are down follows from why the last one is.
        if code != RDKafkaErrorCode::AllBrokersDown || last.is_none() {
            *last = Some((code, reason.to_owned()));
        }
    }

    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is wrong, as far as the client said so; else what `error` says.
    pub(crate) fn because_of(&self, servers: &str, error: &dyn std::fmt::Display) -> PublishError {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((RDKafkaErrorCode::Authentication, reason)) => PublishError::Refused(format!(
                "Kafka at {servers} does not accept who this is: {reason}: check user name, password and mechanism \
                 (--kafka-username, --kafka-password-file, --kafka-mechanism), or the client certificate"
            )),
            Some((code, reason)) if code == RDKafkaErrorCode::SSL || is_alert(&reason) => {
                PublishError::Refused(format!(
                    "no TLS connection with Kafka at {servers}: {reason}: check --kafka-ca, the client certificate \
                 (--kafka-certificate, --kafka-key), and whether it is the listener for TLS"
                ))
            }
            Some((_, reason)) => unanswered(servers, &reason),
            None => unanswered(servers, error),
        }
    }
}

fn unanswered(servers: &str, reason: &dyn std::fmt::Display) -> PublishError {
    PublishError::Unavailable(format!(
        "Kafka at {servers} does not answer: {reason}: does it run, is this its address, and is the listener one with \
         TLS (without it only with --kafka-insecure)?"
    ))
}

/// Whether the broker ended a TLS connection. It refuses a client's certificate only after the handshake.
fn is_alert(reason: &str) -> bool {
    reason.contains("SSL alert number")
}

/// What a client logs is for those who look for a fault in it.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!(?level, facility, "{message}");
}
