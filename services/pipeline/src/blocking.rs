//! Waiting for work that blocks a thread.

use tokio::task::spawn_blocking;

/// Does it on a thread of its own, and gives its result; a panic in it goes on here.
pub(crate) async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends: nobody waits for the result.
            Err(_) => std::future::pending().await,
        },
    }
}
