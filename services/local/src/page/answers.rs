//! Answers from the store: made beside the pipeline, kept for a moment, so that many who look cost little.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use axum::body::Bytes;
use bpmonitor_pipeline::embedded::{View, WardDirectory};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::error::ApiError;
use crate::status::Status;

/// How many answers are made at the same time; each has a connection of its own to the store.
const AT_ONCE: usize = 2;
/// How many times as long as it took to make an answer is kept while new readings come in.
const KEPT_TIMES: u32 = 10;
/// How long an answer is kept in which nothing but the time could change.
const KEPT_UNCHANGED: Duration = Duration::from_secs(5);
/// How many answers are kept.
const MOST: usize = 64;

/// An answer that was made.
struct Made {
    at: Instant,
    took: Duration,
    sequence: i64,
    body: Bytes,
}

impl Made {
    fn is_fresh(&self, sequence: i64) -> bool {
        let age = self.at.elapsed();
        age < self.took * KEPT_TIMES || (self.sequence == sequence && age < KEPT_UNCHANGED)
    }
}

/// An answer that is being made, for all who wait for it.
type Making = watch::Sender<Option<Result<Bytes, ApiError>>>;

/// Makes and keeps answers.
pub(super) struct Answers {
    directory: WardDirectory,
    status: Arc<Status>,
    idle: Mutex<Vec<View>>,
    turns: Arc<Semaphore>,
    /// What is being made, by question: whoever asks the same meanwhile waits for the same.
    making: Mutex<HashMap<String, Weak<Making>>>,
    made: Mutex<HashMap<String, Made>>,
}

