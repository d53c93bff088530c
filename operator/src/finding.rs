//! What was found out about a part: whether it is well, and if not, what to do.

/// Whether something is so, with a reason for machines and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is so.
    pub holds: bool,
    /// A word in `CamelCase`.
    pub reason: String,
    /// A sentence that says what to do where it is not so.
    pub message: String,
}

impl Finding {
    /// It is so.
    pub fn yes(reason: &str, message: impl Into<String>) -> Self {
        Self { holds: true, reason: reason.to_owned(), message: message.into() }
    }

    /// It is not so.
    pub fn no(reason: &str, message: impl Into<String>) -> Self {
        Self { holds: false, reason: reason.to_owned(), message: message.into() }
    }
}

/// Something that was looked for, or what is wrong with it.
pub type Looked<T> = Result<T, Finding>;
