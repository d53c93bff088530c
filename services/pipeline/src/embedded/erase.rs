//! Erasing a patient: from the database and the archive, with a record that keeps replays out.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::Deserialize;

use super::archive::{self, SegmentWriter};
use super::failure;
use super::lines::{self, LineError};
use super::removal;
use super::store::Ward;
use super::{Compression, EmbeddedStore, Segment};
use crate::PortError;
use crate::segments::sync_directory;

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Documents of anomalies, and tombstones.
    pub anomalies: u64,
    /// Readings of the archive.
    pub archived: u64,
    /// Whether no page of the database holds the patient any more. False while somebody reads it.
    pub is_compact: bool,
}

/// Whose reading an archive line is.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    reading: Option<Reading<'a>>,
}

impl Line<'_> {
    fn patient(&self) -> Option<&str> {
        self.reading.as_ref()?.patient_id.as_deref()
    }
}

#[derive(Deserialize)]
struct Reading<'a> {
    #[serde(borrow)]
    patient_id: Option<std::borrow::Cow<'a, str>>,
}

/// A segment written anew without a patient.
struct Rewritten {
    old: Segment,
    new: Segment,
    removed: u64,
}

impl EmbeddedStore {
    /// Removes everything of a patient, named as stored, and remembers not to take their readings in again.
    ///
    /// Segments are written anew under new names; one transaction then puts them in place of the old ones, so a kill at any
    /// moment leaves the patient there or gone, and nobody else touched. Running it again finishes what was begun.
    ///
    /// # Errors
    ///
    /// What reading or writing fails with.
    pub fn erase(&self, patient: &str, compression: Compression) -> Result<Erased, PortError> {
        let mut ward = self.locked();
        if ward.database.is_in_transaction() {
            let message = "the ward is being written to: erase the patient when that has ended";
            return Err(PortError::Damaged(message.to_owned()));
        }
        let directory = self.directory().archive();
        let mut rewritten = Vec::new();
        for segment in ward.database.segments()? {
            rewritten.extend(rewrite(&directory, &segment, patient)?);
        }
        let erased = ward.step(|ward| forget(ward, patient, &rewritten))?;
        for segment in &rewritten {
            let path = directory.join(&segment.old.name);
            fs::remove_file(&path).map_err(PortError::io(format!("removing {}", path.display())))?;
        }
        ward.archive =
            SegmentWriter::new(&directory, compression, ward.database.segments()?.last().cloned())?;
        ward.database.execute("VACUUM", "compacting the database")?;
        Ok(Erased { is_compact: ward.database.checkpoint()?, ..erased })
    }
}

/// Removes a patient from the database, and puts the segments written anew in place of the old ones.
fn forget(ward: &mut Ward, patient: &str, rewritten: &[Rewritten]) -> Result<Erased, PortError> {
    let failed = || failure::database("erasing");
    let connection = &ward.database.connection;
    let anomalies =
        connection.execute("DELETE FROM anomalies WHERE patient = ?1", [patient]).map_err(failed())? as u64;
    let now = Timestamp::now().as_microsecond();
    connection
        .execute("INSERT INTO erasures VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![patient, now])
        .map_err(failed())?;
    forget_readings(ward, patient).map_err(failed())?;
    for segment in rewritten {
        ward.database.delete_segment(&segment.old.name)?;
        ward.database.set_segment(&segment.new)?;
    }
    let archived = rewritten.iter().map(|segment| segment.removed).sum();
    Ok(Erased { anomalies, archived, is_compact: false })
}

/// Removes a patient's readings, and what they count for.
fn forget_readings(ward: &mut Ward, patient: &str) -> rusqlite::Result<()> {
    let Ward { database, projection, .. } = ward;
    let connection = &database.connection;
    let sql = "SELECT no FROM patients WHERE patient = ?1";
    let no: Option<i64> = connection.query_row(sql, [patient], |row| row.get(0)).optional()?;
    let Some(no) = no else { return Ok(()) };
    let mut seq = 0;
    loop {
        let rows = removal::rows_of(database, no, seq)?;
        let Some((last, _)) = rows.last() else { break };
        seq = last.seq;
        rows.iter().try_for_each(|(row, id)| projection.remove_or_blank(database, row, id))?;
    }
    // Below the floors nothing is taken away: there may be rows that nobody reads any more.
    connection.execute("DELETE FROM hours WHERE patient = ?1", [no])?;
    connection.execute("DELETE FROM days WHERE patient = ?1", [no])?;
    connection.execute("DELETE FROM patients WHERE no = ?1", [no])?;
    projection.rollups.forget(no);
    projection.patients.forget();
    Ok(())
}

/// Writes a segment anew without a patient's readings; none where it has none of them.
fn rewrite(directory: &Path, segment: &Segment, patient: &str) -> Result<Option<Rewritten>, PortError> {
    let what = || format!("rewriting {}", directory.join(&segment.name).display());
    let failed = || PortError::io(what());
    let name = archive::next_name(&segment.name);
    let path = directory.join(&name);
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
    let file = file.map_err(failed())?;
    let (kept, removed) = filter(directory, segment, patient, file)?;
    if removed == 0 {
        fs::remove_file(&path).map_err(failed())?;
        return Ok(None);
    }
    sync_directory(directory).map_err(failed())?;
    let bytes = fs::metadata(&path).map_err(failed())?.len();
    let new = Segment { name, bytes, lines: kept, written: segment.written };
    Ok(Some(Rewritten { old: segment.clone(), new, removed }))
}

/// Copies the lines of others; how many were kept and how many were not.
fn filter(directory: &Path, segment: &Segment, patient: &str, file: File) -> Result<(u64, u64), PortError> {
    let failed = || PortError::io(format!("rewriting {}", directory.join(&segment.name).display()));
    let mut out = archive::Encoder::new(&segment.name, file).map_err(failed())?;
    let (mut kept, mut removed) = (0, 0);
    lines::for_each(directory, segment, 0, |text| {
        let line: Line<'_> = serde_json::from_str(text)?;
        if line.patient() == Some(patient) {
            removed += 1;
            return Ok(());
        }
        kept += 1;
        out.write_all(text.as_bytes()).map_err(failed()).map_err(LineError::Other)
    })?;
    out.finish().map_err(failed())?;
    Ok((kept, removed))
}
