//! The file source: each file from its position, one after another, to the end or following them.

use std::collections::VecDeque;
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
    /// Followed files whose end was reached, to be looked at again.
    resting: Vec<Open>,
    current: Option<Open>,
    feed: F,
    look: Interval,
}

impl<F: Feed> FileSource<F> {
    /// Reads these files in this order, and what the feed gives. Ends when all are read and none is followed.
    /// Needs a tokio runtime with time.
    pub fn new(inputs: impl IntoIterator<Item = Input>, feed: F) -> Self {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { waiting: inputs.into_iter().collect(), resting: Vec::new(), current: None, feed, look }
    }

    /// The next message of the files at hand, without waiting.
    fn read_on(&mut self) -> Result<Option<Message>, PortError> {
        loop {
            let Some(open) = &mut self.current else {
                let Some(input) = self.waiting.pop_front() else { return Ok(None) };
                self.current = Some(Open::new(input)?);
                continue;
            };
            if let Some(message) = open.next_message()? {
                return Ok(Some(message));
            }
            self.resting.extend(self.current.take().filter(Open::is_followed));
        }
    }

    /// Takes up what has come since the last look.
    fn look_again(&mut self) -> Result<(), PortError> {
        self.waiting.extend(self.feed.look()?);
        for index in 0..self.resting.len() {
            if self.resting[index].has_changed() {
                let open = self.resting.swap_remove(index);
                self.current = Some(open.taken_up_again()?);
                break;
            }
        }
        Ok(())
    }
}

impl<F: Feed> Source for FileSource<F> {
    type Position = FilePosition;

    async fn next(&mut self) -> Result<Option<Vec<Message>>, PortError> {
        loop {
            if let Some(message) = self.read_on()? {
                return Ok(Some(vec![message]));
            }
            if !self.resting.is_empty() {
                self.look.tick().await;
            }
            self.look_again()?;
            if self.resting.is_empty() && self.waiting.is_empty() && self.current.is_none() {
                return Ok(None);
            }
        }
    }

    fn accept(&mut self, used: Used) -> FilePosition {
        match &mut self.current {
            Some(open) => open.accept(used),
            None => FilePosition::start(""),
        }
    }
}
