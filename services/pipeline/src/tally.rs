//! Counts of what became of the entries, in all and by partition.

use std::collections::BTreeMap;

use bpmonitor_clinical::{Category, RejectionReason, SkipReason};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// How many entries had which outcome, category and reason. Every entry is in exactly one outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Readings stored as anomalies.
    pub anomaly: u64,
    /// Readings archived.
    pub normal: u64,
    /// Observations that could not be read.
    pub rejected: u64,
    /// Entries that are nothing to be read here.
    pub skipped: u64,
    /// Observations that took an earlier one back.
    pub withdrawn: u64,
    /// Readings by category id.
    pub categories: BTreeMap<String, u64>,
    /// Rejections by reason code.
    pub rejections: BTreeMap<String, u64>,
    /// Skipped entries by reason code.
    pub skips: BTreeMap<String, u64>,
}

/// A tally for each partition that entries were read from; of what has no partitions, one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies(BTreeMap<i32, Tally>);

impl Tallies {
    /// The tally of a partition, to be counted in.
    pub fn of(&mut self, partition: i32) -> &mut Tally {
        self.0.entry(partition).or_default()
    }

    /// The tally of a partition; none where nothing of it was counted.
    pub fn get(&self, partition: i32) -> Option<&Tally> {
        self.0.get(&partition)
    }

    /// All of them together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.0.values().for_each(|tally| total.add(tally));
        total
    }
}

impl Tally {
    /// All entries.
    pub const fn entries(&self) -> u64 {
        self.anomaly + self.normal + self.rejected + self.skipped + self.withdrawn
    }

    /// Counts one entry.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Anomaly(category) => {
                self.anomaly += 1;
                self.count_category(category);
            }
            Outcome::Normal(category) => {
                self.normal += 1;
                self.count_category(category);
            }
            Outcome::Withdrawn => self.withdrawn += 1,
            Outcome::Rejected(reason) => self.count_rejection(reason),
            Outcome::Skipped(reason) => self.count_skip(reason),
        }
    }

    fn count_category(&mut self, category: Category) {
        add(&mut self.categories, category.id(), 1);
    }

    fn count_rejection(&mut self, reason: RejectionReason) {
        self.rejected += 1;
        add(&mut self.rejections, reason.code(), 1);
    }

    fn count_skip(&mut self, reason: SkipReason) {
        self.skipped += 1;
        add(&mut self.skips, reason.code(), 1);
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, u64::saturating_add);
    }

    /// Takes away a tally that was added.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, u64::saturating_sub);
        for counts in [&mut self.categories, &mut self.rejections, &mut self.skips] {
            counts.retain(|_, count| *count > 0);
        }
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        self.anomaly = with(self.anomaly, other.anomaly);
        self.normal = with(self.normal, other.normal);
        self.rejected = with(self.rejected, other.rejected);
        self.skipped = with(self.skipped, other.skipped);
        self.withdrawn = with(self.withdrawn, other.withdrawn);
        for (ours, theirs) in [
            (&mut self.categories, &other.categories),
            (&mut self.rejections, &other.rejections),
            (&mut self.skips, &other.skips),
        ] {
            for (id, count) in theirs {
                let ours = ours.entry(id.clone()).or_default();
                *ours = with(*ours, *count);
            }
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, id: &str, count: u64) {
    match counts.get_mut(id) {
        Some(known) => *known += count,
        None => drop(counts.insert(id.to_owned(), count)),
    }
}
