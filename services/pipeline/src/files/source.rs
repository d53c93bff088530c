//! The file source: each file from its position, one after another, to the end or following them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::open::Open;
use super::{FilePosition, Input};
use crate::{Message, PortError, Source, Used};

/// How often followed files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Gives further files while others are read.
pub trait Feed: Send {
    /// The files that came since the last look. Must not wait.
    ///
    /// # Errors
    ///
    /// What looking fails with.
    fn look(&mut self) -> Result<Vec<Input>, PortError>;
}

/// No further files.
#[derive(Clone, Copy, Debug)]
pub struct NoFeed;

impl Feed for NoFeed {
    fn look(&mut self) -> Result<Vec<Input>, PortError> {
        Ok(Vec::new())
    }
}

/// Reads files one after another.
#[derive(Debug)]
pub struct FileSource<F> {
    waiting: VecDeque<Input>,
    /// What the feed gave.
    asked_for: VecDeque<Input>,
    /// Followed files whose end was reached, to be looked at again.
    resting: Vec<Open>,
    /// Followed files that have changed since.
    changed: VecDeque<Open>,
    current: Option<Open>,
    /// How far each file was used. Of what was given for it, the position may be older: it is what is durable.
    used: HashMap<Arc<str>, FilePosition>,
    feed: F,
    look: Interval,
    /// Whether to wait for the feed where nothing else is left.
    stays: bool,
}

impl<F: Feed> FileSource<F> {
    /// Reads these files in this order, and what the feed gives. Ends when all are read and none is followed.
    /// Needs a tokio runtime with time.
    pub fn new(inputs: impl IntoIterator<Item = Input>, feed: F) -> Self {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            waiting: inputs.into_iter().collect(),
            asked_for: VecDeque::new(),
            resting: Vec::new(),
            changed: VecDeque::new(),
            current: None,
            used: HashMap::new(),
            feed,
            look,
            stays: false,
        }
    }

    /// The same which never ends: it waits for what the feed gives.
    #[must_use]
    pub fn staying(mut self) -> Self {
        self.stays = true;
        self
    }

    /// The next message of the files at hand, without waiting.
    fn read_on(&mut self) -> Result<Option<Message>, PortError> {
        loop {
            let Some(open) = &mut self.current else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            if let Some(message) = open.next_message()? {
                return Ok(Some(message));
            }
            self.rest_or_end()?;
        }
    }

    /// Opens the next file; whether there is one.
    fn open_next(&mut self) -> Result<bool, PortError> {
        if let Some(open) = self.changed.pop_front() {
            self.current = Some(open.taken_up_again()?);
            return Ok(true);
        }
        if let Some(input) = self.waiting.pop_front() {
            self.current = Some(Open::new(self.up_to_date(input))?);
            return Ok(true);
        }
        let Some(input) = self.asked_for.pop_front() else { return Ok(false) };
        let path = Arc::clone(&input.position.path);
        self.current = Open::if_there(self.up_to_date(input))?;
        if self.current.is_none() {
            tracing::warn!(%path, "a file that was asked for is gone");
        }
        Ok(true)
    }

    fn up_to_date(&self, input: Input) -> Input {
        match self.used.get(&input.position.path) {
            Some(used) => Input { position: used.clone(), ..input },
            None => input,
        }
    }

    /// Lays the current file by, whose end was reached, or takes up the one that has its name now.
    fn rest_or_end(&mut self) -> Result<(), PortError> {
        let Some(open) = self.current.take() else { return Ok(()) };
        let successor = open.successor().map(Open::if_there).transpose()?.flatten();
        if successor.is_some() {
            self.current = successor;
        } else if open.is_followed() {
            self.resting.push(open);
        }
        Ok(())
    }

    /// Takes up what has come since the last look.
    fn look_again(&mut self) -> Result<(), PortError> {
        for input in self.feed.look()? {
            if !self.is_followed(&input.position.path) {
                self.asked_for.push_back(input);
            }
        }
        let (changed, resting): (Vec<_>, Vec<_>) = self.resting.drain(..).partition(Open::has_changed);
        self.changed = changed.into();
        self.resting = resting;
        Ok(())
    }

    /// Whether a file is read anyway, as long as this runs.
    fn is_followed(&self, path: &str) -> bool {
        let waiting = self.waiting.iter().any(|input| input.follow && *input.position.path == *path);
        let open = self.resting.iter().chain(&self.changed).chain(&self.current);
        waiting || open.filter(|open| open.is_followed()).any(|open| open.path() == path)
    }
}

impl<F: Feed> Source for FileSource<F> {
    type Position = FilePosition;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        loop {
            if let Some(message) = self.read_on()? {
                return Ok(Some(vec![message]));
            }
            if self.stays || !self.resting.is_empty() {
                self.look.tick().await;
            }
            self.look_again()?;
            let is_at_end = self.resting.is_empty() && self.changed.is_empty() && self.asked_for.is_empty();
            if is_at_end && !self.stays {
                return Ok(None);
            }
            // Whatever the files do: whoever stops this must get the chance to.
            tokio::task::yield_now().await;
        }
    }

    fn accept(&mut self, used: Used) -> FilePosition {
        let Some(open) = &mut self.current else { return FilePosition::start("") };
        let position = open.accept(used);
        self.used.insert(Arc::clone(&position.path), position.clone());
        position
    }
}
