//! Elasticsearch's bulks: taken apart by item, and their answers put together.

use serde_json::{Value, json};

/// How many items a bulk of `index` actions has: two lines each.
pub(crate) fn items(body: &[u8]) -> usize {
    lines(body).count() / 2
}

/// The bulk of the first, third, fifth... item.
pub(crate) fn every_other(body: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = lines(body).collect();
    lines.chunks(2).step_by(2).flatten().flat_map(|line| line.iter().copied()).collect()
}

/// The answer for `items` items of which every other one passed and was answered with `answer`.
pub(crate) fn merged(answer: &[u8], items: usize) -> String {
    let answer: Value = serde_json::from_slice(answer).expect("Elasticsearch answers in JSON");
    let mut passed = answer["items"].as_array().expect("a bulk's answer has items").iter();
    let refused =
        json!({"index": {"status": 429, "error": {"type": kind_of(429), "reason": "injected by a test"}}});
    let merged = (0..items).map(|item| match item % 2 {
        0 => passed.next().expect("an answer for each item").clone(),
        _ => refused.clone(),
    });
    let merged: Vec<_> = merged.collect();
    json!({"errors": items > 1 || answer["errors"] == true, "items": merged, "took": answer["took"]})
        .to_string()
}

/// The type of error that Elasticsearch gives with this status.
pub(crate) const fn kind_of(status: u16) -> &'static str {
    match status {
        401 | 403 => "security_exception",
        404 => "index_not_found_exception",
        413 => "content_too_long_exception",
        429 => "es_rejected_execution_exception",
        503 => "master_not_discovered_exception",
        _ => "exception",
    }
}

fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_item_passes_and_all_are_answered() {
        let body = b"{\"index\":1}\n{\"a\":1}\n{\"index\":2}\n{\"a\":2}\n{\"index\":3}\n{\"a\":3}\n";
        assert_eq!(items(body), 3);
        assert_eq!(every_other(body), b"{\"index\":1}\n{\"a\":1}\n{\"index\":3}\n{\"a\":3}\n");
        let answer =
            br#"{"errors":false,"took":1,"items":[{"index":{"status":201}},{"index":{"status":200}}]}"#;
        let merged: Value = serde_json::from_str(&merged(answer, 3)).unwrap();
        let statuses: Vec<_> = (0..3).map(|item| merged["items"][item]["index"]["status"].clone()).collect();
        assert_eq!((statuses, &merged["errors"]), (vec![json!(201), json!(429), json!(200)], &json!(true)));
    }
}
