//! One record of a file: where it ends, whose it is.

use bpmonitor_clinical::{Entry, Finding, ReadContext, RejectionReason, Step, read_next};

/// A record, as it was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'b> {
    /// Without white space around it; empty where there is nothing else.
    pub(super) payload: &'b [u8],
    /// The identity of its patient, where there is one and only one.
    pub(super) patient: Option<String>,
    /// Whether anything of it is FHIR.
    pub(super) is_fhir: bool,
    /// Its length, the line end included.
    pub(super) bytes: usize,
    /// Line ends in it.
    pub(super) lines: usize,
}

/// What a record's entries say of it.
#[derive(Debug, Default)]
struct Seen {
    patient: Option<String>,
    has_several_patients: bool,
    not_fhir: usize,
    entries: usize,
}

impl Seen {
    fn add(&mut self, entry: &Entry<'_>) {
        self.entries += 1;
        let patient = match &entry.finding {
            Finding::Reading(reading) => Some(&reading.patient),
            Finding::Withdrawal(withdrawal) => withdrawal.patient.as_ref(),
            Finding::Rejected(RejectionReason::NotJson | RejectionReason::NotFhir) => {
                self.not_fhir += 1;
                None
            }
            Finding::Rejected(_) | Finding::Skipped(_) => None,
        };
        let Some(patient) = patient.map(|patient| patient.identity.to_string()) else { return };
        match &self.patient {
            None => self.patient = Some(patient),
            Some(other) => self.has_several_patients |= *other != patient,
        }
    }
}

/// The first record of `buffer`; none where its end is not there yet. `is_all` says that nothing follows the buffer.
pub(super) fn first<'b>(buffer: &'b [u8], is_all: bool, context: &ReadContext<'b>) -> Option<Record<'b>> {
    let mut seen = Seen::default();
    match read_next(buffer, is_all, context, &mut |entry| seen.add(&entry)) {
        Step::NeedMore => None,
        Step::Advanced { bytes, lines } => Some(Record {
            payload: buffer.get(..bytes).unwrap_or(buffer).trim_ascii(),
            patient: seen.patient.filter(|_| !seen.has_several_patients),
            is_fhir: seen.entries == 0 || seen.not_fhir < seen.entries,
            bytes,
            lines,
        }),
    }
}

#[cfg(test)]
mod tests {
    use bpmonitor_clinical::Source;
    use jiff::Timestamp;

    use super::*;

    fn reading(patient: &str) -> String {
        format!(
            r#"{{"resourceType":"Observation","status":"final","subject":{{"reference":"{patient}"}},"effectiveDateTime":"2026-01-01T00:00:00Z","component":[{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6"}}]}},"valueQuantity":{{"value":120,"unit":"mmHg"}}}},{{"code":{{"coding":[{{"system":"http://loinc.org","code":"8462-4"}}]}},"valueQuantity":{{"value":80,"unit":"mmHg"}}}}]}}"#
        )
    }

    fn bundle(patients: &[&str]) -> String {
        let entries: Vec<String> =
            patients.iter().map(|patient| format!(r#"{{"resource":{}}}"#, reading(patient))).collect();
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","))
    }

    #[test]
    fn a_record_has_a_patient_where_it_has_only_one() {
        let source = Source::default();
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let context = ReadContext { source: &source, now, record_time: now };
        let (one, two) = (bundle(&["Patient/a", "Patient/a"]), bundle(&["Patient/a", "Patient/b"]));
        for (text, patient, is_fhir) in [
            (reading("Patient/a").as_str(), Some("Patient/a"), true),
            (one.as_str(), Some("Patient/a"), true),
            (two.as_str(), None, true),
            (r#"{"resourceType":"Patient"}"#, None, true),
            (r#"{"resourceType":"Bundle"}"#, None, true),
            ("no JSON", None, false),
            (r#"{"a":1}"#, None, false),
        ] {
            let buffer = format!("{text}\r\nrest");
            let record = first(buffer.as_bytes(), true, &context).unwrap();
            assert_eq!((record.patient.as_deref(), record.is_fhir), (patient, is_fhir), "{text}");
            assert_eq!((record.payload, record.lines), (text.as_bytes(), 1));
            assert_eq!(&buffer[record.bytes..], "rest");
        }
        assert_eq!(first(b"{\"a\":", false, &context), None);
        assert_eq!(first(b" \n", true, &context).unwrap().payload, b"");
    }
}
