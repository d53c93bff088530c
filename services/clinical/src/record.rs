//! From bytes to entries: one resource, a Bundle, NDJSON, or these one after another.

use std::borrow::Cow;

use memchr::memchr;
use serde::de::IgnoredAny;
use serde_json::error::Category as JsonError;

use crate::fhir::{BundleEntry, Resource, from_raw};
use crate::field::Field;
use crate::observation::{Place, read_observation};
use crate::patient::BundlePatients;
use crate::{Finding, ReadContext, RejectionReason, SkipReason};

/// The largest record that is read, in bytes: the largest message that the observations topic takes.
pub const MAX_RECORD_BYTES: usize = 32 * 1024 * 1024;
/// How deep JSON may be nested.
const MAX_DEPTH: usize = 128;

/// One entry of a record: a resource of its own, or one in a Bundle.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Which entry of its Bundle, counted from 0; none outside of a Bundle.
    pub index: Option<u32>,
    /// The entry's bytes as they were received.
    pub raw: &'a [u8],
    /// `Observation.id`, if it could be read.
    pub observation_id: Option<Cow<'a, str>>,
    /// What it turned out to be.
    pub finding: Finding<'a>,
}

/// How far [`read_next`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A record, or blank space, was used up.
    Advanced {
        /// Bytes used, the line end included.
        bytes: usize,
        /// Line ends in them.
        lines: usize,
    },
    /// The buffer ends within a record, and there is more input to come.
    NeedMore,
}

/// Reads the next record of `buffer` and hands its entries to `visit`. `at_end` says that no input follows the buffer.
///
/// A record is a line that is a JSON value, or a JSON value that spans lines. Anything else costs one line.
pub fn read_next<'a>(
    buffer: &'a [u8],
    at_end: bool,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Step {
    let (line, used) = match memchr(b'\n', buffer) {
        Some(end) => (&buffer[..end], end + 1),
        None if at_end || buffer.len() > MAX_RECORD_BYTES => (buffer, buffer.len()),
        None => return Step::NeedMore,
    };
    let lines = usize::from(used > line.len());
    let text = trimmed(line);
    if text.is_empty() {
        return Step::Advanced { bytes: used, lines };
    }
    match read_document(text, context, visit) {
        Ok(()) => Step::Advanced { bytes: used, lines },
        Err(Unread::CutShort) if used < buffer.len() || !at_end => match spanning_document(buffer, at_end) {
            Span::Whole(end) => {
                let document = &buffer[..end];
                if let Err(unread) = read_document(trimmed(document), context, visit) {
                    visit(rejected(document, unread.reason()));
                }
                Step::Advanced { bytes: end, lines: memchr::memchr_iter(b'\n', document).count() }
            }
            Span::NeedMore => Step::NeedMore,
            Span::None => {
                visit(rejected(text, RejectionReason::NotJson));
                Step::Advanced { bytes: used, lines }
            }
        },
        Err(unread) => {
            visit(rejected(text, unread.reason()));
            Step::Advanced { bytes: used, lines }
        }
    }
}

/// Reads a whole message: everything in it, one record after another.
pub fn read_all<'a>(message: &'a [u8], context: &ReadContext<'a>, visit: &mut impl FnMut(Entry<'_>)) {
    let mut rest = message;
    while !rest.is_empty() {
        match read_next(rest, true, context, visit) {
            Step::Advanced { bytes, .. } => rest = &rest[bytes..],
            Step::NeedMore => return,
        }
    }
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii()
}

fn rejected(raw: &[u8], reason: RejectionReason) -> Entry<'_> {
    Entry { index: None, raw, observation_id: None, finding: Finding::Rejected(reason) }
}

/// Why a text is not a readable document.
enum Unread {
    /// It may be the beginning of one.
    CutShort,
    Rejected(RejectionReason),
}

impl Unread {
    const fn reason(&self) -> RejectionReason {
        match self {
            Self::CutShort => RejectionReason::NotJson,
            Self::Rejected(reason) => *reason,
        }
    }
}

fn classified(error: &serde_json::Error) -> Unread {
    match error.classify() {
        JsonError::Eof => Unread::CutShort,
        JsonError::Data => Unread::Rejected(RejectionReason::NotFhir),
        JsonError::Syntax | JsonError::Io => Unread::Rejected(RejectionReason::NotJson),
    }
}

/// Where a JSON value that begins in the first line ends.
enum Span {
    /// Behind the line end of its last line.
    Whole(usize),
    NeedMore,
    None,
}

fn spanning_document(buffer: &[u8], at_end: bool) -> Span {
    if buffer.len() > MAX_RECORD_BYTES {
        return Span::None;
    }
    let skipped = buffer.len() - buffer.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(buffer).len();
    let mut values = serde_json::Deserializer::from_slice(&buffer[skipped..]).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => {
            let end = skipped + values.byte_offset();
            let rest = &buffer[end..];
            let line_end = memchr(b'\n', rest);
            if line_end.is_none() && !at_end {
                return Span::NeedMore;
            }
            let after = line_end.map_or(rest.len(), |at| at + 1);
            if rest[..after].trim_ascii().is_empty() { Span::Whole(end + after) } else { Span::None }
        }
        Some(Err(error)) if error.is_eof() && !at_end => Span::NeedMore,
        _ => Span::None,
    }
}

