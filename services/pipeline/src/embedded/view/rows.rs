//! Counted readings, from wherever an answer reads them: the counts by hour or day, or the readings themselves.

use rusqlite::{Connection, Params, Row, params};

use crate::embedded::rollups::{DAY, HOUR, MINUTE, SideSum, Sums};

/// Readings of one patient and category within one bucket of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// The bucket's beginning, or the reading's own time, in microseconds since 1970.
    pub(super) time: i64,
    /// The patient's number.
    pub(super) patient: i64,
    /// The category's code.
    pub(super) category: u8,
    pub(super) anomaly: bool,
    pub(super) sums: Sums,
}

/// A table of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Hours,
    Days,
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }

    const fn unit(self) -> i64 {
        match self {
            Self::Hours => HOUR,
            Self::Days => DAY,
        }
    }
}

/// A stretch of time in microseconds since 1970: from inclusive, to exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Where the readings of one patient stand: those behind a number are not in the index yet.
pub(super) const OF_PATIENT: &str = "
    SELECT readings.* FROM by_patient CROSS JOIN readings ON readings.seq = by_patient.reading
        WHERE by_patient.patient = ?1 AND by_patient.effective >= ?2 AND by_patient.effective < ?3
            AND by_patient.reading <= ?4
    UNION ALL
    SELECT * FROM readings WHERE seq > ?4 AND patient = ?1 AND effective >= ?2 AND effective < ?3";

/// Hands over each row of counts in a stretch of whole buckets, in order of time.
pub(super) fn counts(
    connection: &Connection,
    table: Table,
    stretch: Stretch,
    visit: impl FnMut(Counted),
) -> rusqlite::Result<()> {
    let sql = format!("SELECT * FROM {} WHERE time >= ?1 AND time < ?2 ORDER BY time", table.name());
    let bounds = [stretch.from.div_euclid(table.unit()), stretch.to.div_euclid(table.unit())];
    each(connection, &sql, bounds, |row| counted(row, table.unit()), visit)
}

/// The same of one patient, bucket by bucket: nobody else's rows are touched.
pub(super) fn counts_of(
    connection: &Connection,
    table: Table,
    patient: i64,
    stretch: Stretch,
    mut visit: impl FnMut(Counted),
) -> rusqlite::Result<()> {
    let sql = format!("SELECT * FROM {} WHERE time = ?1 AND patient = ?2", table.name());
    for time in stretch.from.div_euclid(table.unit())..stretch.to.div_euclid(table.unit()) {
        each(connection, &sql, [time, patient], |row| counted(row, table.unit()), &mut visit)?;
    }
    Ok(())
}

/// Hands over each reading of a stretch, in no order: for where the counts do not reach.
pub(super) fn readings(
    connection: &Connection,
    stretch: Stretch,
    visit: impl FnMut(Counted),
) -> rusqlite::Result<()> {
    let sql = "SELECT effective, patient, category, anomaly, systolic, diastolic FROM readings
         WHERE effective >= ?1 AND effective < ?2 AND category IS NOT NULL";
    each(connection, sql, [stretch.from, stretch.to], single, visit)
}

/// Hands over each reading of one patient, in no order. `indexed` says up to which row the index reaches.
pub(super) fn readings_of(
    connection: &Connection,
    patient: i64,
    stretch: Stretch,
    indexed: i64,
    visit: impl FnMut(Counted),
) -> rusqlite::Result<()> {
    let sql =
        format!("SELECT effective, patient, category, anomaly, systolic, diastolic FROM ({OF_PATIENT})");
    each(connection, &sql, params![patient, stretch.from, stretch.to, indexed], single, visit)
}

/// Hands over how many readings of which category were measured in each minute of a stretch of whole minutes.
pub(super) fn minutes(
    connection: &Connection,
    stretch: Stretch,
    mut visit: impl FnMut(i64, u8, i64),
) -> rusqlite::Result<()> {
    let sql = "SELECT time, category, n FROM minutes WHERE time >= ?1 AND time < ?2";
    let bounds = [stretch.from.div_euclid(MINUTE), stretch.to.div_euclid(MINUTE)];
    let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)? * MINUTE, row.get(1)?, row.get(2)?));
    each(connection, sql, bounds, row, |(time, category, n)| visit(time, category, n))
}

fn each<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    of: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    mut visit: impl FnMut(T),
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    while let Some(row) = rows.next()? {
        visit(of(row)?);
    }
    Ok(())
}

fn counted(row: &Row<'_>, unit: i64) -> rusqlite::Result<Counted> {
    Ok(Counted {
        time: row.get::<_, i64>(0)? * unit,
        patient: row.get(1)?,
        category: row.get(2)?,
        anomaly: row.get(3)?,
        sums: Sums {
            readings: row.get(4)?,
            systolic: SideSum { readings: row.get(5)?, thousandths: row.get(6)? },
            diastolic: SideSum { readings: row.get(7)?, thousandths: row.get(8)? },
        },
    })
}

fn single(row: &Row<'_>) -> rusqlite::Result<Counted> {
    Ok(Counted {
        time: row.get(0)?,
        patient: row.get(1)?,
        category: row.get(2)?,
        anomaly: row.get(3)?,
        sums: Sums::of(row.get(4)?, row.get(5)?),
    })
}
