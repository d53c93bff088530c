//! Any bytes: reading and assessing them never panics, accounts for every byte, and does not depend on how they arrive.
#![no_main]

use bpmonitor_clinical::{
    DocumentId, Entry, Finding, PseudonymKey, ReadContext, Source, Step, Thresholds, assess, read_all,
    read_next,
};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let source = Source { base_url: "https://a.example/fhir".to_owned(), ..Source::default() };
    let now = Timestamp::from_second(1_800_000_000).unwrap_or(Timestamp::UNIX_EPOCH);
    let context = ReadContext { source: &source, now, record_time: now };
    let mut whole = Vec::new();
    read_all(input, &context, &mut |entry| whole.push(outcome(&entry)));
    // The first byte of the input also says where the buffer ends at first.
    let cut = input.first().map_or(0, |first| input.len() * usize::from(*first) / 255);
    assert_eq!(read_in_two(input, cut, &context), whole);
});

fn read_in_two(input: &[u8], cut: usize, context: &ReadContext<'_>) -> Vec<String> {
    let (mut seen, mut start, mut end) = (Vec::new(), 0, cut);
    while start < input.len() {
        match read_next(&input[start..end], end == input.len(), context, &mut |entry| {
            seen.push(outcome(&entry))
        }) {
            Step::Advanced { bytes, .. } => {
                assert!(bytes > 0 && start + bytes <= end);
                start += bytes;
            }
            Step::NeedMore => {
                assert!(end < input.len());
                end = input.len();
            }
        }
        if start == end {
            end = input.len();
        }
    }
    seen
}

fn outcome(entry: &Entry<'_>) -> String {
    let key = PseudonymKey::new(&[7; PseudonymKey::BYTES]);
    let finding = match &entry.finding {
        Finding::Reading(reading) => {
            let assessment = assess(reading, &Thresholds::default(), None);
            format!("{:?} {}", assessment, DocumentId::of_reading(reading, &key))
        }
        Finding::Withdrawal(withdrawal) => format!("{:?}", DocumentId::of_withdrawal(withdrawal, &key)),
        Finding::Skipped(reason) => reason.code().to_owned(),
        Finding::Rejected(reason) => reason.code().to_owned(),
    };
    format!("{:?} {:?} {finding}", entry.index, entry.observation_id)
}
