//! The overview: totals, categories, bars, heat map and the latest critical readings of a selection.

use bpmonitor_clinical::{Category, Severity};
use rusqlite::{Connection, OptionalExtension};

use super::answers::{Bars, Bucket, CategoryTotals, Cell, HeatMap, Overview, PatientRow, Totals};
use super::frame::Frame;
use super::gather::{BySeverity, CellSums, Gathered, PatientSums, rank};
use super::rows::{self, Stretch, Table};
use super::{Range, Selection, View};
use crate::PortError;
use crate::embedded::database::time_of;
use crate::embedded::deferred::indexed;
use crate::embedded::failure;
use crate::embedded::ids::OfPatient;
use crate::embedded::rollups::{DAY, Floors, HOUR, MINUTE, SideSum, Sums};

/// How many patients the heat map has.
const MOST_PATIENTS: usize = 25;

/// Whose readings are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Everybody's.
    All,
    /// One patient's, by number.
    One(i64),
    /// Those of a patient who is not there.
    Nobody,
}

/// What an answer is made from: one moment of the database.
pub(super) struct Looking<'v> {
    pub(super) connection: &'v Connection,
    pub(super) selection: &'v Selection,
    pub(super) whose: Whose,
    /// Up to which row the index of patients reaches.
    pub(super) indexed: i64,
    floors: Floors,
}

impl View {
    /// What a ward holds, in numbers that are all of one moment.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn overview(&self, selection: &Selection) -> Result<Overview, PortError> {
        let moment = self.moment()?;
        let looking = self.looking(&moment, selection)?;
        let failed = || failure::database("reading the counts");
        let frame = looking.frame().map_err(failed())?;
        let gathered = looking.gather(frame).map_err(failed())?;
        let total = gathered.total();
        Ok(Overview {
            as_of: selection.now,
            range: selection.range,
            from: time_of(frame.from),
            to: time_of(frame.to),
            totals: totals(&gathered, &total),
            categories: Category::ALL.map(|category| category_totals(category, &gathered)).to_vec(),
            severities: bars(frame, &gathered.bars),
            heat_map: looking.heat_map(frame, &gathered).map_err(failed())?,
            latest_critical: looking.latest_critical(frame)?,
        })
    }

    pub(super) fn looking<'v>(
        &self,
        connection: &'v Connection,
        selection: &'v Selection,
    ) -> Result<Looking<'v>, PortError> {
        let whose = match &selection.patient {
            None => Whose::All,
            Some(patient) => self.number(patient)?.map_or(Whose::Nobody, Whose::One),
        };
        let floors = Floors::of(&self.database)?;
        Ok(Looking { connection, selection, whose, indexed: indexed::<OfPatient>(&self.database)?, floors })
    }

    fn number(&self, patient: &str) -> Result<Option<i64>, PortError> {
        let sql = "SELECT no FROM patients WHERE patient = ?1";
        let mut select = self
            .database
            .connection
            .prepare_cached(sql)
            .map_err(failure::database("reading the patients"))?;
        let number = select.query_row([patient], |row| row.get(0)).optional();
        number.map_err(failure::database("reading the patients"))
    }
}

