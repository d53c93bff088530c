//! How Kibana writes its answers.

use axum::body::Body;
use axum::http::Response;
use serde_json::{Value, json};

/// A status and a body.
pub(super) type Answered = (u16, Value);

/// A refusal.
pub(super) fn refuse(status: u16, message: &str) -> Answered {
    (status, json!({"statusCode": status, "error": "Error", "message": message}))
}

/// An answer on its way.
pub(super) fn answer(status: u16, body: &Value) -> Response<Body> {
    let builder =
        Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    builder.body(Body::from(body.to_string())).expect("an answer")
}
