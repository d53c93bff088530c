//! Counts of readings by minute, hour and day, kept beside the readings they count.
//!
//! What a commit changes is summed up in memory and written with it. Minutes and hours are kept from a floor on: from there they
//! count everything, and before it nothing can be relied on.

use std::collections::HashMap;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Statement, params};

use super::database::Database;
use super::failure;
use super::reading::{CRITICAL, Measured};
use crate::PortError;

/// How far minutes reach back when the floor is set.
const KEPT_MINUTES: SignedDuration = SignedDuration::from_hours(2 * 24);
/// How far hours reach back when the floor is set.
const KEPT_HOURS: SignedDuration = SignedDuration::from_hours(32 * 24);

/// Microseconds in a minute.
pub(super) const MINUTE: i64 = 60 * 1_000_000;
/// Microseconds in an hour.
pub(super) const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub(super) const DAY: i64 = 24 * HOUR;

/// From where on minutes and hours count everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Floors {
    /// In minutes since 1970.
    pub(super) minutes: i64,
    /// In hours since 1970.
    pub(super) hours: i64,
}

impl Floors {
    /// Where they are set at this time: at full hours.
    pub(super) fn at(now: Timestamp) -> Self {
        let hours = |kept: SignedDuration| {
            let reached = i128::from(now.as_microsecond()) - kept.as_micros();
            i64::try_from(reached).unwrap_or(i64::MIN).div_euclid(HOUR)
        };
        Self { minutes: hours(KEPT_MINUTES) * 60, hours: hours(KEPT_HOURS) }
    }

    /// What is known of `database`.
    pub(super) fn of(database: &Database) -> Result<Self, PortError> {
        let number = |name| {
            let text = database.meta(name)?;
            // Without a floor nothing can be relied on.
            Ok(text.and_then(|text| text.parse().ok()).unwrap_or(i64::MAX))
        };
        Ok(Self { minutes: number("minutes_from")?, hours: number("hours_from")? })
    }

    fn max(self, other: Self) -> Self {
        Self { minutes: self.minutes.max(other.minutes), hours: self.hours.max(other.hours) }
    }
}

/// Readings and their pressures, in sum; or by how much these change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) readings: i64,
    pub(super) systolic: SideSum,
    pub(super) diastolic: SideSum,
}

/// One side of readings, in sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SideSum {
    /// How many have this side.
    pub(super) readings: i64,
    /// Their sum in thousandths of mmHg.
    pub(super) thousandths: i64,
}

impl Sums {
    /// Of one reading.
    pub(super) fn of(systolic: Option<f64>, diastolic: Option<f64>) -> Self {
        Self { readings: 1, systolic: SideSum::of(systolic), diastolic: SideSum::of(diastolic) }
    }

    /// Adds another sum `times` times.
    pub(super) fn add(&mut self, other: &Self, times: i64) {
        self.readings += times * other.readings;
        self.systolic.add(other.systolic, times);
        self.diastolic.add(other.diastolic, times);
    }
}

impl SideSum {
    fn of(pressure: Option<f64>) -> Self {
        pressure.map_or_else(Self::default, |mmhg| Self { readings: 1, thousandths: thousandths(mmhg) })
    }

    fn add(&mut self, other: Self, times: i64) {
        self.readings += times * other.readings;
        self.thousandths += times * other.thousandths;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a pressure is below 1000 mmHg")]
fn thousandths(mmhg: f64) -> i64 {
    (mmhg * 1000.0).round() as i64
}

/// What a row of minutes counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct WardKey {
    time: i64,
    category: u8,
    anomaly: bool,
}

/// What a row of hours or days counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct PatientKey {
    time: i64,
    patient: i64,
    category: u8,
    anomaly: bool,
}

/// How many readings a patient has.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    readings: i64,
    critical: i64,
}

/// The counts' changes that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Rollups {
    pub(super) floors: Floors,
    minutes: HashMap<WardKey, i64>,
    hours: HashMap<PatientKey, Sums>,
    days: HashMap<PatientKey, Sums>,
    patients: HashMap<i64, Counts>,
}

impl Rollups {
    pub(super) fn load(database: &Database) -> Result<Self, PortError> {
        Ok(Self { floors: Floors::of(database)?, ..Self::default() })
    }

    /// Counts a reading `times` times: once, or minus once.
    pub(super) fn count(&mut self, reading: &Measured, times: i64) {
        let Measured { patient, effective, category, anomaly, systolic, diastolic } = *reading;
        let sums = Sums::of(systolic, diastolic);
        let minute = effective.div_euclid(MINUTE);
        if minute >= self.floors.minutes {
            *self.minutes.entry(WardKey { time: minute, category, anomaly }).or_default() += times;
        }
        let hour = PatientKey { time: effective.div_euclid(HOUR), patient, category, anomaly };
        if hour.time >= self.floors.hours {
            self.hours.entry(hour).or_default().add(&sums, times);
        }
        let day = PatientKey { time: effective.div_euclid(DAY), ..hour };
        self.days.entry(day).or_default().add(&sums, times);
        let counts = self.patients.entry(patient).or_default();
        counts.readings += times;
        counts.critical += if category == CRITICAL { times } else { 0 };
    }

