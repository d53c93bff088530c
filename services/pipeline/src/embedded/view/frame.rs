//! From when to when an answer reaches, and how it is divided.

use super::Range;
use crate::embedded::rollups::{DAY, HOUR, MINUTE};

/// How many bars or columns there are at most over all readings.
const MOST_OF_ALL: i64 = 60;

/// A stretch of time, divided for bars and for the heat map's columns. All in microseconds, times since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Inclusive.
    pub(super) from: i64,
    /// Exclusive.
    pub(super) to: i64,
    /// A bar's length; the last one may be cut.
    pub(super) bar: i64,
    /// A column's length; the last one may be cut.
    pub(super) column: i64,
}

impl Frame {
    /// Of a range that ends with `now`; `first` and `last` say when the first and the last reading of all was measured, if there
    /// is one.
    pub(super) fn new(range: Range, now: i64, span: Option<(i64, i64)>) -> Self {
        let of_hours = |hours: i64, bar, column| {
            let this_hour = now.div_euclid(HOUR);
            Self { from: (this_hour - hours) * HOUR, to: (this_hour + 1) * HOUR, bar, column }
        };
        let today = now.div_euclid(DAY);
        match range {
            Range::Hour => of_hours(1, MINUTE, HOUR),
            Range::SixHours => of_hours(6, 5 * MINUTE, HOUR),
            Range::Day => of_hours(24, 30 * MINUTE, HOUR),
            Range::Week => of_hours(7 * 24, 6 * HOUR, 6 * HOUR),
            Range::Month => Self { from: (today - 30) * DAY, to: (today + 1) * DAY, bar: DAY, column: DAY },
            Range::All => {
                let (first, last) = span.unwrap_or((now, now));
                Self::of_all(first.div_euclid(DAY), last.div_euclid(DAY))
            }
        }
    }

    /// Of days since 1970, both inclusive.
    const fn of_all(first: i64, last: i64) -> Self {
        let days = last - first + 1;
        let step = (days + MOST_OF_ALL - 1) / MOST_OF_ALL;
        let steps = (days + step - 1) / step;
        let from = first * DAY;
        Self { from, to: from + steps * step * DAY, bar: step * DAY, column: step * DAY }
    }

    /// When the bars begin.
    pub(super) fn bars(&self) -> impl Iterator<Item = i64> + use<> {
        starts(self.from, self.to, self.bar)
    }

    /// When the columns begin.
    pub(super) fn columns(&self) -> impl Iterator<Item = i64> + use<> {
        starts(self.from, self.to, self.column)
    }

    /// Which bar a time within belongs to.
    pub(super) fn bar_of(&self, time: i64) -> usize {
        usize::try_from((time - self.from) / self.bar).unwrap_or_default()
    }

    /// Which column a time within belongs to.
    pub(super) fn column_of(&self, time: i64) -> usize {
        usize::try_from((time - self.from) / self.column).unwrap_or_default()
    }
}

fn starts(from: i64, to: i64, step: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(from), move |start| Some(start + step)).take_while(move |start| *start < to)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn frame(range: Range, span: Option<(&str, &str)>) -> (String, String, usize, usize) {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        let text = |time| Timestamp::from_microsecond(time).unwrap().to_string();
        let span = span.map(|(first, last)| (at(first), at(last)));
        let frame = Frame::new(range, at("2026-11-22T09:30:01Z"), span);
        (text(frame.from), text(frame.to), frame.bars().count(), frame.columns().count())
    }

    #[test]
    fn ranges_begin_and_end_at_full_hours_or_days() {
        let table = [
            (Range::Hour, "2026-11-22T08:00:00Z", "2026-11-22T10:00:00Z", 120, 2),
            (Range::SixHours, "2026-11-22T03:00:00Z", "2026-11-22T10:00:00Z", 84, 7),
            (Range::Day, "2026-11-21T09:00:00Z", "2026-11-22T10:00:00Z", 50, 25),
            (Range::Week, "2026-11-15T09:00:00Z", "2026-11-22T10:00:00Z", 29, 29),
            (Range::Month, "2026-10-23T00:00:00Z", "2026-11-23T00:00:00Z", 31, 31),
            (Range::All, "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", 1, 1),
        ];
        for (range, from, to, bars, columns) in table {
            assert_eq!(frame(range, None), (from.to_owned(), to.to_owned(), bars, columns), "{range:?}");
        }
    }

    #[test]
    fn all_is_divided_into_whole_days_at_most_sixty_times() {
        let all = |first, last| frame(Range::All, Some((first, last)));
        let is = |from: &str, to: &str, n| (from.to_owned(), to.to_owned(), n, n);
        let sixty = all("2026-01-01T12:00:00Z", "2026-03-01T23:00:00Z");
        assert_eq!(sixty, is("2026-01-01T00:00:00Z", "2026-03-02T00:00:00Z", 60));
        let one_more = all("2026-01-01T12:00:00Z", "2026-03-02T00:00:00Z");
        assert_eq!(one_more, is("2026-01-01T00:00:00Z", "2026-03-04T00:00:00Z", 31));
    }
}