impl Looking<'_> {
    fn frame(&self) -> rusqlite::Result<Frame> {
        let span = if self.selection.range == Range::All { self.days()? } else { None };
        Ok(Frame::new(self.selection.range, self.selection.now.as_microsecond(), span))
    }

    /// When the first and the last day with readings begin.
    fn days(&self) -> rusqlite::Result<Option<(i64, i64)>> {
        let day = |sql: &str| {
            let mut select = self.connection.prepare_cached(sql)?;
            select.query_row([], |row| row.get::<_, Option<i64>>(0))
        };
        let (first, last) = (day("SELECT min(time) FROM days")?, day("SELECT max(time) FROM days")?);
        Ok(first.zip(last).map(|(first, last)| (first * DAY, last * DAY)))
    }

    fn gather(&self, frame: Frame) -> rusqlite::Result<Gathered> {
        let mut gathered = Gathered::new(frame, self.selection.meant());
        let stretch = Stretch { from: frame.from, to: frame.to };
        let table = match self.selection.range {
            Range::Month | Range::All => Some(Table::Days),
            _ => Some(Table::Hours).filter(|_| frame.from >= self.floors.hours.saturating_mul(HOUR)),
        };
        let bars_are_short = matches!(self.selection.range, Range::Hour | Range::SixHours | Range::Day);
        let minutes_reach = frame.from >= self.floors.minutes.saturating_mul(MINUTE);
        match (self.whose, table) {
            (Whose::Nobody, _) => {}
            (Whose::One(patient), Some(table)) if !bars_are_short => {
                let visit = |counted| gathered.add_with_bar(counted);
                rows::counts_of(self.connection, table, patient, stretch, visit)?;
            }
            (Whose::One(patient), _) => {
                let visit = |counted| gathered.add_with_bar(counted);
                rows::readings_of(self.connection, patient, stretch, self.indexed, visit)?;
            }
            (Whose::All, Some(table)) if !bars_are_short => {
                rows::counts(self.connection, table, stretch, |counted| gathered.add_with_bar(counted))?;
            }
            (Whose::All, Some(table)) if minutes_reach => {
                rows::counts(self.connection, table, stretch, |counted| gathered.add(counted))?;
                let visit = |time, category, readings| gathered.add_bar(time, category, readings);
                rows::minutes(self.connection, stretch, visit)?;
            }
            (Whose::All, _) => {
                rows::readings(self.connection, stretch, |counted| gathered.add_with_bar(counted))?;
            }
        }
        Ok(gathered)
    }

    fn heat_map(&self, frame: Frame, gathered: &Gathered) -> rusqlite::Result<HeatMap> {
        let mut ranked: Vec<(&i64, &PatientSums)> = gathered.patients.iter().collect();
        ranked.sort_unstable_by(|(one, ours), (other, theirs)| theirs.urgency(ours).then(one.cmp(other)));
        ranked.truncate(MOST_PATIENTS);
        let starts: Vec<_> = frame.columns().map(time_of).collect();
        let patients = ranked
            .into_iter()
            .map(|(no, of)| self.patient_row(*no, of, starts.len()))
            .collect::<Result<_, _>>()?;
        Ok(HeatMap { step_seconds: seconds(frame.column), starts, patients })
    }

    fn patient_row(&self, no: i64, of: &PatientSums, columns: usize) -> rusqlite::Result<PatientRow> {
        let sql = "SELECT patient, name FROM patients WHERE no = ?1";
        let mut select = self.connection.prepare_cached(sql)?;
        let (patient, name) = select.query_row([no], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(PatientRow {
            patient,
            name,
            readings: count(of.sums.readings),
            critical: count(of.severities[rank(Severity::Critical)]),
            high: count(of.severities[rank(Severity::High)]),
            systolic_mean: mean(of.sums.systolic),
            diastolic_mean: mean(of.sums.diastolic),
            cells: of.columns(columns).into_iter().map(|sums| sums.map(cell)).collect(),
        })
    }
}

fn totals(gathered: &Gathered, total: &Sums) -> Totals {
    Totals {
        readings: count(total.readings),
        anomalies: count(gathered.anomalies),
        critical: count(gathered.of_category[Category::HypertensiveCrisis as usize].readings),
        patients: gathered.patients.len() as u64,
        systolic_mean: mean(total.systolic),
        diastolic_mean: mean(total.diastolic),
    }
}

fn category_totals(category: Category, gathered: &Gathered) -> CategoryTotals {
    let sums = gathered.of_category[category as usize];
    CategoryTotals {
        category,
        severity: category.severity(),
        readings: count(sums.readings),
        systolic_mean: mean(sums.systolic),
        diastolic_mean: mean(sums.diastolic),
    }
}

fn bars(frame: Frame, bars: &[BySeverity]) -> Bars {
    let bucket = |(start, severities): (i64, &BySeverity)| {
        let of = |severity: Severity| count(severities[rank(severity)]);
        Bucket {
            start: time_of(start),
            none: of(Severity::None),
            moderate: of(Severity::Moderate),
            high: of(Severity::High),
            critical: of(Severity::Critical),
        }
    };
    Bars { step_seconds: seconds(frame.bar), buckets: frame.bars().zip(bars).map(bucket).collect() }
}

fn cell(CellSums { sums, severity, .. }: CellSums) -> Cell {
    Cell {
        readings: count(sums.readings),
        systolic_mean: mean(sums.systolic),
        diastolic_mean: mean(sums.diastolic),
        severity,
    }
}

const fn seconds(microseconds: i64) -> i64 {
    microseconds / 1_000_000
}

fn count(readings: i64) -> u64 {
    u64::try_from(readings).unwrap_or_default()
}

/// In mmHg, to one decimal.
#[expect(clippy::cast_precision_loss, reason = "tenths of mmHg are small")]
fn mean(side: SideSum) -> Option<f64> {
    let SideSum { readings, thousandths } = side;
    if readings <= 0 {
        return None;
    }
    let tenths =
        (2 * i128::from(thousandths) + 100 * i128::from(readings)).div_euclid(200 * i128::from(readings));
    Some(i64::try_from(tenths).unwrap_or_default() as f64 / 10.0)
}
