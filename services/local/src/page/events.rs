//! The status, once a second, as Server-Sent Events. <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Page;

/// How often the status is sent.
const EVERY: Duration = Duration::from_secs(1);

/// Sends the status until the ward stops.
pub(super) async fn events(
    State(page): State<Arc<Page>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Sse::new(unfold((page, every), next))
}

async fn next(
    (page, mut every): (Arc<Page>, Interval),
) -> Option<(Result<Event, Infallible>, (Arc<Page>, Interval))> {
    tokio::select! {
        () = page.stop.cancelled() => None,
        _ = every.tick() => {
            let event = Event::default().event("status").json_data(page.status.report()).unwrap_or_default();
            Some((Ok(event), (page, every)))
        }
    }
}
