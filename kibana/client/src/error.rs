//! What Kibana would not do, with a reason for machines and a sentence that says what to do.

use std::fmt;

/// The longest text of Kibana's that is repeated, in characters.
const MOST_REPEATED: usize = 200;

/// What Kibana would not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct KibanaError {
    /// What was being done.
    pub what: String,
    /// The status of its answer; none where there was no answer.
    pub status: Option<u16>,
    /// A code, such as `KibanaUnreachable`.
    pub reason: &'static str,
    detail: String,
    advice: &'static str,
}

impl fmt::Display for KibanaError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)?;
        if let Some(status) = self.status {
            write!(formatter, ": answered with {status}")?;
        }
        if !self.detail.is_empty() {
            write!(formatter, ": {}", self.detail)?;
        }
        write!(formatter, ": {}", self.advice)
    }
}

impl KibanaError {
    pub(crate) fn unusable(why: &str) -> Self {
        Self::new("reaching Kibana", None, "KibanaSettingsUnusable", why, "change it")
    }

    pub(crate) fn unreachable(what: &str) -> Self {
        let advice =
            "Kibana does not answer: is it running, is its URL right, and are its certificates trusted?";
        Self::new(what, None, "KibanaUnreachable", "", advice)
    }

    pub(crate) fn starting(what: &str, status: u16, level: &str) -> Self {
        let advice =
            "Kibana is starting, or something it needs is down: see its log; it is asked again by itself";
        Self::new(what, Some(status), "KibanaStarting", level, advice)
    }

    pub(crate) fn import(detail: &str) -> Self {
        let advice = "nothing of it was written: is this Kibana older than 8.11? Its log says more";
        Self::new("importing the dashboards", Some(200), "ImportFailed", detail, advice)
    }

    pub(crate) fn lost(detail: &str) -> Self {
        let advice = "it was written, and is not there: does somebody remove it?";
        Self::new("reading back what was written", Some(200), "ReadBackFailed", detail, advice)
    }

    pub(crate) fn answered(what: &str, status: u16, message: &str) -> Self {
        let (reason, advice) = match status {
            401 => ("KibanaUnauthorized", "Kibana does not know this user: see the Secret with the login"),
            403 => (
                "KibanaForbidden",
                "the user may not: it needs all rights on saved objects, rules, connectors and spaces",
            ),
            404 => ("KibanaNotFound", "Kibana does not have this: is its URL right, with its base path?"),
            429 | 500.. => ("KibanaUnavailable", "see Kibana's log; it is asked again by itself"),
            300..=399 => (
                "KibanaElsewhere",
                "Kibana redirects: give the URL at which it answers itself, with its base path",
            ),
            _ => ("KibanaRefused", "see Kibana's log"),
        };
        Self::new(what, Some(status), reason, message, advice)
    }

    fn new(
        what: &str,
        status: Option<u16>,
        reason: &'static str,
        detail: &str,
        advice: &'static str,
    ) -> Self {
        let plain = detail.chars().map(|character| if character.is_control() { ' ' } else { character });
        Self { what: what.to_owned(), status, reason, detail: plain.take(MOST_REPEATED).collect(), advice }
    }
}