impl Answers {
    pub(super) fn new(directory: WardDirectory, status: Arc<Status>) -> Self {
        Self {
            directory,
            status,
            idle: Mutex::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            making: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// The answer to a question, as JSON; `make` is asked where none is kept that is fresh enough.
    pub(super) async fn get<T: Serialize + 'static>(
        self: &Arc<Self>,
        question: String,
        make: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        if let Some(body) = self.kept(&question) {
            return Ok(body);
        }
        let mut waiting = self.joined(question, make);
        let answer = waiting.wait_for(Option::is_some).await.map(|answer| answer.clone());
        answer.ok().flatten().unwrap_or_else(|| Err(ApiError::internal(&anyhow!("an answer was given up"))))
    }

    /// What will hear of the answer; it is begun where nobody waits for it yet.
    fn joined<T: Serialize + 'static>(
        self: &Arc<Self>,
        question: String,
        make: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> watch::Receiver<Option<Result<Bytes, ApiError>>> {
        let mut making = locked(&self.making);
        if let Some(under_way) = making.get(&question).and_then(Weak::upgrade) {
            return under_way.subscribe();
        }
        let (answer, waiting) = watch::channel(None);
        let answer = Arc::new(answer);
        making.insert(question.clone(), Arc::downgrade(&answer));
        tokio::spawn(Arc::clone(self).answer(question, make, answer));
        waiting
    }

    /// Makes an answer when its turn comes, unless by then nobody waits for it.
    ///
    /// It does not belong to a request, for a query cannot be ended half way: what it takes is taken until it has ended.
    async fn answer<T: Serialize + 'static>(
        self: Arc<Self>,
        question: String,
        make: impl FnOnce(&View) -> Result<T> + Send + 'static,
        answer: Arc<Making>,
    ) {
        let Some(turn) = self.turn(&question, &answer).await else { return };
        let (answers, asked) = (Arc::clone(&self), question.clone());
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            // Whoever had the turn before may have made it.
            match answers.kept(&asked) {
                Some(body) => Ok(body),
                None => answers.make(asked, make),
            }
        });
        let done = done.await.map_err(anyhow::Error::from).flatten();
        locked(&self.making).remove(&question);
        answer.send_replace(Some(done.map_err(|error| ApiError::internal(&error))));
    }

    /// Waits for a turn; none where everybody who waited for the answer is gone.
    async fn turn(&self, question: &str, answer: &Making) -> Option<OwnedSemaphorePermit> {
        loop {
            tokio::select! {
                biased;
                () = answer.closed() => {
                    let mut making = locked(&self.making);
                    // Somebody may have come since.
                    if answer.is_closed() {
                        making.remove(question);
                        return None;
                    }
                }
                turn = Arc::clone(&self.turns).acquire_owned() => return turn.ok(),
            }
        }
    }

    fn kept(&self, question: &str) -> Option<Bytes> {
        let sequence = self.status.sequence();
        locked(&self.made).get(question).filter(|made| made.is_fresh(sequence)).map(|made| made.body.clone())
    }

    fn make<T: Serialize>(&self, question: String, make: impl FnOnce(&View) -> Result<T>) -> Result<Bytes> {
        let (at, sequence) = (Instant::now(), self.status.sequence());
        let idle = locked(&self.idle).pop();
        let view = idle.map_or_else(|| self.directory.view(), Ok)?;
        let body = Bytes::from(serde_json::to_vec(&make(&view)?)?);
        self.keep(view);
        let mut kept = locked(&self.made);
        kept.retain(|_, made| made.is_fresh(sequence));
        if kept.len() < MOST {
            kept.insert(question, Made { at, took: at.elapsed(), sequence, body: body.clone() });
        }
        Ok(body)
    }

    fn keep(&self, view: View) {
        let mut idle = locked(&self.idle);
        if idle.len() < AT_ONCE {
            idle.push(view);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use bpmonitor_pipeline::embedded::Compression;
    use bpmonitor_pipeline::{Monitor, Tally};
    use tempfile::TempDir;

    use super::*;

    /// Answers of a ward without readings; the ward is open as long as what comes first is kept.
    fn answers() -> (impl Sized, TempDir, Arc<Answers>) {
        let directory = tempfile::tempdir().unwrap();
        let ward = WardDirectory::new(directory.path());
        let monitor = Monitor { name: "ward-3".into(), namespace: "default".into() };
        let store = ward.open(&monitor, Compression::None).unwrap();
        let status = Arc::new(Status::new(Tally::default()));
        (store, directory, Arc::new(Answers::new(ward, status)))
    }

    /// Waits for what the other side of a channel says.
    async fn hear(began: mpsc::Receiver<()>) -> mpsc::Receiver<()> {
        tokio::task::spawn_blocking(move || began.recv().map(|()| began).unwrap()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_goes_away_leaves_no_work() {
        let (_store, _directory, answers) = answers();
        let (tell, mut began) = mpsc::channel();
        let (go_on, wait) = mpsc::channel::<()>();
        let (wait, times) = (Arc::new(Mutex::new(wait)), Arc::new(AtomicUsize::new(0)));
        let asking: Vec<_> = (0..20)
            .map(|number| {
                let (answers, tell) = (Arc::clone(&answers), tell.clone());
                let (wait, times) = (Arc::clone(&wait), Arc::clone(&times));
                tokio::spawn(async move {
                    let make = move |_: &View| {
                        times.fetch_add(1, Ordering::SeqCst);
                        tell.send(())?;
                        Ok(locked(&wait).recv()?)
                    };
                    answers.get(format!("question {number}"), make).await
                })
            })
            .collect();
        for _ in 0..AT_ONCE {
            began = hear(began).await;
        }
        for each in asking {
            each.abort();
            assert!(each.await.is_err_and(|error| error.is_cancelled()));
        }
        assert_eq!((times.load(Ordering::SeqCst), answers.turns.available_permits()), (AT_ONCE, 0));
        for _ in 0..AT_ONCE {
            go_on.send(()).unwrap();
        }
        let last = answers.get("the last question".to_owned(), |_| Ok(1)).await;
        assert_eq!(last.unwrap(), "1");
        let _all = answers.turns.acquire_many(u32::try_from(AT_ONCE).unwrap()).await.unwrap();
        assert_eq!(times.load(Ordering::SeqCst), AT_ONCE);
        assert!(locked(&answers.idle).len() <= AT_ONCE && locked(&answers.made).len() == AT_ONCE + 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_many_ask_is_made_once() {
        let (_store, _directory, answers) = answers();
        let times = Arc::new(AtomicUsize::new(0));
        let asking = (0..20).map(|_| {
            let times = Arc::clone(&times);
            answers.get("question".to_owned(), move |_| Ok(times.fetch_add(1, Ordering::SeqCst)))
        });
        for answer in futures_util::future::join_all(asking).await {
            assert_eq!(answer.unwrap(), "0");
        }
        let failed = answers.get("another".to_owned(), |_| Err::<(), _>(anyhow!("no"))).await;
        assert_eq!(failed.unwrap_err().code, "internal");
        assert!(locked(&answers.making).is_empty());
    }
}
