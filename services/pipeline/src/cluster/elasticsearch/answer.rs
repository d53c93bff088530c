//! What Elasticsearch's answers to bulks mean. Its error texts quote documents, so only its types and statuses are read.

use std::borrow::Cow;

use serde::Deserialize;

use super::trouble::Trouble;

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there.
    Written,
    /// A newer version of it is there.
    Superseded,
    /// It is to be tried again.
    Retry(Trouble),
    /// It will never be taken.
    Poison,
    /// It was refused, and it is not known whether for what it says.
    Doubted,
}

/// What became of a bulk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of its documents are there.
    Written,
    /// One fate a document.
    Mixed(Vec<Fate>),
    /// None of them is there; all of them are to be tried again.
    Retry(Trouble),
    /// It is too large.
    TooLarge,
    /// It was refused as a whole, and it is not known why.
    Doubted,
}

/// As much of a bulk's answer as is needed: see Elasticsearch's `filter_path`.
pub(super) const FILTER: &str = "errors,items.*.status,items.*.error.type";

#[derive(Deserialize)]
struct BulkAnswer<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    index: ItemAnswer<'a>,
}

#[derive(Deserialize)]
struct ItemAnswer<'a> {
    status: u16,
    #[serde(borrow)]
    error: Option<ErrorType<'a>>,
}

#[derive(Deserialize)]
struct ErrorAnswer<'a> {
    #[serde(borrow)]
    error: ErrorType<'a>,
}

#[derive(Deserialize)]
struct ErrorType<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
}

/// Reads the answer to a bulk of so many documents.
pub(super) fn outcome(status: u16, body: &[u8], documents: usize) -> Outcome {
    match status {
        200 => of_items(body, documents),
        413 => Outcome::TooLarge,
        400 => Outcome::Doubted,
        _ => Outcome::Retry(trouble(status, &kind(body))),
    }
}

/// The type of error that an answer names; empty where it names none.
pub(super) fn kind(body: &[u8]) -> String {
    let answer = serde_json::from_slice::<ErrorAnswer<'_>>(body);
    let kind = answer.map(|answer| answer.error.kind.into_owned()).unwrap_or_default();
    // A type is the name of a Java class. Anything else may be a text that says more.
    let is_name =
        kind.len() <= 80 && kind.bytes().all(|byte| byte.is_ascii_lowercase() || b"_$".contains(&byte));
    if is_name { kind } else { String::new() }
}

fn of_items(body: &[u8], documents: usize) -> Outcome {
    if body.starts_with(br#"{"errors":false"#) {
        return Outcome::Written;
    }
    match serde_json::from_slice::<BulkAnswer<'_>>(body) {
        Ok(answer) if answer.items.len() == documents => {
            Outcome::Mixed(answer.items.iter().map(|item| fate(&item.index)).collect())
        }
        // Not Elasticsearch's answer to this bulk.
        _ => Outcome::Retry(Trouble::Unavailable),
    }
}

fn fate(item: &ItemAnswer<'_>) -> Fate {
    let kind = item.error.as_ref().map_or("", |error| error.kind.as_ref());
    match (item.status, kind) {
        (200..300, _) => Fate::Written,
        (409, _) => Fate::Superseded,
        (413, _)
        | (
            400,
            "document_parsing_exception" | "mapper_parsing_exception" | "strict_dynamic_mapping_exception",
        ) => Fate::Poison,
        (400, "index_closed_exception") => Fate::Retry(Trouble::IndexClosed),
        (400, "validation_exception") => Fate::Retry(Trouble::ShardLimit),
        (400, _) => Fate::Doubted,
        (status, kind) => Fate::Retry(trouble(status, kind)),
    }
}

/// What is wrong where it is nothing that documents say.
pub(super) fn trouble(status: u16, kind: &str) -> Trouble {
    match (status, kind) {
        (401, _) => Trouble::Unauthorized,
        (403, "cluster_block_exception") => Trouble::IndexReadOnly,
        (403, _) => Trouble::Forbidden,
        (404, _) => Trouble::IndexMissing,
        (408 | 504, _) => Trouble::TimedOut,
        (429, "cluster_block_exception") => Trouble::DiskFloodStage,
        (429, _) => Trouble::TooManyRequests,
        (503, "unavailable_shards_exception") => Trouble::IndexUnallocated,
        (500.., _) => Trouble::Unavailable,
        _ => Trouble::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_status_and_type() {
        let body = br#"{"errors":true,"items":[{"index":{"status":201}},
            {"index":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"\u0061"}}},
            {"index":{"status":400,"error":{"type":"document_parsing_exception"}}},
            {"index":{"status":400,"error":{"type":"illegal_argument_exception"}}},
            {"index":{"status":400,"error":{"type":"validation_exception"}}},
            {"index":{"status":403,"error":{"type":"cluster_block_exception"}}},
            {"index":{"status":429,"error":{"type":"cluster_block_exception"}}},
            {"index":{"status":429,"error":{"type":"es_rejected_execution_exception"}}},
            {"index":{"status":404,"error":{"type":"index_not_found_exception"}}},
            {"index":{"status":500}}]}"#;
        let fates = vec![
            Fate::Written,
            Fate::Superseded,
            Fate::Poison,
            Fate::Doubted,
            Fate::Retry(Trouble::ShardLimit),
            Fate::Retry(Trouble::IndexReadOnly),
            Fate::Retry(Trouble::DiskFloodStage),
            Fate::Retry(Trouble::TooManyRequests),
            Fate::Retry(Trouble::IndexMissing),
            Fate::Retry(Trouble::Unavailable),
        ];
        assert_eq!(outcome(200, body, 10), Outcome::Mixed(fates));
        assert_eq!(outcome(200, body, 9), Outcome::Retry(Trouble::Unavailable));
    }

    #[test]
    fn whole_bulks_are_judged_by_status() {
        let cases = [
            (200, r#"{"errors":false,"items":[]}"#, Outcome::Written),
            (200, "", Outcome::Retry(Trouble::Unavailable)),
            (200, "<html>", Outcome::Retry(Trouble::Unavailable)),
            (400, "", Outcome::Doubted),
            (
                401,
                r#"{"error":{"type":"security_exception"},"status":401}"#,
                Outcome::Retry(Trouble::Unauthorized),
            ),
            (
                403,
                r#"{"error":{"type":"security_exception"},"status":403}"#,
                Outcome::Retry(Trouble::Forbidden),
            ),
            (403, r#"{"error":{"type":"cluster_block_exception"}}"#, Outcome::Retry(Trouble::IndexReadOnly)),
            (404, "not found", Outcome::Retry(Trouble::IndexMissing)),
            (413, "", Outcome::TooLarge),
            (429, r#"{"error":"busy"}"#, Outcome::Retry(Trouble::TooManyRequests)),
            (503, "<html>", Outcome::Retry(Trouble::Unavailable)),
            (
                503,
                r#"{"error":{"type":"unavailable_shards_exception"}}"#,
                Outcome::Retry(Trouble::IndexUnallocated),
            ),
            (504, "", Outcome::Retry(Trouble::TimedOut)),
            (302, "", Outcome::Retry(Trouble::Refused)),
        ];
        for (status, body, expected) in cases {
            assert_eq!(outcome(status, body.as_bytes(), 1), expected, "{status} {body}");
        }
    }
}
