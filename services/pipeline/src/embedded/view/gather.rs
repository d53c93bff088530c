//! What one pass over counted readings adds up to: totals, bars, and each patient's cells.

use std::cmp::Ordering;
use std::collections::HashMap;

use bpmonitor_clinical::{Category, Severity};
use enumset::EnumSet;

use super::frame::Frame;
use super::rows::Counted;
use crate::embedded::reading::category_of;
use crate::embedded::rollups::{SideSum, Sums};

/// How many severities there are.
const SEVERITIES: usize = 4;

/// Readings by severity.
pub(super) type BySeverity = [i64; SEVERITIES];

/// What was added up.
#[derive(Debug)]
pub(super) struct Gathered {
    frame: Frame,
    categories: EnumSet<Category>,
    /// By the category's code.
    pub(super) of_category: [Sums; Category::ALL.len()],
    pub(super) anomalies: i64,
    pub(super) bars: Vec<BySeverity>,
    pub(super) patients: HashMap<i64, PatientSums>,
}

/// What was added up of one patient.
#[derive(Debug, Default)]
pub(super) struct PatientSums {
    pub(super) sums: Sums,
    pub(super) severities: BySeverity,
    /// The columns in which there is something.
    cells: Vec<CellSums>,
}

/// A patient's readings of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct CellSums {
    pub(super) column: usize,
    pub(super) sums: Sums,
    pub(super) severity: Severity,
}

/// Orders severities from none to critical.
pub(super) const fn rank(severity: Severity) -> usize {
    severity as usize
}

impl Gathered {
    /// Nothing yet, of these categories.
    pub(super) fn new(frame: Frame, categories: EnumSet<Category>) -> Self {
        Self {
            frame,
            categories,
            of_category: Default::default(),
            anomalies: 0,
            bars: vec![[0; SEVERITIES]; frame.bars().count()],
            patients: HashMap::new(),
        }
    }

    /// Adds readings, and to the bars too.
    pub(super) fn add_with_bar(&mut self, counted: Counted) {
        self.add_bar(counted.time, counted.category, counted.sums.readings);
        self.add(counted);
    }

    /// Adds readings to the bars only.
    pub(super) fn add_bar(&mut self, time: i64, category: u8, readings: i64) {
        let category = category_of(category);
        if self.categories.contains(category)
            && let Some(bar) = self.bars.get_mut(self.frame.bar_of(time))
        {
            bar[rank(category.severity())] += readings;
        }
    }

    /// Adds readings to everything but the bars.
    pub(super) fn add(&mut self, counted: Counted) {
        let Counted { time, patient, category: code, anomaly, sums } = counted;
        let category = category_of(code);
        if !self.categories.contains(category) {
            return;
        }
        self.of_category[usize::from(code)].add(&sums, 1);
        self.anomalies += if anomaly { sums.readings } else { 0 };
        let patient = self.patients.entry(patient).or_default();
        patient.add(self.frame.column_of(time), category.severity(), &sums);
    }

    /// All readings.
    pub(super) fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.of_category.iter().for_each(|sums| total.add(sums, 1));
        total
    }
}

impl PatientSums {
    fn add(&mut self, column: usize, severity: Severity, sums: &Sums) {
        self.sums.add(sums, 1);
        self.severities[rank(severity)] += sums.readings;
        // Counts come in order of time: the last column is the one, but for single readings.
        let known = self.cells.iter_mut().rev().find(|cell| cell.column == column);
        match known {
            Some(cell) => cell.add(severity, sums),
            None => self.cells.push(CellSums { column, sums: *sums, severity }),
        }
    }

    /// By column, for this many columns.
    pub(super) fn columns(&self, columns: usize) -> Vec<Option<CellSums>> {
        let mut all = vec![None; columns];
        for cell in &self.cells {
            if let Some(column) = all.get_mut(cell.column) {
                *column = Some(*cell);
            }
        }
        all
    }

    /// Who needs a look more: more critical readings, then more of high severity, then a higher mean systolic pressure.
    pub(super) fn urgency(&self, other: &Self) -> Ordering {
        let of = |severity: Severity| self.severities[rank(severity)].cmp(&other.severities[rank(severity)]);
        of(Severity::Critical)
            .then(of(Severity::High))
            .then_with(|| compare_means(self.sums.systolic, other.sums.systolic))
    }
}

impl CellSums {
    fn add(&mut self, severity: Severity, sums: &Sums) {
        self.sums.add(sums, 1);
        self.severity = self.severity.max(severity);
    }
}

/// Exactly. No mean is lower than any.
fn compare_means(one: SideSum, other: SideSum) -> Ordering {
    let is_there = |side: SideSum| side.readings > 0;
    if !is_there(one) || !is_there(other) {
        return is_there(one).cmp(&is_there(other));
    }
    let scaled = |sum: i64, by: i64| i128::from(sum) * i128::from(by);
    scaled(one.thousandths, other.readings).cmp(&scaled(other.thousandths, one.readings))
}
