//! Wherever a reader's chunks end, the same entries are read.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::io::{self, Read};

use bpmonitor_clinical::{ReadContext, Source, Step, read_all, read_next};
use bpmonitor_pipeline::files::{Chunks, Filled};
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

/// Gives at most so many bytes at a time.
struct Drip<'a>(&'a [u8], usize);

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = into.len().min(self.1);
        self.0.read(&mut into[..length])
    }
}

/// An entry as text, with the line that its record begins in.
type Seen = Vec<(usize, String)>;

fn in_chunks(text: &[u8], chunk: usize, drip: usize, context: &ReadContext<'_>) -> Seen {
    let mut chunks = Chunks::new(Drip(text, drip), chunk);
    let (mut seen, mut line) = (Vec::new(), 1);
    loop {
        let at_end = chunks.fill().unwrap() == Filled::AtEnd;
        let mut used = 0;
        while used < chunks.bytes().len() {
            let step = read_next(&chunks.bytes()[used..], at_end, context, &mut |entry| {
                seen.push((line, format!("{:?} {:?}", entry.index, entry.finding)));
            });
            let Step::Advanced { bytes, lines } = step else { break };
            used += bytes;
            line += lines;
        }
        chunks.consume(used);
        if at_end {
            assert_eq!(chunks.bytes(), b"", "everything is used at the end");
            return seen;
        }
    }
}

fn at_once(text: &[u8], context: &ReadContext<'_>) -> Vec<String> {
    let mut seen = Vec::new();
    read_all(text, context, &mut |entry| seen.push(format!("{:?} {:?}", entry.index, entry.finding)));
    seen
}

fn piece() -> impl Strategy<Value = String> {
    let reading = |systolic: u32| {
        format!(
            r#"{{"resourceType":"Observation","id":"o{systolic}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6"}}]}},"subject":{{"reference":"Patient/1"}},"effectiveDateTime":"2024-03-01","valueQuantity":{{"value":{systolic},"unit":"mmHg"}}}}"#
        )
    };
    let pretty = move |systolic| reading(systolic).replace('{', "{\n").replace(',', ",\n");
    let bundle = move |systolic| {
        format!("{{\"resourceType\":\"Bundle\",\"entry\":[\n{{\"resource\":{}}},{{}}]}}", reading(systolic))
    };
    prop_oneof![
        (140_u32..200).prop_map(reading),
        (140_u32..200).prop_map(pretty),
        (140_u32..200).prop_map(bundle),
        (140_u32..200).prop_map(move |systolic| reading(systolic)[..60].to_owned()),
        "[a-z{}\\[\\]\":,0-9 ]{0,12}",
        Just("\u{feff}".to_owned()),
    ]
}

proptest! {
    #[test]
    fn the_same_entries_are_read(
        pieces in vec((piece(), prop_oneof![3 => Just("\n"), 1 => Just("\r\n"), 1 => Just(""), 1 => Just(" ")]), 0..8),
        chunk in 1_usize..200,
        drip in 1_usize..300,
    ) {
        let text: String = pieces.iter().flat_map(|(piece, end)| [piece.as_str(), end]).collect();
        let source = Source::default();
        let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 365 * 60);
        let context = ReadContext { source: &source, now, record_time: now };
        let whole = in_chunks(text.as_bytes(), 1 << 20, 1 << 20, &context);
        prop_assert_eq!(&in_chunks(text.as_bytes(), chunk, drip, &context), &whole);
        let entries: Vec<String> = whole.into_iter().map(|(_, entry)| entry).collect();
        prop_assert_eq!(entries, at_once(text.as_bytes(), &context));
    }
}
