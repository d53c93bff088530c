//! How a process is told to end: the first signal asks it to, the second one ends it.

use std::future::pending;

use tokio::signal::unix::{Signal, SignalKind};
use tokio_util::sync::CancellationToken;

/// The exit code of a program that an interrupt ended, as shells have it: 128 and the signal's number.
const ENDED_AT_ONCE: i32 = 130;

/// Waits for SIGINT (Ctrl-C) or SIGTERM. From then on another one ends the process at once, with exit code 130. Must be called
/// where a tokio runtime is.
pub async fn signal() {
    let Some(mut signals) = Signals::catch() else { return pending().await };
    signals.next().await;
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(ENDED_AT_ONCE);
    });
}

/// Cancels on SIGINT (Ctrl-C) or SIGTERM: what was read is made durable, then the run ends. Another one ends the process at once.
pub async fn cancel_on_signal(stop: CancellationToken) {
    signal().await;
    tracing::info!(
        "stopping: what was read is made durable first; once more ends at once, and nothing is lost by it either"
    );
    stop.cancel();
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> Option<Self> {
        let caught = [SignalKind::interrupt(), SignalKind::terminate()].map(tokio::signal::unix::signal);
        let [Ok(interrupt), Ok(terminate)] = caught else {
            tracing::warn!("signals cannot be caught: an interrupt ends at once; nothing is lost by it");
            return None;
        };
        Some(Self { interrupt, terminate })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
