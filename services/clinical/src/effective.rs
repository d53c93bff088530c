//! When a pressure was measured, and how old the patient was.

use enumset::EnumSet;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::fhir::Resource;
use crate::field::{Field, Text};
use crate::time::{self, FhirTime};
use crate::{Flag, ReadContext, RejectionReason};

/// Age in years from which adult bands apply. doi:10.1542/peds.2017-1904
const ADULT_BANDS_FROM_YEARS: i64 = 13;

/// When it was measured: the effective time, else `issued`.
pub(crate) fn effective_time(
    resource: &Resource<'_>,
    context: &ReadContext<'_>,
    flags: &mut EnumSet<Flag>,
) -> Result<Timestamp, RejectionReason> {
    let time = if let Some(time) = given_time(resource)? {
        time
    } else {
        *flags |= Flag::TimeFromIssued;
        issued_time(resource)?
    };
    if time.zone_missing {
        *flags |= Flag::TimezoneMissing;
    }
    if time.imprecise {
        *flags |= Flag::TimeImprecise;
    }
    let latest = context.now.saturating_add(context.source.max_skew).unwrap_or(Timestamp::MAX);
    if time.timestamp > latest {
        return Err(RejectionReason::Future);
    }
    Ok(time.timestamp)
}

fn given_time(resource: &Resource<'_>) -> Result<Option<FhirTime>, RejectionReason> {
    let candidates = [&resource.effective_date_time, &resource.effective_instant];
    let given = match candidates.into_iter().find(|text| !text.is_absent()) {
        Some(text) => text,
        None => match &resource.effective_period {
            Field::Absent => return Ok(None),
            Field::Wrong => return Err(RejectionReason::NotFhir),
            Field::Is(period) if period.end.is_absent() => &period.start,
            Field::Is(period) => &period.end,
        },
    };
    read_time(given)
}

fn read_time(text: &Text<'_>) -> Result<Option<FhirTime>, RejectionReason> {
    match text {
        Field::Absent => Ok(None),
        Field::Wrong => Err(RejectionReason::NotFhir),
        Field::Is(text) => time::parse(text).map(Some).ok_or(RejectionReason::InvalidTime),
    }
}

fn issued_time(resource: &Resource<'_>) -> Result<FhirTime, RejectionReason> {
    read_time(&resource.issued)?.ok_or(RejectionReason::NoTime)
}

/// Whether somebody born on `born` at the earliest was certainly under 13 at that time.
pub(crate) fn was_child(born: Date, effective: Timestamp) -> bool {
    let day = effective.to_zoned(TimeZone::UTC).date();
    let first_adult_day = born.checked_add(ADULT_BANDS_FROM_YEARS.years());
    first_adult_day.is_ok_and(|adult| day < adult)
}
