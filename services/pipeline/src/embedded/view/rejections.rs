//! What could not be read, by reason and one by one.

use std::cmp::Reverse;
use std::path::Path;

use bpmonitor_clinical::RejectionReason;
use enumset::EnumSet;
use rusqlite::Row;

use super::View;
use super::answers::{RejectedEntry, Rejections, RejectionsByReason};
use crate::embedded::database::{reason_of, time_of};
use crate::embedded::failure;
use crate::{PortError, Tally};

impl View {
    /// How many entries could not be read, and the latest `limit` of them that are kept.
    ///
    /// # Errors
    ///
    /// What reading the database fails with.
    pub fn rejections(&self, limit: usize) -> Result<Rejections, PortError> {
        let _moment = self.moment()?;
        let tally = self.database.totals()?;
        let latest = self.latest_rejected(limit).map_err(failure::database("reading dead letters"))?;
        Ok(Rejections { total: tally.rejected, reasons: by_reason(&tally), latest })
    }

    fn latest_rejected(&self, limit: usize) -> rusqlite::Result<Vec<RejectedEntry>> {
        let sql =
            "SELECT seq, reason, stored, topic, line, entry FROM dead_letters ORDER BY seq DESC LIMIT ?1";
        let mut select = self.database.connection.prepare_cached(sql)?;
        select.query_map([limit.cast_signed()], entry_of)?.collect()
    }
}

fn by_reason(tally: &Tally) -> Vec<RejectionsByReason> {
    let of = |reason: RejectionReason| {
        let rejections = *tally.rejections.get(reason.code())?;
        Some(RejectionsByReason { reason, rejections, message: reason.message() })
    };
    let mut reasons: Vec<_> = EnumSet::all().iter().filter_map(of).collect();
    reasons.sort_by_key(|of| Reverse(of.rejections));
    reasons
}

fn entry_of(row: &Row<'_>) -> rusqlite::Result<RejectedEntry> {
    let topic: String = row.get(3)?;
    let name = Path::new(&topic).file_name().and_then(|name| name.to_str());
    Ok(RejectedEntry {
        number: row.get(0)?,
        reason: reason_of(row.get(1)?),
        stored: time_of(row.get(2)?),
        source: name.unwrap_or_default().to_owned(),
        line: Some(row.get::<_, i64>(4)?.cast_unsigned()).filter(|line| *line > 0),
        entry: u32::try_from(row.get::<_, i64>(5)?).ok(),
    })
}
