//! Load in the background: messages published at a rate until it is told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::kafka::Kafka;
use super::mixture::{Mixture, Sent};
use super::pass;
use super::publisher::Publisher;

/// Messages published in the background.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Sent>>>,
}

/// How often messages are published.
const EVERY: Duration = Duration::from_millis(20);

impl Load {
    /// Publishes so many a second.
    pub(crate) fn start(kafka: &Kafka, topic: &str, mut mixture: Mixture, per_second: u32) -> Self {
        let (kafka, topic, stop) = (kafka.clone(), topic.to_owned(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut publisher = Publisher::new(&kafka, &topic);
            let (begun, mut all) = (Instant::now(), Vec::new());
            while !stopped.load(Ordering::Relaxed) {
                let due = begun.elapsed().as_millis() * u128::from(per_second) / 1000;
                let missing = usize::try_from(due).unwrap().saturating_sub(all.len());
                let messages = mixture.take(missing);
                publisher.send_all(&messages);
                all.extend(messages);
                pass(EVERY);
            }
            publisher.finish();
            all
        });
        Self { stop, thread: Some(thread) }
    }

    /// Stops, and waits until all is acknowledged; gives what was published.
    pub(crate) fn stop(mut self) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
