//! FHIR dates and times: `YYYY`, `YYYY-MM`, `YYYY-MM-DD` and `YYYY-MM-DDThh:mm[:ss[.f]][zone]`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A FHIR date or time as an instant, and what had to be assumed to make it one.
///
/// Source: <https://hl7.org/fhir/R4/datatypes.html#dateTime>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FhirTime {
    pub(crate) timestamp: Timestamp,
    /// Only a date, a month or a year was given: the instant is its first.
    pub(crate) imprecise: bool,
    /// A time without a zone, read as UTC.
    pub(crate) zone_missing: bool,
}

/// Reads a FHIR `dateTime`, `instant` or `date`.
pub(crate) fn parse(text: &str) -> Option<FhirTime> {
    let (date_text, time_text) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = parse_date(date_text, time_text.is_some())?;
    let (time, offset) = match time_text {
        Some(time_text) => parse_time(time_text)?,
        None => (Time::midnight(), None),
    };
    let timestamp = offset.unwrap_or(Offset::UTC).to_timestamp(DateTime::from_parts(date, time));
    Some(FhirTime {
        // FHIR's years begin with 1, so only the last days of 9999 are out of range.
        timestamp: timestamp.unwrap_or(Timestamp::MAX),
        imprecise: time_text.is_none(),
        zone_missing: time_text.is_some() && offset.is_none(),
    })
}

/// The earliest day that a FHIR `date` (of any precision) can mean.
pub(crate) fn parse_day(text: &str) -> Option<Date> {
    parse_date(text, false)
}

fn parse_date(text: &str, whole_day_needed: bool) -> Option<Date> {
    let bytes = text.as_bytes();
    let year = i16::try_from(number(bytes.get(..4)?)?).ok().filter(|year| *year > 0)?;
    let (month, day) = match bytes.len() {
        4 if !whole_day_needed => (1, 1),
        7 if !whole_day_needed && bytes[4] == b'-' => (number(&bytes[5..7])?, 1),
        10 if bytes[4] == b'-' && bytes[7] == b'-' => (number(&bytes[5..7])?, number(&bytes[8..10])?),
        _ => return None,
    };
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn parse_time(text: &str) -> Option<(Time, Option<Offset>)> {
    let bytes = text.as_bytes();
    let (clock, offset) = match bytes {
        [clock @ .., b'Z'] => (clock, Some(Offset::UTC)),
        [clock @ .., sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            (clock, Some(parse_offset(*sign, [*h1, *h2], [*m1, *m2])?))
        }
        clock => (clock, None),
    };
    let ([h1, h2, b':', m1, m2], rest) = clock.split_first_chunk::<5>()? else {
        return None;
    };
    let (second, nanosecond) = match rest {
        [] => (0, 0),
        [b':', s1, s2] => (number(&[*s1, *s2])?, 0),
        [b':', s1, s2, b'.', fraction @ ..] => (number(&[*s1, *s2])?, nanoseconds(fraction)?),
        _ => return None,
    };
    let time = Time::new(
        i8::try_from(number(&[*h1, *h2])?).ok()?,
        i8::try_from(number(&[*m1, *m2])?).ok()?,
        i8::try_from(if second == 60 { 59 } else { second }).ok()?,
        nanosecond,
    );
    Some((time.ok()?, offset))
}

fn parse_offset(sign: u8, hours: [u8; 2], minutes: [u8; 2]) -> Option<Offset> {
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    // FHIR's own pattern ends at +14:00.
    if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
        return None;
    }
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    Offset::from_seconds(if sign == b'-' { -seconds } else { seconds }).ok()
}

fn nanoseconds(fraction: &[u8]) -> Option<i32> {
    if fraction.is_empty() || !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = &fraction[..fraction.len().min(9)];
    let padding = 10_u32.pow(u32::try_from(9 - kept.len()).ok()?);
    i32::try_from(number(kept)? * padding).ok()
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_precision_and_zone() {
        for (text, expected, imprecise, zone_missing) in [
            ("2026-03-01T10:20:30Z", "2026-03-01T10:20:30Z", false, false),
            ("2026-03-01T10:20:30.123456789123Z", "2026-03-01T10:20:30.123456789Z", false, false),
            ("2026-03-01T10:20:30.5+02:00", "2026-03-01T08:20:30.5Z", false, false),
            ("2026-03-01T10:20:30-11:30", "2026-03-01T21:50:30Z", false, false),
            ("2026-03-01T10:20:30+14:00", "2026-02-28T20:20:30Z", false, false),
            ("2026-03-01T10:20:60Z", "2026-03-01T10:20:59Z", false, false),
            ("2026-03-01T10:20Z", "2026-03-01T10:20:00Z", false, false),
            ("2026-03-01T10:20:30", "2026-03-01T10:20:30Z", false, true),
            ("2026-03-01", "2026-03-01T00:00:00Z", true, false),
            ("2026-03", "2026-03-01T00:00:00Z", true, false),
            ("2026", "2026-01-01T00:00:00Z", true, false),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", false, false),
            ("0001-01-01T00:00:00+14:00", "0000-12-31T10:00:00Z", false, false),
            ("9999-12-31", "9999-12-30T22:00:00.999999999Z", true, false),
        ] {
            let time = parse(text).unwrap_or_else(|| panic!("{text} is a FHIR time"));
            assert_eq!(time.timestamp.to_string(), expected, "{text}");
            assert_eq!((time.imprecise, time.zone_missing), (imprecise, zone_missing), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_fhir_time() {
        for text in [
            "",
            "yesterday",
            "20260301",
            "0000",
            "0000-01-01T00:00:00Z",
            "2026-3-1",
            "2026-13-01",
            "2026-02-30",
            "2025-02-29T00:00:00Z",
            "2026-03T10:20:30Z",
            "2026-03-01 10:20:30Z",
            "2026-03-01T10Z",
            "2026-03-01T25:00:00Z",
            "2026-03-01T10:60:00Z",
            "2026-03-01T10:20:61Z",
            "2026-03-01T10:20:30.Z",
            "2026-03-01T10:20:30+0200",
            "2026-03-01T10:20:30+15:00",
            "2026-03-01T10:20:30Z[Europe/Paris]",
            "2026-03-01T10:20:30é",
            "٢٠٢٦-03-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