fn read_document<'a>(
    text: &'a [u8],
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) -> Result<(), Unread> {
    if text.len() > MAX_RECORD_BYTES {
        return Err(Unread::Rejected(RejectionReason::TooLarge));
    }
    let text = std::str::from_utf8(text).map_err(|_| Unread::Rejected(RejectionReason::NotJson))?;
    let parsed = serde_json::from_str::<Field<Resource<'a>>>(text).map_err(|error| classified(&error))?;
    if is_too_deep(text.as_bytes()) {
        return Err(Unread::Rejected(RejectionReason::TooDeep));
    }
    match parsed {
        Field::Is(resource) => {
            read_resource(resource, text, None, &NO_BUNDLE, context, visit);
            Ok(())
        }
        Field::Absent | Field::Wrong => Err(Unread::Rejected(RejectionReason::NotFhir)),
    }
}

/// What an entry knows of the Bundle it stands in.
struct InBundle<'s, 'a> {
    full_url: Option<&'a str>,
    patients: Option<&'s BundlePatients<'a>>,
}

const NO_BUNDLE: InBundle<'static, 'static> = InBundle { full_url: None, patients: None };

fn read_resource<'a>(
    resource: Resource<'a>,
    raw: &'a str,
    counter: Option<&mut u32>,
    bundle: &InBundle<'_, 'a>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let kind = resource.kind.filled();
    if kind == Some("Bundle") {
        return read_bundle(&resource, raw, counter, context, visit);
    }
    let observation_id = resource.id.as_ref().cloned().filter(|_| kind == Some("Observation"));
    let finding = match kind {
        None => Finding::Rejected(RejectionReason::NotFhir),
        Some("Observation") => {
            let none = BundlePatients::default();
            let place = Place { full_url: bundle.full_url, patients: bundle.patients.unwrap_or(&none) };
            read_observation(resource, &place, context)
        }
        Some(_) => Finding::Skipped(SkipReason::NotObservation),
    };
    visit(Entry { index: next_index(counter), raw: raw.as_bytes(), observation_id, finding });
}

fn next_index(counter: Option<&mut u32>) -> Option<u32> {
    let counter = counter?;
    let index = *counter;
    *counter = counter.saturating_add(1);
    Some(index)
}

fn read_bundle<'a>(
    bundle: &Resource<'a>,
    raw: &'a str,
    counter: Option<&mut u32>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let whole = |index, finding| Entry { index, raw: raw.as_bytes(), observation_id: None, finding };
    let entries = match bundle.entry.map(from_raw::<Vec<Field<BundleEntry<'a>>>>) {
        None | Some(Ok(Field::Absent)) => Vec::new(),
        Some(Ok(Field::Is(entries))) => entries,
        Some(Ok(Field::Wrong) | Err(_)) => {
            return visit(whole(next_index(counter), Finding::Rejected(RejectionReason::NotFhir)));
        }
    };
    if entries.is_empty() {
        return visit(whole(next_index(counter), Finding::Skipped(SkipReason::EmptyBundle)));
    }
    let mut own_counter = 0;
    let counter = counter.unwrap_or(&mut own_counter);
    let patients = patients_of(&entries, context);
    for entry in &entries {
        read_entry(entry, counter, &patients, context, visit);
    }
}

fn patients_of<'a>(entries: &[Field<BundleEntry<'a>>], context: &ReadContext<'a>) -> BundlePatients<'a> {
    let mut patients = BundlePatients::default();
    for entry in entries.iter().filter_map(Field::as_ref) {
        if let Some(resource) = entry.resource {
            patients.add(borrowed(&entry.full_url), resource, &context.source.base_url);
        }
    }
    patients
}

fn read_entry<'a>(
    entry: &Field<BundleEntry<'a>>,
    counter: &mut u32,
    patients: &BundlePatients<'a>,
    context: &ReadContext<'a>,
    visit: &mut impl FnMut(Entry<'_>),
) {
    let resource = entry.as_ref().and_then(|entry| entry.resource).filter(|raw| raw.get() != "null");
    let Some((entry, raw)) = entry.as_ref().zip(resource) else {
        let finding = match entry {
            Field::Wrong => Finding::Rejected(RejectionReason::NotFhir),
            Field::Absent | Field::Is(_) => Finding::Skipped(SkipReason::NotObservation),
        };
        return visit(Entry { index: next_index(Some(counter)), raw: b"", observation_id: None, finding });
    };
    match from_raw::<Resource<'a>>(raw) {
        Ok(Field::Is(resource)) => {
            let bundle = InBundle { full_url: borrowed(&entry.full_url), patients: Some(patients) };
            read_resource(resource, raw.get(), Some(counter), &bundle, context, visit);
        }
        Ok(Field::Absent | Field::Wrong) | Err(_) => visit(Entry {
            index: next_index(Some(counter)),
            raw: raw.get().as_bytes(),
            observation_id: None,
            finding: Finding::Rejected(RejectionReason::NotFhir),
        }),
    }
}

/// A URL as it stands in the document. One with escapes in it is no URL.
fn borrowed<'a>(text: &Field<Cow<'a, str>>) -> Option<&'a str> {
    match text {
        Field::Is(Cow::Borrowed(text)) => Some(text),
        Field::Is(Cow::Owned(_)) | Field::Absent | Field::Wrong => None,
    }
}

/// Whether valid JSON is nested deeper than [`MAX_DEPTH`].
fn is_too_deep(json: &[u8]) -> bool {
    // `{` and `[` differ in one bit only: without so many of them no nesting can be too deep.
    let opened: usize = json.chunks(255).map(|chunk| usize::from(opens(chunk))).sum();
    opened > MAX_DEPTH && depth(json) > MAX_DEPTH
}

fn opens(chunk: &[u8]) -> u8 {
    chunk.iter().fold(0, |count, byte| count.wrapping_add(u8::from(byte | 0x20 == b'{')))
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
