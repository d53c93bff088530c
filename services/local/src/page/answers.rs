//! Answers from the store: made beside the pipeline, kept for a moment, so that many who look cost little.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::body::Bytes;
use bpmonitor_pipeline::embedded::{View, WardDirectory};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::live::Status;

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

/// Makes and keeps answers.
pub(super) struct Answers {
    directory: WardDirectory,
    status: Arc<Status>,
    idle: Mutex<Vec<View>>,
    turns: Semaphore,
    made: Mutex<HashMap<String, Made>>,
}

impl Answers {
    pub(super) fn new(directory: WardDirectory, status: Arc<Status>) -> Self {
        let turns = Semaphore::new(AT_ONCE);
        Self { directory, status, idle: Mutex::default(), turns, made: Mutex::default() }
    }

    /// The answer to a question, as JSON; `make` is asked where none is kept that is fresh enough.
    pub(super) async fn get<T: Serialize>(
        self: &Arc<Self>,
        question: String,
        make: impl FnOnce(&View) -> Result<T> + Send + 'static,
    ) -> Result<Bytes, ApiError> {
        if let Some(body) = self.kept(&question) {
            return Ok(body);
        }
        let _turn = self.turns.acquire().await;
        // Whoever had the turn before may have made it.
        if let Some(body) = self.kept(&question) {
            return Ok(body);
        }
        let answers = Arc::clone(self);
        let answer = tokio::task::spawn_blocking(move || answers.make(question, make)).await;
        answer.map_err(anyhow::Error::from).flatten().map_err(|error| ApiError::internal(&error))
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
        locked(&self.idle).push(view);
        let mut kept = locked(&self.made);
        kept.retain(|_, made| made.is_fresh(sequence));
        if kept.len() < MOST {
            kept.insert(question, Made { at, took: at.elapsed(), sequence, body: body.clone() });
        }
        Ok(body)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
