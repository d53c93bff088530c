//! What ends a reconcile, to be tried again later.

use std::time::Duration;

use kube::runtime::finalizer;

/// What ends a reconcile, to be tried again later. None shows what a Secret holds.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server would not, or could not.
    #[error("{what}: {source}")]
    Kube {
        /// What was being done.
        what: String,
        /// Its answer.
        source: Box<kube::Error>,
    },
    /// The namespace is going, and takes everything with it.
    #[error("the namespace is being deleted")]
    NamespaceTerminating,
    /// It is not known yet what is there.
    #[error("what is there is not listed yet: {0}: may the operator's service account list and watch them?")]
    NotListed(String),
    /// It took too long.
    #[error("it took longer than {} s: is the API server slow, or what it asks?", .0.as_secs())]
    TookTooLong(Duration),
    /// Something could not be written as JSON or YAML.
    #[error("writing {what}: {error}")]
    Unwritable {
        /// What.
        what: &'static str,
        /// Why.
        error: String,
    },
    /// The finalizer could not be set or removed.
    #[error("the finalizer: {0}")]
    Finalizer(Box<finalizer::Error<Self>>),
    /// What is to go could not be removed yet.
    #[error("removing what belongs to the monitor: {0}")]
    Cleanup(String),
}

impl Error {
    /// A failure of the API server, with what was being done.
    pub fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |error| {
            if is_namespace_terminating(&error) {
                return Self::NamespaceTerminating;
            }
            Self::Kube { what, source: Box::new(error) }
        }
    }

    /// Whether the API server refuses what the spec asks for, so that only another spec helps.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Kube { source, .. } => has_code(source, 422),
            _ => false,
        }
    }

    /// A word for metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Kube { .. } => "kubernetes",
            Self::NamespaceTerminating => "namespace-terminating",
            Self::NotListed(_) => "not-listed",
            Self::TookTooLong(_) => "took-too-long",
            Self::Unwritable { .. } => "unwritable",
            Self::Finalizer(_) => "finalizer",
            Self::Cleanup(_) => "cleanup",
        }
    }
}

/// Whether nothing can be made because the namespace is going.
fn is_namespace_terminating(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// Whether the API server says that something is not there, or that there is no such kind.
pub fn is_not_found(error: &kube::Error) -> bool {
    has_code(error, 404)
}

/// By its code: of a kind that is not there the API server says so in plain text, without a reason.
fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// Whether the API server has another version of the object by now.
pub fn is_conflict(error: &Error) -> bool {
    matches!(error, Error::Kube { source, .. } if has_code(source, 409))
}

/// Whether the API server says that we may not.
pub fn is_forbidden(error: &kube::Error) -> bool {
    has_code(error, 403)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_is_not_found_is_known_by_its_code() {
        let of = |reason: &str, code| {
            kube::Error::Api(Status::failure("404 page not found", reason).with_code(code).boxed())
        };
        assert!(is_not_found(&of("NotFound", 404)));
        assert!(is_not_found(&of("Failed to parse error data", 404)), "there is no such kind");
        assert!(!is_not_found(&of("Forbidden", 403)));
        assert!(is_forbidden(&of("Forbidden", 403)));
    }
}
