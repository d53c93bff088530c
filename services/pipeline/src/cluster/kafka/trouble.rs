//! What is wrong with Kafka, for those who wait for an answer: what the client said meanwhile, and what to do about it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::failure;

/// How long a client may take to say why it does not answer.
const SAYS_WITHIN: Duration = Duration::from_millis(200);
/// How long one try to reach Kafka may take.
const TRY: Duration = Duration::from_secs(1);

/// What is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{advice}")]
pub struct KafkaTrouble {
    /// A code, such as `KafkaUnreachable`.
    pub reason: &'static str,
    /// What happened and what to do.
    pub advice: String,
    /// What librdkafka calls it.
    pub code: Option<RDKafkaErrorCode>,
}

impl KafkaTrouble {
    /// What an answer means.
    pub fn of(error: &KafkaError) -> Self {
        let code = match error {
            KafkaError::AdminOp(code) => Some(*code),
            other => other.rdkafka_error_code(),
        };
        let (reason, advice) = match code.and_then(failure::of_code) {
            Some((reason, advice)) => (reason, format!("{advice} ({error})")),
            None => ("KafkaRefuses", error.to_string()),
        };
        Self { reason, advice, code }
    }

    fn said(code: RDKafkaErrorCode, words: &str) -> Self {
        let unreachable = failure::of_code(RDKafkaErrorCode::AllBrokersDown);
        let (reason, advice) = failure::of_code(code).or(unreachable).unwrap_or_default();
        Self { reason, advice: format!("{advice} ({words})"), code: Some(code) }
    }

    /// Whether Kafka was reached, and does not let this user do it.
    pub fn is_forbidden(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.code,
            Some(
                Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
            )
        )
    }

    /// Whether another try will come to the same, until somebody changes settings.
    fn is_lasting(&self) -> bool {
        use RDKafkaErrorCode as Code;
        matches!(
            self.code,
            Some(Code::SSL | Code::Authentication | Code::SaslAuthenticationFailed | Code::Resolve)
        )
    }
}

/// The context of a client that somebody waits for: it keeps what the client says is wrong.
#[derive(Clone, Debug, Default)]
pub struct Listening(Arc<Mutex<Option<(RDKafkaErrorCode, String)>>>);

impl Listening {
    /// Waits until the client's Kafka answers, for so long at most.
    ///
    /// # Errors
    ///
    /// It does not, and why.
    pub fn reach(&self, client: &BaseConsumer<Self>, limit: Duration) -> Result<(), KafkaTrouble> {
        let until = Instant::now() + limit;
        loop {
            let Err(error) = client.fetch_metadata(None, TRY) else { return Ok(()) };
            let trouble = self.explain(client, &error);
            if trouble.is_lasting() || Instant::now() >= until {
                return Err(trouble);
            }
        }
    }

    /// Why a request failed: what the client says of it, else what the error does.
    pub fn explain(&self, client: &BaseConsumer<Self>, error: &KafkaError) -> KafkaTrouble {
        use RDKafkaErrorCode as Code;
        let code = error.rdkafka_error_code();
        let is_unanswered = matches!(
            code,
            Some(
                Code::OperationTimedOut
                    | Code::BrokerTransportFailure
                    | Code::AllBrokersDown
                    | Code::RequestTimedOut
            )
        );
        if !is_unanswered {
            return KafkaTrouble::of(error);
        }
        // What it says waits among its events.
        let until = Instant::now() + SAYS_WITHIN;
        while Instant::now() < until {
            drop(client.poll(Duration::from_millis(20)));
        }
        match &*self.locked() {
            Some((code, words)) => KafkaTrouble::said(*code, words),
            None => KafkaTrouble::said(Code::AllBrokersDown, &error.to_string()),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Option<(RDKafkaErrorCode, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Listening {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode as Code;
        let Some(code) = error.rdkafka_error_code() else { return };
        tracing::debug!(%code, "librdkafka: {reason}");
        let mut said = self.locked();
        // No group is joined, so the rights to one do not matter; and that all brokers are down follows from why the last one is.
        let says_more = code != Code::AllBrokersDown || said.is_none();
        if says_more && code != Code::GroupAuthorizationFailed {
            *said = Some((code, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Listening {}
