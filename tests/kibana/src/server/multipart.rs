//! The one file of an upload.

use axum::http::HeaderMap;

/// The content of the part `file`, whose file name must end as Kibana wants it.
pub(super) fn file(headers: &HeaderMap, body: &[u8]) -> Result<String, &'static str> {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let boundary =
        kind.strip_prefix("multipart/form-data; boundary=").ok_or("expected multipart/form-data")?;
    let text = std::str::from_utf8(body).map_err(|_| "expected text")?;
    let marker = format!("--{boundary}");
    let mut parts = text.split(marker.as_str()).skip(1).filter(|part| !part.starts_with("--"));
    let (Some(part), None) = (parts.next(), parts.next()) else { return Err("expected one part") };
    let (head, content) = part.split_once("\r\n\r\n").ok_or("expected a part")?;
    if !head.contains("name=\"file\"") {
        return Err("expected the part file");
    }
    let name = head.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    if !name.ends_with(".ndjson") {
        return Err("Invalid file extension: use .ndjson");
    }
    content.strip_suffix("\r\n").map(str::to_owned).ok_or("expected an end of the part")
}