    /// Has nothing more to write of a patient who is erased.
    pub(super) fn forget(&mut self, patient: i64) {
        self.hours.retain(|key, _| key.patient != patient);
        self.days.retain(|key, _| key.patient != patient);
        self.patients.remove(&patient);
    }

    /// Writes what has changed.
    pub(super) fn write(&mut self, database: &Database) -> Result<(), PortError> {
        self.write_all(database).map_err(failure::database("writing the counts"))
    }

    fn write_all(&mut self, database: &Database) -> rusqlite::Result<()> {
        write_minutes(database, &mut self.minutes)?;
        write_sums(database, "hours", &mut self.hours)?;
        write_sums(database, "days", &mut self.days)?;
        write_patients(database, &mut self.patients)
    }

    /// Raises the floors to where they are at this time. Nothing may wait to be written.
    pub(super) fn raise_floors(&mut self, database: &Database, now: Timestamp) -> Result<(), PortError> {
        self.floors = self.floors.max(Floors::at(now));
        database.set_meta("minutes_from", &self.floors.minutes.to_string())?;
        database.set_meta("hours_from", &self.floors.hours.to_string())
    }

    /// Removes counts below the floors, of a day at most. How many there were.
    pub(super) fn prune(&self, database: &Database) -> Result<usize, PortError> {
        let remove = |table: &str, floor: i64, a_day: i64| {
            let sql =
                format!("DELETE FROM {table} WHERE time < min(?1, (SELECT min(time) FROM {table}) + ?2)");
            database.connection.execute(&sql, [floor, a_day])
        };
        let minutes = remove("minutes", self.floors.minutes, 24 * 60);
        let removed = minutes.and_then(|minutes| Ok(minutes + remove("hours", self.floors.hours, 24)?));
        removed.map_err(failure::database("removing old counts"))
    }
}

/// Takes what was counted, in the order of the tables.
fn in_order<K: Ord + Hash + Copy, V>(counted: &mut HashMap<K, V>) -> Vec<(K, V)> {
    let mut sorted: Vec<(K, V)> = counted.drain().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    sorted
}

fn write_minutes(database: &Database, minutes: &mut HashMap<WardKey, i64>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO minutes VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + excluded.n";
    let mut add = database.connection.prepare_cached(sql)?;
    let sql = "DELETE FROM minutes WHERE time = ?1 AND category = ?2 AND anomaly = ?3 AND n = 0";
    let mut remove = database.connection.prepare_cached(sql)?;
    for (WardKey { time, category, anomaly }, n) in in_order(minutes) {
        if n != 0 {
            add.execute(params![time, category, anomaly, n])?;
        }
        if n < 0 {
            remove.execute(params![time, category, anomaly])?;
        }
    }
    Ok(())
}

fn write_sums(
    database: &Database,
    table: &str,
    sums: &mut HashMap<PatientKey, Sums>,
) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET n = n + excluded.n,
             systolic_n = systolic_n + excluded.systolic_n, systolic_sum = systolic_sum + excluded.systolic_sum,
             diastolic_n = diastolic_n + excluded.diastolic_n, diastolic_sum = diastolic_sum + excluded.diastolic_sum"
    );
    let mut add = database.connection.prepare_cached(&sql)?;
    let sql = format!(
        "DELETE FROM {table} WHERE time = ?1 AND patient = ?2 AND category = ?3 AND anomaly = ?4 AND n = 0"
    );
    let mut remove = database.connection.prepare_cached(&sql)?;
    for (key, sums) in in_order(sums) {
        if sums != Sums::default() {
            add_sums(&mut add, key, sums)?;
        }
        if sums.readings < 0 {
            remove.execute(params![key.time, key.patient, key.category, key.anomaly])?;
        }
    }
    Ok(())
}

fn add_sums(add: &mut Statement<'_>, key: PatientKey, sums: Sums) -> rusqlite::Result<()> {
    let PatientKey { time, patient, category, anomaly } = key;
    let Sums { readings, systolic, diastolic } = sums;
    let row = params![
        time,
        patient,
        category,
        anomaly,
        readings,
        systolic.readings,
        systolic.thousandths,
        diastolic.readings,
        diastolic.thousandths
    ];
    add.execute(row).map(drop)
}

fn write_patients(database: &Database, patients: &mut HashMap<i64, Counts>) -> rusqlite::Result<()> {
    let sql = "UPDATE patients SET readings = readings + ?2, critical = critical + ?3 WHERE no = ?1";
    let mut add = database.connection.prepare_cached(sql)?;
    for (patient, Counts { readings, critical }) in in_order(patients) {
        if readings != 0 || critical != 0 {
            add.execute([patient, readings, critical])?;
        }
    }
    Ok(())
}
