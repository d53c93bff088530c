//! When each observation is due: the history that was begun, then live ones at a rate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bands::Shares;
use crate::number::{Exact, real};
use crate::{History, Settings};

const DAY_NS: u128 = 86_400_000_000_000;
const SECOND_NS: f64 = 1e9;

/// The history that was begun. It goes on as it was, whatever the settings become.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    days: u32,
    readings_per_day: u32,
    pub(crate) patients: u32,
    pub(crate) shares: Shares,
}

impl Plan {
    pub(crate) fn new(settings: &Settings) -> Self {
        let History { days, readings_per_day } = settings.history;
        Self { days, readings_per_day, patients: settings.patients, shares: Shares::new(settings.mix) }
    }

    /// How many observations it has.
    pub(crate) fn total(&self) -> u64 {
        u64::from(self.days)
            .saturating_mul(u64::from(self.readings_per_day))
            .saturating_mul(u64::from(self.patients))
    }

    pub(crate) const fn history(&self) -> History {
        History { days: self.days, readings_per_day: self.readings_per_day }
    }

    /// When the observation with `after` others after it is due: evenly spread over the day, the last one at `start`.
    fn due(&self, after: u64, start: Timestamp) -> Timestamp {
        let per_day = u128::from(self.readings_per_day) * u128::from(self.patients);
        let before = (u128::from(after) * DAY_NS).checked_div(per_day).unwrap_or_default();
        let due = start.as_nanosecond().saturating_sub(before.cast_signed());
        Timestamp::from_nanosecond(due).unwrap_or(Timestamp::MIN)
    }
}

/// What live observations are counted from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Anchor {
    /// The first observation that is due one interval after [`Anchor::time`].
    index: u64,
    time: Timestamp,
    per_second: Exact,
}

impl Anchor {
    /// When an observation is due; none where that is beyond all times. Each is reckoned from the anchor, so that errors
    /// do not add up.
    fn due(&self, index: u64) -> Option<Timestamp> {
        let intervals = index.saturating_sub(self.index).saturating_add(1);
        let later = real(i64::try_from(intervals).unwrap_or(i64::MAX)) * SECOND_NS / self.per_second.0;
        if !(later.is_finite() && later >= 0.0) {
            return None;
        }
        Timestamp::from_nanosecond(self.time.as_nanosecond().saturating_add(whole(later))).ok()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "meant: a nanosecond is not split; saturates")]
const fn whole(nanoseconds: f64) -> i128 {
    nanoseconds as i128
}

/// When each observation is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Schedule {
    /// When the history ends.
    pub(crate) start: Timestamp,
    pub(crate) history: Plan,
    live: Anchor,
}

impl Schedule {
    pub(crate) fn new(settings: &Settings, start: Timestamp) -> Self {
        let history = Plan::new(settings);
        let live =
            Anchor { index: history.total(), time: start, per_second: Exact(settings.rate_per_second) };
        Self { start, history, live }
    }

    /// The same with another rate from the observation `next` on.
    pub(crate) fn with_rate(mut self, rate_per_second: f64, next: u64) -> Self {
        if self.live.per_second.0.to_bits() == rate_per_second.to_bits() {
            return self;
        }
        if next > self.live.index {
            let reached = self.live.due(next - 1);
            self.live.time = reached.unwrap_or(self.live.time);
            self.live.index = next;
        }
        self.live.per_second = Exact(rate_per_second);
        self
    }

    pub(crate) const fn rate_per_second(&self) -> f64 {
        self.live.per_second.0
    }

    /// Live observations from `next` on are counted from `time`; where the history is not over, they stay as they are.
    pub(crate) fn go_on_at(&mut self, time: Timestamp, next: u64) {
        if next >= self.live.index {
            self.live = Anchor { index: next, time, per_second: self.live.per_second };
        }
    }

    /// When an observation is due; none where it never is.
    pub(crate) fn due(&self, index: u64) -> Option<Timestamp> {
        let total = self.history.total();
        if index < total {
            return Some(self.history.due(total - 1 - index, self.start));
        }
        self.live.due(index)
    }
}
