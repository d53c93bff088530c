//! How a request fails: a status, a code, and a message that says what to do.

use axum::Json;
use axum::body::to_bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The longest message of an error that is passed on, in bytes.
const MESSAGE_BYTES: usize = 4096;

/// An error of the API.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Something failed here; the log says what, and the answer does not quote it.
    pub(super) fn internal(error: &anyhow::Error) -> Self {
        tracing::error!("answering a request: {error:#}");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the ward's store could not be read; the log of bpmonitor says why",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code, "message": self.message}});
        (self.status, Json(body)).into_response()
    }
}

pub(super) async fn no_such_answer() -> ApiError {
    ApiError::not_found("there is no such answer: docs/api.md lists them")
}

pub(super) async fn no_such_method() -> ApiError {
    let message =
        "there is no such method here: the header Allow lists those that are, docs/api.md says what they do";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

/// An answer as it is, or, where a library refused the request with a text, the same as an error of the API.
pub(super) async fn as_documented(answer: Response) -> Response {
    let status = answer.status();
    let is_json = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let text = to_bytes(answer.into_body(), MESSAGE_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let message = match text.trim() {
        "" => "this request cannot be answered: docs/api.md says what can be asked",
        text => &format!("{text}; docs/api.md says what can be asked"),
    };
    ApiError::new(status, code_of(status), message).into_response()
}

fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        status if status.is_server_error() => "internal",
        _ => "bad_request",
    }
}
