//! The status, once a second, as Server-Sent Events. <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Page;
use super::error::ApiError;

/// How often the status is sent.
const EVERY: Duration = Duration::from_secs(1);

/// One client's stream, which holds its turn as long as it is open.
struct Open {
    page: Arc<Page>,
    every: Interval,
    _turn: OwnedSemaphorePermit,
}

/// Sends the status until the ward stops.
pub(super) async fn events(
    State(page): State<Arc<Page>>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let turn = Arc::clone(&page.streams).try_acquire_owned().map_err(|_| too_many())?;
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Ok(Sse::new(unfold(Open { page, every, _turn: turn }, next)))
}

fn too_many() -> ApiError {
    let message = "too many look at the page already: close some, or ask for /api/v1/status instead";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message)
}

async fn next(mut open: Open) -> Option<(Result<Event, Infallible>, Open)> {
    tokio::select! {
        () = open.page.stop.cancelled() => None,
        _ = open.every.tick() => {
            let report = open.page.status.report();
            let event = Event::default().event("status").json_data(report).unwrap_or_default();
            Some((Ok(event), open))
        }
    }
}
